"""The gates of a tool call: is it known, do its arguments fit, may it run."""

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from math import isfinite
from typing import Final, get_args

from holdfast.errors import InvalidArguments
from holdfast.ports import ReviewRule, Tool
from holdfast.types import Decision, Json, Proposal, Verdict

UNRULED: Final = Decision(verdict="allow", gate="review_rule")
"""The yes to a call whose tool has no review rule and needs none."""
UNDECLARED = "an irreversible tool without a review rule asks every time"


def judge(rule: ReviewRule | None, proposal: Proposal) -> Decision:
    """Whether a valid call may run, by its tool's review rule. A rule that fails means review."""
    if rule is None:
        if proposal.effect == "irreversible":
            return Decision(verdict="review", gate="review_rule", reason=UNDECLARED)
        return UNRULED
    try:
        return _sound(rule(proposal))
    except Exception as error:  # noqa: BLE001 - the author's rule may raise anything; ask when in doubt
        return _ask(f"the review rule failed: {_told(error)}")


def _sound(decision: object) -> Decision:
    """What a rule answered, if it is a decision. A rule is the author's code: its type is a promise, not a fact."""
    if not isinstance(decision, Decision):
        shown = f"{decision!r}"[:200]
        return _ask(f"the review rule returned {shown}, not a Decision: use ask_when(...) around a plain condition")
    if decision.verdict not in get_args(Verdict):
        return _ask(f"the review rule's verdict is {decision.verdict!r}: use one of {', '.join(get_args(Verdict))}")
    risk = float(decision.risk)
    return replace(
        decision,
        gate=str(decision.gate),
        reason=str(decision.reason),
        risk=min(max(risk, 0.0), 1.0) if isfinite(risk) else 1.0,
    )


def _ask(reason: str) -> Decision:
    return Decision(verdict="review", gate="review_rule", reason=reason)


def _told(error: Exception) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:500]
    except Exception:  # noqa: BLE001 - a broken error must not hide that there was one
        return type(error).__name__


def misfit(error: InvalidArguments) -> Decision:
    """The question to a person when a rule's rewritten arguments do not fit the tool."""
    return _ask(f"the review rule rewrote the arguments, and they do not fit: {error}")


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
