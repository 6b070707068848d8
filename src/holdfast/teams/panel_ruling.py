"""What counts among the results of a panel: do they agree, and if not, what do vote and scores say. Pure."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, Final, Literal, TypeAlias

from holdfast.teams.panel import Panel
from holdfast.trail.codec import canonical
from holdfast.types import Decision, Json, Verdict

Outcome: TypeAlias = Literal[
    "agreed", "majority", "best", "chosen",
    "undecided", "tie", "no_majority", "error",
    "too_few", "rejected", "expired",
]  # fmt: skip
"""How it ended: with a result that counts, left to the supervisor, or with a no."""
_VERDICTS: Final[Mapping[str, Verdict]] = {
    **dict.fromkeys(("agreed", "majority", "best", "chosen"), "allow"),
    **dict.fromkeys(("undecided", "tie", "no_majority", "error"), "review"),
    **dict.fromkeys(("too_few", "rejected", "expired"), "deny"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """What one member came to."""

    agent: str
    completed: bool
    result: Json
    value: object
    """The result as the member's output type; what functions of the author are given."""
    confidence: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolution:
    """What was decided, by whom and why."""

    outcome: Outcome
    gate: str
    """What decided: `minimum`, `agreement`, `vote`, `scorer`, `person` or `supervisor`."""
    reason: str
    member: str | None = None
    """Whose result counts; `None`: nobody's yet."""
    sides: Mapping[str, int] = field(default_factory=dict[str, int])
    """By member who came to a result: equal numbers agree."""
    scores: Mapping[str, float] = field(default_factory=dict[str, float])
    before: tuple[str, ...] = ()
    """What was tried first, and why it did not decide."""
    asks: bool = False
    """Whether people are to decide."""

    @property
    def decision(self) -> Decision:
        """It in the terms of every gate."""
        return Decision(verdict=_VERDICTS[self.outcome], gate=self.gate, reason=self.reason)


def resolve(panel: Panel[Any], voices: Sequence[Voice]) -> Resolution:
    """What counts of what the members of a panel came to."""
    spoken = [voice for voice in voices if voice.completed]
    if len(spoken) < panel.needed:
        said = f"{len(spoken)} of {len(voices)} came to a result, and {panel.needed} are needed"
        return Resolution(outcome="too_few", gate="minimum", reason=said)
    try:
        sides = _sides(panel, spoken)
    except Exception as error:  # noqa: BLE001 - the author's function, whatever it raises
        return Resolution(outcome="error", gate="agreement", reason=f"agree failed: {_words(error)}")
    if len(set(sides.values())) == 1:
        missing = "" if len(spoken) == len(voices) else f"; {len(voices) - len(spoken)} came to no result"
        said = f"{len(spoken)} of {len(voices)} came to the same{missing}"
        return Resolution(outcome="agreed", gate="agreement", reason=said, member=_surest(spoken).agent, sides=sides)
    return _settle(panel, spoken, sides)


def _settle(panel: Panel[Any], spoken: Sequence[Voice], sides: Mapping[str, int]) -> Resolution:
    found = Resolution(outcome="undecided", gate="supervisor", reason=_split(spoken, sides), sides=sides)
    before: tuple[str, ...] = ()
    for resolver in panel.resolvers:
        if resolver == "supervisor":
            return replace(found, before=before)
        if resolver == "person":
            return replace(found, gate="person", before=before, asks=True)
        found = _vote(spoken, sides) if resolver == "vote" else _score(resolver, spoken, sides)
        if found.member is not None:
            return replace(found, before=before)
        before = (*before, f"{found.gate}: {found.reason}")
    return replace(found, before=before)


def _vote(spoken: Sequence[Voice], sides: Mapping[str, int]) -> Resolution:
    counts = Counter(sides.values())
    most = max(counts.values())
    leading = [side for side, count in counts.items() if count == most]
    if len(leading) > 1:
        said = f"{_split(spoken, sides)}: a tie at {most} of {len(spoken)}"
        return Resolution(outcome="tie", gate="vote", reason=said, sides=sides)
    if 2 * most <= len(spoken):
        said = f"{_split(spoken, sides)}: {most} of {len(spoken)} is no majority"
        return Resolution(outcome="no_majority", gate="vote", reason=said, sides=sides)
    winner = _surest([voice for voice in spoken if sides[voice.agent] == leading[0]])
    said = f"{most} of {len(spoken)}: {_split(spoken, sides)}"
    return Resolution(outcome="majority", gate="vote", reason=said, member=winner.agent, sides=sides)


def _score(scorer: Callable[[Any], float], spoken: Sequence[Voice], sides: Mapping[str, int]) -> Resolution:
    scores: dict[str, float] = {}
    for voice in spoken:
        try:
            scores[voice.agent] = _number(scorer(voice.value))
        except Exception as error:  # noqa: BLE001 - the author's function, whatever it raises
            said = f"it failed at the result of {voice.agent}: {_words(error)}"
            return Resolution(outcome="error", gate="scorer", reason=said, sides=sides, scores=scores)
    best = max(scores.values())
    first = [voice for voice in spoken if scores[voice.agent] == best]
    if len({sides[voice.agent] for voice in first}) > 1:
        said = f"a tie: {_list([voice.agent for voice in first])} have {best:g} each"
        return Resolution(outcome="tie", gate="scorer", reason=said, sides=sides, scores=scores)
    said = f"{first[0].agent} has the best score, {best:g}"
    return Resolution(
        outcome="best", gate="scorer", reason=said, member=_surest(first).agent, sides=sides, scores=scores
    )


def _sides(panel: Panel[Any], spoken: Sequence[Voice]) -> dict[str, int]:
    """The number of the first result that each one agrees with."""
    leaders: list[Voice] = []
    sides: dict[str, int] = {}
    for voice in spoken:
        found = next((place for place, one in enumerate(leaders, 1) if _agree(panel, one, voice)), None)
        if found is None:
            leaders.append(voice)
        sides[voice.agent] = found or len(leaders)
    return sides


def _agree(panel: Panel[Any], one: Voice, other: Voice) -> bool:
    agree = panel.agree
    if agree is None:
        return canonical(one.result) == canonical(other.result)
    if callable(agree):
        return bool(agree(one.value, other.value))
    return all(_field(one, name) == _field(other, name) for name in agree)


def _field(voice: Voice, name: str) -> str:
    result = voice.result
    return canonical(result.get(name) if isinstance(result, Mapping) else None)


def _surest(voices: Sequence[Voice]) -> Voice:
    """The one that is most confident; of equals the first."""
    return max(voices, key=lambda voice: -1.0 if voice.confidence is None else voice.confidence)


def _split(spoken: Sequence[Voice], sides: Mapping[str, int]) -> str:
    """Who agrees with whom, in words."""
    groups = [[v.agent for v in spoken if sides[v.agent] == side] for side in dict.fromkeys(sides.values())]
    return " against ".join(_list(group) for group in groups)


def _list(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"{value!r} is no number")
    return float(value)


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
