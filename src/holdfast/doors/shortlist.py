"""Tells which of many tools a model is shown from here on, and why."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final, Protocol

from rich.text import Text

from holdfast.doors.screen import line
from holdfast.types import Json

Data = Mapping[str, Json]
_WHY: Final = {
    "always": "always",
    "kept": "kept",
    "used": "used before",
    "called": "called although not shown",
    "found": "asked for",
    "ranked": "seem to be needed",
}


class Telling(Protocol):
    """Who tells the story of an execution, as far as a choice of tools concerns it."""

    tokens: int
    cost_usd: Decimal

    def cut(self, text: str) -> str:
        """Data for a line."""
        ...


def told(story: Telling, data: Data) -> Sequence[Text]:
    """A `tools.shortlisted` event."""
    tokens = data.get("gen_ai.usage.input_tokens")
    story.tokens += tokens if isinstance(tokens, int) else 0
    story.cost_usd += Decimal(str(data.get("cost_usd") or 0))
    return [line(("shows ", "cyan"), story.cut(words_of(data)))]


def words_of(data: Data) -> str:
    """How many, by what, which ones and why."""
    decision = data.get("decision")
    reason = str(decision.get("reason")) if isinstance(decision, Mapping) else "tools"
    instead = f" ({data['fell_back']})" if data.get("fell_back") else ""
    groups = "; ".join(f"{why}: {', '.join(names)}" for why, names in _groups(data))
    return f"{reason}{instead}{f'. {groups}' if groups else ', as before'}"


def _groups(data: Data) -> Iterator[tuple[str, Sequence[str]]]:
    added = data.get("added")
    for why, names in added.items() if isinstance(added, Mapping) else ():
        if isinstance(names, Sequence) and not isinstance(names, str):
            yield _WHY.get(why, why), [str(name) for name in names]
