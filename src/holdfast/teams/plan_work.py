"""What carrying a plan out works with: its terms, the stage that it stands on, and how far it is."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeAlias

from pydantic import TypeAdapter

from holdfast.agent import Agent
from holdfast.teams.flow import Approved, AskedPeople
from holdfast.teams.plan import Task
from holdfast.teams.plan_check import Standing
from holdfast.teams.plan_doers import Doers
from holdfast.teams.plan_record import Said
from holdfast.types import Json, Routing

TaskCheck: TypeAlias = Callable[[Task, Json], object]
"""Judges a task's result: `True` or `None` accept it; `False`, words, or an error say what is wrong with it."""
_LIMITS: Final = {
    "limits.depth": "MAX_DEPTH_EXCEEDED",
    "limits.descendants": "MAX_DESCENDANTS_EXCEEDED",
    "tokens": "MAX_TOKENS_EXCEEDED",
    "dollars": "MAX_COST_EXCEEDED",
}
"""Words of a refusal to begin, and the limit that it is about."""


class PlanStage(Protocol):
    """What a plan is carried out on: the parts of a workflow's stage that it needs, and two of its own."""

    async def agent(self, name: str, agent: Agent[object] | str, given: object) -> object: ...
    async def approve(self, asked: AskedPeople) -> Approved: ...
    async def branches(self, parts: Sequence[Callable[[], Awaitable[object]]], at_once: int) -> list[object]: ...
    def record(self, make: Callable[[], Said]) -> Mapping[str, Json]:
        """Say something once: what was said the first time is what is said for ever."""
        ...

    async def until(self, over: asyncio.Event) -> None:
        """Wait for another branch."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How a planner's plans are made and carried out."""

    name: str
    planning: Agent[object]
    doers: Doers
    output: TypeAdapter[object] | None
    """Checks what a plan comes to; `None`: any JSON will do."""
    asks: bool
    routing: Routing | None
    replans_on_no: bool
    tasks: int
    replans: int
    corrections: int
    retries: int
    check: TaskCheck | None


@dataclass(slots=True, kw_only=True)
class Work:
    """How far an execution is, over all its plans."""

    stage: PlanStage
    terms: Terms
    goal: Json
    done: dict[str, Task] = field(default_factory=dict[str, Task])
    results: dict[str, Json] = field(default_factory=dict[str, Json])
    gone: set[str] = field(default_factory=set[str])
    """Ids of tasks that began and did not finish."""
    asked: int = 0
    """How often a plan was asked for."""
    shown: int = 0
    """How often people were asked."""
    revision: int = 0

    @property
    def standing(self) -> Standing:
        """What the next plan stands on."""
        return Standing(doers=self.terms.doers, most=self.terms.tasks, done=dict(self.done), gone=frozenset(self.gone))


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a task did not finish."""

    error: str
    step: str | None
    """The step that failed; `None`: it did not begin."""
    refused: bool = False
    """There was no room for it within the limits."""


def limit_of(refusal: str) -> str:
    """The name of the limit that a refusal to begin is about."""
    return next((reason for words, reason in _LIMITS.items() if words in refusal), "LIMIT_REACHED")
