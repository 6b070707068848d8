"""Whose turn it is: agents and users take turns by weight, and nobody runs more at once than their share. Pure.

Each agent has a ring of the users who wait for it. A visit to a user lasts as many executions as the user has weight,
then the ring turns on, so a user with one execution waits for one visit to each of the others, however many those have
waiting. Between agents goes whoever has had least for its weight. Where the rings stand is remembered by each process
and by nobody else: one that starts anew begins with the oldest work.
"""

from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from holdfast.trail.controls.share import Terms

TOP: Final = 2**31
"""Above every priority."""
LANES: Final = 16
"""Users of an agent that one look sees at least: where other workers hold some of their rows, the next are there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """One look at the work that waits."""

    worker_id: str
    agents: Sequence[tuple[str, str]]
    """Each with the user its ring begins at."""
    below: int
    """Only priorities under this one."""
    lanes: int
    """Users seen of each agent."""
    wanted: int
    heaviest: int
    barred: Sequence[str]
    """Users who may not have more now."""
    at: str


@dataclass(frozen=True, slots=True)
class Lane:
    """What waits for one agent from one user at one priority, oldest first, as far as was looked."""

    agent: str
    user: str
    """Empty: nobody's."""
    ids: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What a look found, at the highest priority that it saw."""

    priority: int | None
    """`None`: nothing waits."""
    lanes: Sequence[Lane] = ()
    """In the order of the rings."""
    lower: bool = False
    """Whether something of a lower priority waits too."""
    due: bool = False
    """Whether something parked is due, and was not seen."""
    depth: int = 1
    """A lane with so many ids may have more."""
    walked: int = 0
    """Users seen of the agent that has most."""


@dataclass(slots=True)
class Load:
    """How many executions run now, and how many more may."""

    terms: Terms
    agents: Counter[str] = field(default_factory=Counter[str])
    users: Counter[str] = field(default_factory=Counter[str])

    @classmethod
    def of(cls, terms: Terms, running: Iterable[tuple[str, str, int]]) -> "Load":
        """Count agent, user and number."""
        load = cls(terms)
        for agent, user, count in running:
            load.agents[agent] += count
            load.users[user] += count
        return load

    def admits(self, agent: str, user: str) -> bool:
        """Whether one more may begin."""
        return self.admits_any() and self.admits_agent(agent) and self.admits_user(user)

    def admits_any(self) -> bool:
        limit = self.terms.limit("global", "")
        return limit is None or self.agents.total() < limit

    def admits_agent(self, agent: str) -> bool:
        limit = self.terms.limit("agent", agent)
        return limit is None or self.agents[agent] < limit

    def admits_user(self, user: str) -> bool:
        limit = self.terms.limit("user", user)
        return limit is None or self.users[user] < limit

    def barred(self) -> list[str]:
        """Users who have all they may."""
        return [user for user in self.users if not self.admits_user(user)]

    def add(self, agent: str, user: str) -> None:
        """One more runs."""
        self.agents[agent] += 1
        self.users[user] += 1


@dataclass(slots=True)
class _Ring:
    """Where one agent's ring stands."""

    user: str = ""
    visited: int = 0
    """Executions that the user has had of this visit."""
    had: float = 0.0
    """What the agent has had, for its weight."""


class Turns:
    """Whose turn it is, as one process remembers it."""

    def __init__(self) -> None:
        self._rings: dict[str, _Ring] = {}

    def knows(self, agent: str) -> bool:
        """Whether it has given this agent a turn before."""
        return agent in self._rings

    def begin(self, agent: str, user: str) -> None:
        """Begin an agent's ring at a user."""
        self._rings[agent] = _Ring(user=user, had=min((ring.had for ring in self._rings.values()), default=0.0))

    def starts(self, agents: Sequence[str]) -> list[tuple[str, str]]:
        """Each agent with the user its ring begins at."""
        return [(agent, self._rings[agent].user if agent in self._rings else "") for agent in agents]

    def pass_over(self, lanes: Sequence[Lane]) -> None:
        """Go on behind these: what waits there is in other hands."""
        for lane in lanes:
            if lane.agent in self._rings:
                self._rings[lane.agent] = _Ring(user=lane.user, visited=TOP, had=self._rings[lane.agent].had)

    def pick(self, lanes: Sequence[Lane], wanted: int, load: Load) -> list[str]:
        """Up to `wanted` ids in the order of their turns; counts them in `load`."""
        rings: dict[str, deque[tuple[str, deque[str]]]] = {}
        for lane in lanes:
            rings.setdefault(lane.agent, deque()).append((lane.user, deque(lane.ids)))
        self._admit(rings)
        picked: list[str] = []
        while rings and len(picked) < wanted and load.admits_any():
            agent = min(rings, key=lambda name: self._rings[name].had)
            found = self._next(agent, rings[agent], load)
            if found is None:
                del rings[agent]
            else:
                picked.append(found)
        return picked

    def _admit(self, agents: Iterable[str]) -> None:
        """An agent that had nothing to do does not make up for it: it begins level with the others."""
        found = [self._rings.setdefault(agent, _Ring()) for agent in agents]
        level = max((ring.had for ring in found), default=0.0) - 1.0
        for ring in found:
            ring.had = max(ring.had, level)

    def _next(self, agent: str, lanes: deque[tuple[str, deque[str]]], load: Load) -> str | None:
        ring, terms = self._rings[agent], load.terms
        while lanes and load.admits_agent(agent):
            user, ids = lanes[0]
            if user != ring.user:
                ring.user, ring.visited = user, 0
            if not ids or not load.admits_user(user):
                lanes.popleft()
            elif ring.visited >= terms.weight("user", user):
                lanes.rotate(-1)
                ring.user, ring.visited = lanes[0][0], 0
            else:
                ring.visited += 1
                ring.had += 1 / terms.weight("agent", agent)
                load.add(agent, user)
                return ids.popleft()
        return None
