"""What a workflow is given to work with: named durable steps, each done once."""

import inspect
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar, Unpack, cast, overload

from typing_extensions import TypedDict

from holdfast.agent import Agent
from holdfast.errors import DeclarationError
from holdfast.policy.routing import Routed, declared
from holdfast.teams.work import AnyFunction, Check, Work
from holdfast.types import Effect, Execution, Json, Routing

T = TypeVar("T")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")

LONGEST_NAME = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Approved:
    """What people said; true where they agreed."""

    approved: bool
    by: str | None
    """Who decided; `None`: nobody did in time."""
    note: str | None = None
    edit: Json = None
    """What they made of what they were shown, where they changed it."""

    def __bool__(self) -> bool:
        return self.approved


class StepOptions(TypedDict, total=False):
    """How a step is done."""

    effect: Effect
    """`"read"`: changes nothing. `"idempotent"`: may run again with the same `ctx.idempotency_key`.
    `"irreversible"`: never run twice on a guess. Default: a tool's own, else `"irreversible"`."""
    retries: int
    """Further attempts after a failed one, or a result that its check refuses. Default: 2; irreversible steps have
    none."""
    timeout_s: float
    """Seconds for one attempt. Default: a tool's own, else `limits.step_timeout_s`."""
    check: Check
    """Judges the result before anything builds on it: `True` or `None` accept it; `False`, words or an error refuse
    it. Its verdict is recorded. Default: nothing does."""
    undo: AnyFunction
    """Takes the step back when the workflow fails later: called with the result, unless it takes nothing. A step of
    its own. Default: the step needs none."""
    probe: AnyFunction
    """Asked, with the step's arguments, what became of an irreversible run of unknown outcome: its result, or `None`
    if it did not happen. Default: a tool's own, else a person is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedStep:
    """A step as the workflow asks for it."""

    name: str
    work: Work
    timeout_s: float | None
    undo: AnyFunction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPeople:
    """A question to people as the workflow asks it."""

    name: str
    question: str
    about: Json
    routing: Routing | None


class Stage(Protocol):
    """Does durably what a workflow asks for."""

    @property
    def execution(self) -> Execution: ...
    async def step(self, asked: AskedStep) -> object: ...
    async def agent(self, name: str, agent: Agent[object] | str, given: object) -> object: ...
    async def approve(self, asked: AskedPeople) -> Approved: ...
    async def sleep(self, name: str, seconds: float) -> None: ...
    async def wait_for(self, name: str, signal: str, timeout_s: float | None) -> Json: ...
    async def branches(self, parts: Sequence[Callable[[], Awaitable[object]]], at_once: int) -> list[object]: ...
    def now(self) -> datetime: ...
    def random(self) -> float: ...


class Flow:
    """Named durable steps. What is not a step runs again after each pause, and must come to the same.

    Each name stands for one step of the execution. A finished step is not done again: its result is in the journal,
    and comes back as a value of the function's return type.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    @property
    def stage(self) -> Stage:
        """What does it durably; for the parts of Holdfast that are built on it."""
        return self._stage

    @property
    def execution(self) -> Execution:
        """As it was when this stretch of work began; `id`, `user_id`, `thread_id` never change."""
        return self._stage.execution

    @overload
    async def step(
        self, name: str, function: Callable[..., Awaitable[T]], *given: object, **options: Unpack[StepOptions]
    ) -> T: ...
    @overload
    async def step(
        self, name: str, function: Callable[..., T], *given: object, **options: Unpack[StepOptions]
    ) -> T: ...
    async def step(self, name: str, function: AnyFunction, *given: object, **options: Unpack[StepOptions]) -> object:
        """Do something once, and keep what it came to.

        Args:
            name: Unique in the workflow; its result is found by it.
            function: A function, sync (it runs in a thread) or async, or a declared tool. A first parameter annotated
                `Context` gets the context, with the idempotency key.
            given: The function's arguments.
            options: See `StepOptions`.

        Raises:
            StepFailed: It failed for good.
            DeclarationError: It cannot work; the message names the fix.
        """
        return await self._stage.step(asked_step(name, function, given, options))

    @overload
    async def agent(self, name: str, agent: Agent[T], given: object) -> T: ...
    @overload
    async def agent(self, name: str, agent: str, given: object) -> object: ...
    async def agent(self, name: str, agent: Agent[object] | str, given: object) -> object:
        """Let an agent or another workflow do something, as an execution of its own within what is left of this one.

        Args:
            name: Unique in the workflow.
            agent: Which; of this app.
            given: Its input: text, JSON or a pydantic model.

        Returns:
            Its result, of its output type.

        Raises:
            StepFailed: It failed or was cancelled; the message says why.
        """
        return await self._stage.agent(checked_name(name), agent, given)

    @overload
    async def parallel(self, a: Awaitable[A], b: Awaitable[B], /) -> tuple[A, B]: ...
    @overload
    async def parallel(self, a: Awaitable[A], b: Awaitable[B], c: Awaitable[C], /) -> tuple[A, B, C]: ...
    @overload
    async def parallel(self, *parts: Awaitable[object]) -> tuple[object, ...]: ...
    async def parallel(self, *parts: Awaitable[object]) -> tuple[object, ...]:
        """Do several things side by side, each a step or a coroutine of steps.

        All of them come to their end; then the first failure, in the order given, is raised.
        """
        for part in parts:
            if not hasattr(part, "__await__"):
                raise DeclarationError(f"flow.parallel takes steps, not {part!r}: leave out the await before them")
        try:
            found = await self._stage.branches([partial(_same, part) for part in parts], max(len(parts), 1))
        finally:
            for part in parts:
                if inspect.iscoroutine(part) and inspect.getcoroutinestate(part) == inspect.CORO_CREATED:
                    part.close()  # stopped before it began
        return tuple(found)

    @overload
    async def map(self, name: str, work: Agent[T], items: Sequence[object], *, at_once: int = 8) -> list[T]: ...
    @overload
    async def map(
        self,
        name: str,
        work: Callable[..., Awaitable[T]],
        items: Sequence[object],
        *,
        at_once: int = 8,
        **options: Unpack[StepOptions],
    ) -> list[T]: ...
    @overload
    async def map(
        self,
        name: str,
        work: Callable[..., T],
        items: Sequence[object],
        *,
        at_once: int = 8,
        **options: Unpack[StepOptions],
    ) -> list[T]: ...
    async def map(
        self,
        name: str,
        work: Callable[..., Awaitable[T]] | Callable[..., T] | Agent[T],
        items: Sequence[object],
        *,
        at_once: int = 8,
        **options: Unpack[StepOptions],
    ) -> list[T]:
        """Do the same with each item, some of them at the same time; steps named `name[0]`, `name[1]`, ...

        All of them come to their end; then the first failure, in the order of items, is raised.

        Args:
            name: Of all of them.
            work: A function of one item, or an agent.
            items: The items.
            at_once: So many at the same time at most. Default: 8.
            options: As for `step`.
        """
        if isinstance(at_once, bool) or not isinstance(cast("object", at_once), int) or at_once < 1:
            raise DeclarationError(f"flow.map({name!r}): at_once={at_once!r}: give a whole number, 1 or more")
        parts: list[Callable[[], Awaitable[object]]] = [
            partial(self.agent, f"{name}[{place}]", work, item)
            if isinstance(work, Agent)
            else partial(self.step, f"{name}[{place}]", work, item, **options)
            for place, item in enumerate(items)
        ]
        return cast("list[T]", await self._stage.branches(parts, at_once))

    async def approve(self, name: str, *, question: str, about: object = None, **routing: Unpack[Routed]) -> Approved:
        """Ask people, and wait for their answer: it costs a row, no memory.

        Args:
            name: Unique in the workflow.
            question: One sentence that a person understands.
            about: What they decide about, exactly: a JSON object or a pydantic model. Default: nothing more.
            routing: `reviewers`, `quorum`, `expires_s`, `remind_s`, `ladder`, as review rules take them.

        Returns:
            What they said. Nobody's answer in time counts as no.
        """
        if not question.strip():
            raise DeclarationError(f"flow.approve({name!r}) asks nothing: say question='May ...?'")
        asked = AskedPeople(name=checked_name(name), question=question, about=_shown(about), routing=declared(routing))
        return await self._stage.approve(asked)

    async def sleep(self, name: str, seconds: float) -> None:
        """Wait so long: it costs a row, no memory, and survives restarts."""
        await self._stage.sleep(checked_name(name), _seconds(name, seconds))

    async def wait_for(self, signal: str, *, timeout_s: float | None = None, name: str | None = None) -> Json:
        """Wait for something that is sent to this execution (`app.send`), also before the wait began.

        Args:
            signal: What it is called. Several of one name are taken in the order in which they came.
            timeout_s: Seconds to wait at most. Default: without end.
            name: Of the step, where one signal is waited for more than once. Default: the signal's.

        Returns:
            What was sent with it.

        Raises:
            StepTimedOut: It did not come in time.
        """
        wait_s = None if timeout_s is None else _seconds(signal, timeout_s)
        return await self._stage.wait_for(checked_name(name or signal), checked_name(signal), wait_s)

    def now(self) -> datetime:
        """The time, in UTC; the same each time the workflow passes here."""
        return self._stage.now()

    def random(self) -> float:
        """A number from 0 to 1; the same each time the workflow passes here."""
        return self._stage.random()


def asked_step(name: str, function: AnyFunction, given: Sequence[object], options: StepOptions) -> AskedStep:
    """A step as it is asked for, checked.

    Raises:
        DeclarationError: It cannot work; the message names the fix.
    """
    if unknown := sorted(set(options) - set(StepOptions.__annotations__)):
        takes = ", ".join(StepOptions.__annotations__)
        raise DeclarationError(f"step {name!r} takes no {', '.join(unknown)}: it takes {takes}")
    work = Work(
        checked_name(name),
        function,
        given,
        effect=options.get("effect"),
        retries=options.get("retries"),
        probe=options.get("probe"),
        check=options.get("check"),
    )
    timeout_s = options.get("timeout_s")
    return AskedStep(
        name=name,
        work=work,
        timeout_s=work.timeout_s if timeout_s is None else _seconds(name, timeout_s),
        undo=options.get("undo"),
    )


def checked_name(name: object) -> str:
    """A name that the journal can keep.

    Raises:
        DeclarationError: It is none.
    """
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        raise DeclarationError(f"step name {name!r}: give 1 to {LONGEST_NAME} printable characters, e.g. 'check'")
    return name


def _seconds(name: str, seconds: object) -> float:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= 10 * 366 * 86_400:
        raise DeclarationError(f"step {name!r}: {seconds!r} are no seconds: give 0 or more, ten years at most")
    return float(seconds)


async def _same(part: Awaitable[object]) -> object:
    return await part


def _shown(about: object) -> Json:
    from pydantic_core import to_jsonable_python  # noqa: PLC0415 - only approvals need it

    shown: Json = to_jsonable_python(about)
    return shown
