"""What an approval is bound to, and what a decided one means for its call. Pure."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from holdfast.trail.codec import canonical
from holdfast.types import ApprovalKind, Decision, Due, Json, NewApproval, Proposal, Routing

ASKED_AGAIN = "approval_binding"
"""The gate of a question asked again because the answer to the first does not cover the call as it would run now."""


RESULT = "final_result"
"""In the place of a tool's name, in the digest of a final result."""


def digest(tool: str, arguments: Json, text: str | None = None) -> str:
    """SHA-256 of a call as it would run, or of a result: any other arguments give another one.

    Args:
        tool: Which.
        arguments: Of the call.
        text: Their canonical text, where it is known.
    """
    return sha256(f"{tool}\n{canonical(arguments) if text is None else text}".encode()).hexdigest()


def ask_for_call(
    proposal: Proposal, decision: Decision, *, approval_id: str, now: datetime, expiry_s: float
) -> NewApproval:
    """The question whether one call may run."""
    about = f"May {proposal.agent} run {proposal.tool}?"
    new = _ask_about(proposal, decision, kind="call", question=about, approval_id=approval_id)
    return route(new, decision.routing, now=now, expiry_s=expiry_s)


def ask_for_result(  # noqa: PLR0913 - as `ask_for_call`, with what is asked about
    proposal: Proposal, result: Json, decision: Decision, *, approval_id: str, now: datetime, expiry_s: float
) -> NewApproval:
    """The question whether this may be the result."""
    about = f"May {proposal.agent} end with this result?"
    new = _ask_about(proposal, decision, kind="result", question=about, approval_id=approval_id)
    return route(replace(new, arguments=result), decision.routing, now=now, expiry_s=expiry_s)


def route(new: NewApproval, routing: Routing | None, *, now: datetime, expiry_s: float) -> NewApproval:
    """A question with whom to ask and what happens while nobody answers."""
    declared, routing = routing, routing or Routing()
    ends = now + timedelta(seconds=expiry_s if routing.expires_s is None else routing.expires_s)
    due = [Due(at=now + timedelta(seconds=seconds), to=group) for group, seconds in routing.ladder]
    if routing.remind_s is not None:
        due.append(Due(at=now + timedelta(seconds=routing.remind_s)))
    return replace(
        new,
        reviewers=routing.reviewers,
        quorum=routing.quorum,
        expires_at=ends,
        routing=declared,
        ladder=tuple(sorted((item for item in due if item.at < ends), key=lambda item: item.at)),
    )


def _ask_about(
    proposal: Proposal, decision: Decision, *, kind: ApprovalKind, question: str, approval_id: str
) -> NewApproval:
    return NewApproval(
        id=approval_id,
        kind=kind,
        question=question,
        reason=decision.reason,
        gate=decision.gate,
        risk=decision.risk,
        expires_at=datetime.max.replace(tzinfo=UTC),
        call_id=proposal.call_id if kind == "call" else None,
        tool_name=proposal.tool if kind == "call" else None,
        arguments=proposal.arguments,
        digest=proposal.digest,
        schema_hash=proposal.schema_hash,
    )


def as_event(approval: NewApproval) -> dict[str, Json]:
    """An opened approval as it stands in the journal, with arguments where they are not those of the call itself."""
    again: dict[str, Json] = {"arguments": approval.arguments} if approval.gate == ASKED_AGAIN else {}
    return again | {
        "approval_id": approval.id,
        "kind": approval.kind,
        "call_id": approval.call_id,
        "gen_ai.tool.name": approval.tool_name,
        "question": approval.question,
        "reason": approval.reason,
        "gate": approval.gate,
        "risk": approval.risk,
        "expires_at": approval.expires_at.isoformat(),
        "digest": approval.digest,
        "schema_hash": approval.schema_hash,
        "reviewers": approval.reviewers,
        "quorum": approval.quorum,
        "routing": _spelled(approval.routing),
    }


def _spelled(routing: Routing | None) -> Json:
    if routing is None:
        return None
    ladder: list[Json] = [[group, seconds] for group, seconds in routing.ladder]
    return {
        "reviewers": routing.reviewers,
        "quorum": routing.quorum,
        "expires_s": routing.expires_s,
        "remind_s": routing.remind_s,
        "ladder": ladder,
    }


def routing_of(spelled: Mapping[str, Any] | None) -> Routing | None:
    """A routing as it stood in the journal."""
    if spelled is None:
        return None
    fields: dict[str, Any] = {**spelled, "ladder": tuple((group, seconds) for group, seconds in spelled["ladder"])}
    return Routing(**fields)


def ask_person(  # noqa: PLR0913 - the parts of a question
    *,
    kind: ApprovalKind,
    approval_id: str,
    question: str,
    reason: str,
    gate: str,
    now: datetime,
    expiry_s: float,
    call_id: str | None = None,
    tool: str | None = None,
    arguments: Json = None,
    digest: str = "",
    schema_hash: str = "",
) -> NewApproval:
    """A question to people that is not about letting a call run."""
    return NewApproval(
        id=approval_id,
        kind=kind,
        question=question,
        reason=reason,
        gate=gate,
        expires_at=now + timedelta(seconds=expiry_s),
        call_id=call_id,
        tool_name=tool,
        arguments=arguments,
        digest=digest,
        schema_hash=schema_hash,
    )
