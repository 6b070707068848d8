"""The gates of a tool call: is it known, do its arguments fit, may it run."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import cast

from holdfast.errors import InvalidArguments
from holdfast.ports import ReviewRule, Tool
from holdfast.types import Decision, Json, Proposal

UNDECLARED = "an irreversible tool without a review rule asks every time"


def judge(rule: ReviewRule | None, proposal: Proposal) -> Decision:
    """Whether a valid call may run, by its tool's review rule. A rule that fails means review."""
    if rule is None:
        if proposal.effect == "irreversible":
            return Decision(verdict="review", gate="review_rule", reason=UNDECLARED)
        return Decision(verdict="allow", gate="review_rule")
    try:
        decision = cast("object", rule(proposal))  # a rule is the author's code: its type is a promise, not a fact
    except Exception as error:  # noqa: BLE001 - the author's rule may raise anything; deny when in doubt
        return Decision(verdict="review", gate="review_rule", reason=f"the review rule failed: {error!r}")
    if isinstance(decision, Decision):
        return decision
    return Decision(
        verdict="review",
        gate="review_rule",
        reason=f"the review rule returned {decision!r}, not a Decision: use ask_when(...) around a plain condition",
    )


def unknown_tool(name: str, known: Mapping[str, Tool]) -> Decision:
    """The no for a tool that does not exist: says which do, and the nearest name."""
    near = get_close_matches(name, list(known), n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    names = ", ".join(sorted(known)) or "none"
    return Decision(
        verdict="deny", gate="known_tool", reason=f"There is no tool {name!r}.{hint} The tools are: {names}."
    )


def bad_arguments(error: InvalidArguments) -> Decision:
    """The no for arguments that do not fit the tool's schema."""
    return Decision(verdict="deny", gate="arguments", reason=str(error))


def over_limit(limit: int) -> Decision:
    """The no for a call beyond the execution's limit on tool calls."""
    return Decision(verdict="deny", gate="limits", reason=f"Not run: the limit of {limit} tool calls is reached.")


def as_event(decision: Decision) -> dict[str, Json]:
    """A decision as it stands in the journal."""
    return {
        "verdict": decision.verdict,
        "gate": decision.gate,
        "reason": decision.reason,
        "risk": decision.risk,
    }
