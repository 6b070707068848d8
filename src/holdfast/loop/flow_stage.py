"""Where a workflow plays: its branches, its places, what waits, and when nothing more can be done for now."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Never, TypeAlias

from holdfast.loop.activation import Activation
from holdfast.loop.flow_clerk import Clerk
from holdfast.loop.flow_history import FlowHistory, Signal, StepKind, StepState
from holdfast.loop.flow_places import Branch, Places
from holdfast.teams.work import AnyFunction

_HOPS: Final = 6
"""Rounds of the event loop before a quiet workflow counts as quiet: what just ended is still being passed on."""
_LEAVING_S: Final = 5.0
"""Seconds that the code of a workflow gets to let go of what it holds."""
_BRANCH: ContextVar[Branch] = ContextVar("holdfast_flow_branch")


@dataclass(frozen=True, slots=True)
class Returned:
    """The function came to its end."""

    value: object


@dataclass(frozen=True, slots=True)
class Raised:
    """The function raised."""

    error: BaseException


@dataclass(frozen=True, slots=True)
class Quiet:
    """Every branch waits for something that does not come from here."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """Nothing more may begin: a refusal, or one of the causes below."""

    cause: BaseException


End: TypeAlias = Returned | Raised | Quiet | Stopped


class Failing(Exception):
    """The workflow cannot go on: a limit, or a mistake in how it is written."""

    def __init__(self, reason: str, error: str) -> None:
        super().__init__(error)
        self.reason = reason


class Changed(Exception):
    """The code is not the one whose journal this is."""


class Left(BaseException):
    """Takes a branch out of the author's code, past whatever that catches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """One branch that waits."""

    what: str
    """In words, for people."""
    people: bool = False
    until: datetime | None = None
    reason: str = "WAITING"
    """`AGENTS`: for executions below it."""


class Stage:
    """One playing of a workflow: what its branches have in common."""

    def __init__(self, activation: Activation) -> None:
        self.activation = activation
        self.clerk = Clerk(activation, self.stop)
        self.waits: list[Wait] = []
        self.undos: dict[str, AnyFunction] = {}
        """How to undo the steps that the code came to."""
        self.values: dict[str, object] = {}
        """What those came to, as their undo gets it."""
        self.visited = set[str]()
        self.names = set[str]()
        self.undoing = self.flow.undoing is not None
        """Nothing new begins: the code runs only to say how its steps are undone."""
        self._places = Places(self.flow.places, by_name_alone=self.flow.adopted or self.undoing)
        self._leaves, self._working, self._asking = 1, 0, 0
        self._closed = self._looking = False
        self._turned: asyncio.Future[End] | None = None
        self._calm = asyncio.Event()
        self._first_cause: BaseException | None = None
        self.beginning = 0
        """Agents that are about to begin: they share what is left."""
        self._taken = self.flow.taken()

    @property
    def flow(self) -> FlowHistory:
        """The steps as they stand."""
        return self.activation.history.flow

    # --- one playing

    async def play(self, story: Coroutine[object, object, object]) -> End:
        """Run a story of steps until its end, until it can only wait, or until it has to stop.

        What runs then comes to its end first, and is recorded.
        """
        loop = asyncio.get_running_loop()
        turned = self._turned = loop.create_future()
        self.waits, self._leaves, self._closed, self._first_cause = [], 1, False, None
        self.clerk = Clerk(self.activation, self.stop)
        _BRANCH.set(Branch())
        task = loop.create_task(story)
        task.add_done_callback(self._done)
        timer = loop.call_later(max(self.activation.seconds_left(), 0) + 0.001, self._out_of_time)
        try:
            end = await turned
            self._closed = True
            await self._settle()
        finally:
            timer.cancel()
            task.cancel()
            if not turned.done():  # the worker lost it, or is thrown away
                self.clerk.end()
        await asyncio.wait({task}, timeout=_LEAVING_S)
        await self.clerk.rest()
        return Stopped(self._first_cause) if self._first_cause else end

    def stop(self, cause: BaseException) -> None:
        """Let nothing more begin, because of this."""
        self._first_cause = self._first_cause or cause
        self._turn(Stopped(cause))

    async def leave(self, cause: BaseException) -> Never:
        """Stop, and never come back to the code that called."""
        self.stop(cause)
        await self.never()

    async def never(self) -> Never:
        """Wait for good: this branch is over for now."""
        await asyncio.get_running_loop().create_future()
        raise AssertionError  # nobody fulfils it

    async def block(self, wait: Wait) -> Never:
        """Wait for something from outside; when every branch does, the execution leaves the worker."""
        self.waits.append(wait)
        self.look()
        await self.never()

    # --- places

    async def enter(self, name: str, kind: StepKind) -> tuple[str, StepState | None]:
        """Come to a step: its place, and what the journal has of it."""
        place = await self.come(kind, name)
        if name in self.names:
            await self.leave(Failing("WORKFLOW_ERROR", f"two steps are named {name!r}: give each its own name"))
        self.names.add(name)
        known = self.flow.steps.get(name)
        if known is not None and known.kind != kind:
            known = None  # a person let it go on with changed code
            self.flow.again[name] = self.flow.again.get(name, 0) + 1
        if known is None or not known.over:
            await self._refuse_more(name)
        return place, known

    async def come(self, kind: str, name: str = "") -> str:
        """Take the next place of this branch."""
        if self._closed:
            await self.never()
        place = self.branch.next()
        if differs := self._places.difference(place, kind, name):
            await self.leave(Changed(differs))
        self.visited.add(place)
        return place

    def note_place(self, kind: str) -> str:
        """As `come`, for what is no coroutine.

        Raises:
            Left: The code is not the one whose journal this is, or it goes on although it is over.
        """
        place = self.branch.next()
        if differs := self._places.difference(place, kind):
            self.stop(Changed(differs))
        if differs or self._closed:
            raise Left
        self.visited.add(place)
        return place

    def unvisited(self) -> str | None:
        """What the journal has and the code did not come to."""
        return self._places.unvisited(self.visited)

    @property
    def branch(self) -> Branch:
        """The one that runs now."""
        return _BRANCH.get()

    async def _refuse_more(self, name: str) -> None:
        """Before a step begins or goes on: may it?"""
        activation = self.activation
        if self.undoing:
            await self.block(Wait(what=f"{name}: not begun, it is being undone"))
        if activation.desk.stopping.is_set():
            await self.block(Wait(what="the worker stops", reason="DRAINED"))
        if len(self.names) > activation.limits.steps:
            steps = f"limits.steps={activation.limits.steps}"
            await self.leave(Failing("MAX_STEPS_EXCEEDED", f"step {name!r} would be one more than {steps}"))
        if activation.seconds_left() <= 0:
            await self.leave(_out_of_time())

    def next_signal(self, name: str) -> Signal | None:
        """The first signal of a name that no step has had; it is taken now."""
        found = next((one for one in self.flow.signals if one.name == name and one.id not in self._taken), None)
        if found is not None:
            self._taken.add(found.id)
        return found

    # --- branches

    async def fork(self, parts: Sequence[Callable[[], Awaitable[object]]], at_once: int) -> list[object]:
        """Run parts side by side, so many at once, all to their ends; then raise the first failure."""
        place = await self.come("parallel")
        found: list[object] = [None] * len(parts)
        line = iter(range(len(parts)))

        async def work() -> None:
            for index in line:
                _BRANCH.set(Branch(f"{place}.{index}."))
                try:
                    found[index] = Returned(await parts[index]())
                except Exception as error:  # noqa: BLE001 - whatever it is, the others come to their ends first
                    found[index] = Raised(error)

        await self._side_by_side([work() for _ in range(min(at_once, len(parts)))])
        return [_value(one) for one in found]

    async def _side_by_side(self, works: Sequence[Coroutine[object, object, None]]) -> None:
        if not works:
            return
        tasks = [asyncio.get_running_loop().create_task(work) for work in works]
        self._leaves += len(tasks) - 1
        left = len(tasks)

        def ended(_: object) -> None:
            nonlocal left
            left -= 1
            if left:
                self._leaves -= 1
                self.look()
            # The last one's end is the going on of the branch that they came from: as many as before.

        for task in tasks:
            task.add_done_callback(ended)
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    async def until(self, over: asyncio.Event) -> None:
        """Wait for another branch: what that one waits for, this one does."""
        if over.is_set():
            return
        self._leaves -= 1
        self.look()
        try:
            await over.wait()
        finally:
            self._leaves += 1

    # --- quiet

    @contextmanager
    def working(self) -> Generator[None]:
        """While a step's function runs."""
        self._working += 1
        self._calm.clear()
        try:
            yield
        finally:
            self._working -= 1
            if not self._working:
                self._calm.set()
            self.look()

    @contextmanager
    def asking(self) -> Generator[None]:
        """While a branch waits for a commit."""
        self._asking += 1
        try:
            yield
        finally:
            self._asking -= 1
            self.look()

    def look(self) -> None:
        """Something changed: see soon whether anything is left to do."""
        if not self._looking:
            self._looking = True
            asyncio.get_running_loop().call_soon(self._hop, _HOPS)

    def _hop(self, left: int) -> None:
        if left:
            asyncio.get_running_loop().call_soon(self._hop, left - 1)
            return
        self._looking = False
        if self.waits and not self._working and not self._asking and len(self.waits) >= self._leaves:
            self._turn(Quiet())

    async def _settle(self) -> None:
        """Let what runs come to its end."""
        while self._working:
            self._calm.clear()
            await self._calm.wait()

    def _turn(self, end: End) -> None:
        if self._turned is not None and not self._turned.done():
            self._turned.set_result(end)

    def _out_of_time(self) -> None:
        if not self.undoing:
            self.stop(_out_of_time())

    def _done(self, task: "asyncio.Task[object]") -> None:
        if task.cancelled():
            self._turn(Quiet())
        elif (error := task.exception()) is not None:
            self._turn(Raised(error))
        else:
            self._turn(Returned(task.result()))


def _out_of_time() -> Failing:
    return Failing("TOTAL_TIMEOUT", "The execution's time for activity is used up.")


def _value(found: object) -> object:
    match found:
        case Returned(value):
            return value
        case Raised(error):
            raise error
        case _:
            raise AssertionError  # each part came to one of the two
