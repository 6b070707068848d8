"""Folding what people were asked, and what they said."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from holdfast.loop.history import ApprovalState, History, Proposed
from holdfast.loop.transcript import Returned
from holdfast.policy.approval import routing_of

Data: TypeAlias = Mapping[str, Any]
"""An event's data: JSON of our own writing, its shape given by kind and version (`trail/events.py`)."""


def opened(history: History, data: Data) -> None:
    history.approvals[data["approval_id"]] = ApprovalState(
        id=data["approval_id"],
        kind=data["kind"],
        call_id=data["call_id"],
        reason=data["reason"],
        gate=data["gate"],
        digest=data["digest"],
        schema_hash=data["schema_hash"],
        arguments=data.get("arguments"),
        routing=routing_of(data.get("routing")),
        groups=(data["reviewers"],) if data.get("reviewers") else (),
    )


def escalated(history: History, data: Data) -> None:
    known = history.approvals.get(data["approval_id"])
    if known and known.groups:
        history.approvals[known.id] = replace(known, groups=(*known.groups, data["to"]))


def proposed(history: History, data: Data) -> None:
    if data["decision"]["verdict"] == "review":
        history.proposed = Proposed(
            result=data["result"],
            digest=data["digest"],
            provider_call_id=data["provider_call_id"],
            tool=data["tool"],
        )


def result_refused(history: History, data: Data) -> None:
    history.proposed = None
    history.forget_approvals("result")
    if data["provider_call_id"]:
        message, tool = data["message"], data["tool"]
        history.notes.append(message)
        history.add(Returned(provider_call_id=data["provider_call_id"], tool=tool, content=message, status="failed"))
    else:
        history.tell(data["message"])


def taught(history: History, data: Data) -> None:
    history.taught = tuple(data["ids"])
    for note in data["notes"]:
        history.tell(note)


def silence(data: Data) -> str:
    """Who was asked in vain, in words."""
    asked = " and ".join(data.get("groups") or ())
    votes = f"{data['yes']} of {data['quorum']} had agreed" if data.get("quorum", 1) > 1 else ""
    return "; ".join(part for part in (f"{asked} were asked" if asked else "", votes) if part)


def ruled(history: History, data: Data) -> None:
    known = history.approvals.get(data["approval_id"])
    if known:
        history.approvals[known.id] = replace(
            known,
            over=True,
            answer=data.get("answer"),
            by=data.get("by", ""),
            note=data["note"] if "note" in data else silence(data),
            edit=data.get("edit"),
            voters=tuple(data.get("voters") or ()),
        )


def escalation_answered(history: History, data: Data) -> None:
    history.forget_approvals("escalation")
    history.corrections, history.malformed = 0, False
    history.seen.clear()
    history.tried.clear()
    history.failures.clear()
    if data["note"] and not data.get("call_id"):
        history.tell(data["note"])
