"""What people corrected in earlier work like this, in words for a model. Pure, but for the keeping of what was read."""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Final

from holdfast.ports import Clock
from holdfast.trail.codec import as_text
from holdfast.types import Feedback, Json

LOOKED_AT: Final = 200
"""Newest corrections of an agent that are compared."""
TOLD: Final = 3
"""Corrections that a model is told of, at most."""
ALIKE: Final = 0.2
"""Share of common words below which two inputs have nothing to do with each other."""
KEPT_S: Final = 5.0
"""Seconds for which what was read serves further executions that start in this process."""
_COMPARED: Final = 4_000
_LONGEST: Final = 400
_WORD = re.compile(r"\w{3,}")

Read = Callable[[str, int], Awaitable[Sequence[Feedback]]]


class Lessons:
    """Corrections by agent, read at most once in a while: an agent with none must not pay for each start.

    Args:
        read: Gives the newest corrections of an agent.
        clock: Time.
    """

    def __init__(self, read: Read, *, clock: Clock) -> None:
        self._read, self._clock = read, clock
        self._kept: dict[str, tuple[float, Sequence[Feedback]]] = {}

    async def of(self, agent: str) -> Sequence[Feedback]:
        """The newest corrections of an agent's work."""
        now = self._clock.monotonic()
        known = self._kept.get(agent)
        if known is None or now - known[0] > KEPT_S:
            known = self._kept[agent] = (now, await self._read(agent, LOOKED_AT))
        return known[1]

    def forget(self) -> None:
        """Somebody just corrected something."""
        self._kept.clear()


def most_alike(rows: Sequence[Feedback], asked: Json) -> Sequence[Feedback]:
    """The corrections of inputs most like this one, the likest first; of equal ones the newest."""
    words = words_of(asked)
    scored = [(likeness(words, words_of(row.asked)), row) for row in rows]
    near = [(score, row) for score, row in scored if score >= ALIKE]
    return [row for _, row in sorted(near, key=lambda pair: pair[0], reverse=True)[:TOLD]]


def words_of(value: Json) -> frozenset[str]:
    """The words that two inputs are compared by: of their values, since keys are the same in all of them."""
    return frozenset(_WORD.findall(" ".join(_leaves(value))[:_COMPARED].casefold()))


def _leaves(value: Json) -> Iterator[str]:
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for item in value:
            yield from _leaves(item)
    else:
        yield as_text(value)


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Common words, as a share of both: 0 to 1."""
    return len(one & other) / (len(one) * len(other)) ** 0.5 if one and other else 0.0


def told(row: Feedback) -> str:
    """A correction as a model is told it. Only what changed is said: the rest may be about somebody else."""
    why = f" Why: {row.why}" if row.why else ""
    what = f"a call of {row.tool_name}" if row.tool_name else "a result"
    match row.kind:
        case "rejection":
            said = f"a person said no to {what}.{why}"
        case "arguments" | "result":
            said = f"a person corrected {what}: {changes(row.was, row.should_be)}.{why}"
    return f"From earlier work like this: {_cut(said, _LONGEST)}"


def changes(was: Json, should_be: Json) -> str:
    """What is different, in words."""
    if not isinstance(was, Mapping) or not isinstance(should_be, Mapping):
        return f"it should have been {_cut(as_text(should_be), 200)}"
    names = [name for name in should_be if was.get(name) != should_be[name]] or list(should_be)
    return ", ".join(f"{name} should have been {_cut(as_text(should_be[name]), 120)}" for name in names)


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else f"{text[: size - 6]} [...]"
