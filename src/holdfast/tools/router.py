"""A shortlist of tools: how it is drawn up and how it grows, and the tool by which a model asks for more. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from holdfast.ports import Tool
from holdfast.router import FIND_TOOLS
from holdfast.tools.router_words import Words
from holdfast.tools.tool import tool

LEADING: Final = 3
"""Tools that join when what fits the newest words best is not on the list."""
MOST_FOUND: Final = 5
"""Tools that one question for more finds by its words."""
MOST_ASKED_FOR: Final = 12
"""Tools that one question finds by their names: a model that names all of them is not to undo the shortlist."""
MOST_NAMED: Final = 300
"""Tools up to which all are named to the model, shown or not: a name costs a twentieth of a definition."""
_NAME: Final = re.compile(r"[\w-]+")

Why = str
"""Why a tool is on the list: kept, always, used, called, found or ranked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of a shortlist."""

    anew: bool
    """Whether it replaces the list before."""
    added: Mapping[Why, Sequence[str]]
    """What is on it now, or joins at its end, in order."""

    @property
    def names(self) -> Sequence[str]:
        """The same without the reasons."""
        return [name for names in self.added.values() for name in names]


def drawn_up(most: int, held: Mapping[Why, Sequence[str]], ranked: Sequence[str]) -> Change:
    """A list of what must be on it, filled up with what fits best."""
    added = _fresh(held, set())
    taken = {name for names in added.values() for name in names}
    room = max(most - len(taken), 0)
    if best := [name for name in ranked if name not in taken][:room]:
        added["ranked"] = best
    return Change(anew=True, added=added)


def grown(shown: Sequence[str], most: int, held: Mapping[Why, Sequence[str]], ranked: Sequence[str]) -> Change | None:
    """The list with what has to join it; `None`: it stays as it is.

    It only grows, since whatever a provider cached of the conversation is lost with each change: what the newest
    words bring up joins when nothing on the list fits them better.

    Args:
        shown: The list.
        most: Half of what it may grow to by ranking.
        held: What must be on it, by the reason.
        ranked: What fits the newest words, best first.
    """
    added = _fresh(held, set(shown))
    taken = {*shown, *(name for names in added.values() for name in names)}
    room = max(2 * most - len(taken), 0)
    if ranked and ranked[0] not in taken and room:
        added["ranked"] = [name for name in ranked[:LEADING] if name not in taken][:room]
    return Change(anew=False, added=added) if added else None


def _fresh(held: Mapping[Why, Sequence[str]], taken: set[str]) -> dict[Why, Sequence[str]]:
    fresh: dict[Why, Sequence[str]] = {}
    for why, names in held.items():
        if new := [name for name in dict.fromkeys(names) if name not in taken]:
            fresh[why] = new
            taken.update(new)
    return fresh


def finder(tools: Sequence[Tool], words: Words) -> Tool:
    """The tool by which a model asks for more of these; it is answered here, without a model."""
    known = {one.name: one for one in tools}

    async def find_tools(need: str) -> dict[str, object]:
        """Find tools.

        Args:
            need: What you need to do, in a few words, or the names of tools.
        """
        named = list(dict.fromkeys(name for name in _NAME.findall(need) if name in known))[:MOST_ASKED_FOR]
        found = list(dict.fromkeys([*named, *words.ranked(need)]))[: max(MOST_FOUND, len(named))]
        note = "You can call them from your next message on." if found else "No tool fits that: say it in other words."
        return {"found": [told(known[name]) for name in found], "note": note}

    return tool(find_tools, effect="read", name=FIND_TOOLS, description=_about(known), on_change="continue")


def told(one: Tool) -> dict[str, object]:
    """A tool as it is told of where it is not shown yet."""
    return {"name": one.name, "description": one.description, "arguments": arguments_of(one)}


def arguments_of(one: Tool) -> Sequence[str]:
    """The names of its arguments."""
    return list(cast("Mapping[str, object]", one.parameters.get("properties") or {}))


def _about(known: Mapping[str, Tool]) -> str:
    said = (
        f"Find more of your tools. You have {len(known)}, and are shown those that seem to be needed now. Say what you"
        " need to do, or name tools: those found can be called from your next message on."
    )
    return f"{said} All of them: {', '.join(known)}." if len(known) <= MOST_NAMED else said
