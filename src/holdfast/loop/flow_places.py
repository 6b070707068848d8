"""Where a workflow's steps stand: their places, and how the code and the journal differ, if they do. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class Branch:
    """One line of steps, one after the other: the workflow itself, or one side of what runs in parallel."""

    prefix: str = ""
    count: int = 0

    def next(self) -> str:
        """The next place in it."""
        self.count += 1
        return f"{self.prefix}{self.count - 1}"


class Places:
    """What the journal has at each place.

    Args:
        known: Kind and name by place.
        by_name_alone: A person let the execution go on with changed code: places mean nothing any more.
    """

    def __init__(self, known: Mapping[str, tuple[str, str]], *, by_name_alone: bool) -> None:
        self._known, self._by_name_alone = dict(known), by_name_alone
        self._of_name = {name: place for place, (_, name) in known.items() if name}
        self._last: dict[str, int] = {}
        """By the beginning of its places, the last place of each branch."""
        self._forks = set[str]()
        for place in known:
            parts = place.split(".")
            for depth in range(0, len(parts), 2):
                prefix = "".join(f"{part}." for part in parts[:depth])
                self._last[prefix] = max(self._last.get(prefix, -1), int(parts[depth]))
                if depth + 1 < len(parts):
                    self._forks.add(f"{prefix}{parts[depth]}")

    def difference(self, place: str, kind: str, name: str = "") -> str | None:
        """How what the code does at a place is not what the journal has; `None`: it is, or it is new at the end."""
        found, asked = self._known.get(place), _words(kind, name)
        if self._by_name_alone or found == (kind, name):
            return None
        if found is not None:
            return f"at place {place} the journal has {_words(*found)}, the code {asked}"
        return None if kind == "parallel" else self._not_new(place, asked, name)

    def _not_new(self, place: str, asked: str, name: str) -> str | None:
        """Why a step cannot be one that the journal does not have yet."""
        if place in self._forks:
            return f"at place {place} the journal has steps in parallel, the code {asked}"
        if name in self._of_name:
            where = self._of_name[name]
            return f"the journal has {_words(*self._known[where])} at place {where}, the code {asked} at {place}"
        before, dot, number = place.rpartition(".")
        prefix = before + dot
        if (last := self._last.get(prefix, -1)) > int(number):
            later = _words(*self._known.get(f"{prefix}{last}", ("parallel", "")))
            return f"the code has {asked} at place {place}, which the journal has not; it goes on there to {later}"
        return None

    def unvisited(self, visited: set[str]) -> str | None:
        """What the journal has and the code did not come to, if there is anything of that."""
        missing = [place for place in self._known if place not in visited]
        if self._by_name_alone or not missing:
            return None
        return f"the journal has {_words(*self._known[missing[0]])} at place {missing[0]}; the code does not come to it"


def _words(kind: str, name: str) -> str:
    match kind:
        case "now" | "random":
            return f"flow.{kind}()"
        case "parallel":
            return "steps in parallel"
        case "verdict":
            return "what is said of a plan"
        case "wait":
            return f"wait_for {name!r}"
        case _:
            return f"{kind} {name!r}"
