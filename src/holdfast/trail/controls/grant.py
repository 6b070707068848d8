"""StatusCounts yeses: whether one may be used once more. Pure."""

from datetime import datetime

from holdfast.trail.controls.cell import Data
from holdfast.types import Grant


def objection(data: Data, now: datetime) -> str | None:
    """Why it may not be used, if it may not."""
    if data["revoked_by"]:
        return f"it was revoked by {data['revoked_by']}"
    if now >= datetime.fromisoformat(data["until"]):
        return f"it ran out at {data['until'][:16]}"
    if data["used"] >= data["uses"]:
        return f"all its {data['uses']} uses are used up"
    return None


def used(data: Data) -> Data:
    """It after one more use."""
    return {**data, "used": data["used"] + 1}


def as_data(grant: Grant) -> Data:
    """A grant as it is stored."""
    return {
        "tool": grant.tool,
        "agent": grant.agent,
        "bounds": grant.bounds,
        "until": grant.until.isoformat(),
        "uses": grant.uses,
        "used": grant.used,
        "by": grant.by,
        "why": grant.why,
        "at": grant.at.isoformat(),
        "revoked_by": grant.revoked_by,
    }


def show(grant_id: str, data: Data) -> Grant:
    """A grant as people see it."""
    fields: Data = {
        **data,
        "id": grant_id,
        "until": datetime.fromisoformat(data["until"]),
        "at": datetime.fromisoformat(data["at"]),
    }
    return Grant(**fields)
