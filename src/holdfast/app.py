"""The composition root: agents, a database and an engine put together, and the few verbs a door may use."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from importlib.metadata import entry_points
from typing import Self

from holdfast.access import Access
from holdfast.agent import Agent
from holdfast.answers import Answers
from holdfast.composition import Parts, refuse_in_event_loop
from holdfast.config import Settings
from holdfast.control_room import ControlRoom
from holdfast.engine.beside import attended, beside
from holdfast.engine.clock import new_id
from holdfast.engine.heap import spare_what_is_loaded
from holdfast.engine.local import LocalEngine
from holdfast.engine.signals import Early, install_signal_handlers
from holdfast.errors import MissingExtra
from holdfast.glance import Glance
from holdfast.lookup import Lookup
from holdfast.loop.listening import heard
from holdfast.loop.preflight import Finding, preflight
from holdfast.loop.retry import refuse_unfailed, set_aside
from holdfast.outside import Outside, open_to_outside
from holdfast.policy.times import Times
from holdfast.ports import Clock, Journal, NewId
from holdfast.ports.asgi import AsgiApp, Receive, Scope, Send
from holdfast.schedules import Schedules
from holdfast.sensors import Sensor
from holdfast.trail.follow import settled
from holdfast.trail.trail import Trail
from holdfast.types import (
    Execution,
    Health,
    Json,
    Schedule,
)


class App(Answers, Lookup):
    """Agents on a database.

    Making one reads and starts nothing; the database is opened at the first verb. Use it as
    `async with App(...) as app`, or call `close` at the end.

    Args:
        agents: What this process can work on. May be empty for one that only looks and decides.
        database: A file, `sqlite:///file` or `postgresql://...`. Default: `HOLDFAST_DATABASE`, else
            `.holdfast/holdfast.db`.
        workflows: Further ones, declared with `workflow`; they may as well stand among the agents.
        settings: Everything else that can be configured. Default: environment and `holdfast.toml`.
        clock: Time. Default: the system's.
        ids: Makes ids. Default: UUIDv7.
        wrap_journal: Put something around the journal, as fault injectors do. Default: nothing.
        schedules: What is asked when its time comes, while a worker runs somewhere. Default: nothing.
        sensors: Who is asked at intervals what is new, while a worker runs somewhere. Default: nobody.

    Raises:
        DeclarationError: `agents` is no list of agents, or two of them have one name.
    """

    def __init__(  # noqa: PLR0913 - everything it is composed of
        self,
        agents: Sequence[Agent[object]] = (),
        database: str | None = None,
        *,
        workflows: Sequence[Agent[object]] = (),
        settings: Settings | None = None,
        clock: Clock | None = None,
        ids: NewId = new_id,
        wrap_journal: Callable[[Journal], Journal] | None = None,
        schedules: Sequence[Schedule] = (),
        sensors: Sequence[Sensor] = (),
    ) -> None:
        agents = [*agents, *workflows] if workflows else agents
        self._parts = Parts(
            agents,
            database,
            settings=settings,
            clock=clock,
            ids=ids,
            wrap_journal=wrap_journal,
            schedules=schedules,
            sensors=sensors,
        )
        self._access = Access(self._parts)
        self._engines = 0
        self._asgi: AsgiApp | None = None

    def like(self, *, agents: Sequence[Agent[object]], database: str | None = None) -> "App":
        """A fresh app, configured as this one, with other agents or on another database."""
        own, place = self._parts, database or self._parts.place
        schedules, sensors = own.triggers_of(agents)
        return App(
            agents,
            place,
            settings=own.given,
            clock=own.clock,
            ids=own.ids,
            wrap_journal=own.wrap,
            schedules=schedules,
            sensors=sensors,
        )

    @property
    def agents(self) -> Mapping[str, Agent[object]]:
        """What it can work on, by name."""
        return self._parts.agents

    @property
    def control(self) -> ControlRoom:
        """What operators do: budgets, rates, kill switches, breakers, and the record of it."""
        return ControlRoom(self._parts)

    @property
    def schedules(self) -> Schedules:
        """What is asked when its time comes: look, set, pause, run now."""
        return Schedules(self._parts)

    @property
    def glance(self) -> Glance:
        """Many executions at once, as one caller may see them."""
        return Glance(self._parts)

    @property
    def access(self) -> Access:
        """Who may come in over HTTP: keys, login links and sessions, and the record of them."""
        return self._access

    @asynccontextmanager
    async def outside(self) -> AsyncGenerator[Outside]:
        """What doors to the world need while they are open: answers from channels and mail links, taken in and checked.

        Raises:
            MissingExtra: A channel is configured whose library is not installed.
        """
        await self._open()
        async with open_to_outside(self._parts, self) as opened:
            yield opened

    @property
    def settings(self) -> Settings:
        """The configuration in force."""
        return self._parts.settings

    @property
    def database(self) -> str:
        """Where the record is."""
        return self._parts.database

    # --- starting and looking -------------------------------------------------------------------------

    async def start(  # noqa: PLR0913 - the parts of a request
        self,
        agent: Agent[object] | str,
        input: object,  # noqa: A002 - the word of the domain
        *,
        user: str | None = None,
        thread: str | None = None,
        priority: int = 0,
        idempotency_key: str | None = None,
        origin: Mapping[str, Json] | None = None,
        start_at: datetime | None = None,
        delay_s: float | None = None,
        deadline: datetime | None = None,
    ) -> Execution:
        """Take a request; it is durable when this returns, and a worker will take it up.

        Args:
            agent: The agent, or its name.
            input: Text, JSON or a pydantic model: what is asked.
            user: Whose request it is. Default: nobody's.
            thread: Continue this conversation. Default: none.
            priority: Higher is worked earlier. Default: 0.
            idempotency_key: Asking twice with the same key is asking once. Default: none.
            origin: What the door that took the request wants to find again; journaled, and never shown to a model.
                Default: nothing.
            start_at: Not to begin before this time, which names its zone. Default: at once.
            delay_s: The same, in seconds from now.
            deadline: By when it must have ended; else it ends failed, with the reason `DEADLINE_EXCEEDED`. Default:
                none.

        Raises:
            NotFound: This app has no such agent.
            UsageError: A time has no zone, both `start_at` and `delay_s` are given, or a workflow takes no such input.
            DeadlineExceeded: It could not end in time.
            IdempotencyConflict: The key was used for another input.
        """
        times = Times.of(start_at=start_at, delay_s=delay_s, deadline=deadline, now=self._parts.clock.now())
        new = self._parts.new_execution(
            agent,
            input,
            user=user,
            thread=thread,
            priority=priority,
            idempotency_key=idempotency_key,
            origin=origin,
            times=times,
        )
        return await (await self._open()).start(new)

    async def wait(self, execution_id: str, timeout_s: float | None = None) -> Execution:
        """The execution, once it has ended or waits for a person.

        One that waits for others is given back, still pending with the reason `CHILDREN` (of a workflow: `AGENTS`),
        when all that is left below it waits for people: `approvals(execution_id=..., below=True)` has their questions.

        Raises:
            TimeoutError: Neither came within `timeout_s` seconds. Default: no limit.
            NotFound: There is no such execution.
        """
        trail = await self._open()
        async with asyncio.timeout(timeout_s):
            return await settled(trail, execution_id)

    async def run(  # noqa: PLR0913 - as `start`
        self,
        agent: Agent[object] | str,
        input: object,  # noqa: A002 - the word of the domain
        *,
        user: str | None = None,
        thread: str | None = None,
        priority: int = 0,
        idempotency_key: str | None = None,
        timeout_s: float | None = None,
    ) -> Execution:
        """Start, and wait until it has ended or waits for a person.

        Without a worker in this process, this call works the execution itself.
        """
        new = self._parts.new_execution(
            agent, input, user=user, thread=thread, priority=priority, idempotency_key=idempotency_key
        )
        return await self.resume(await (await self._open()).begin(new), timeout_s=timeout_s)

    async def resume(self, execution_id: str, *, timeout_s: float | None = None) -> Execution:
        """Wait as `wait` does, working on this execution and those below it unless a worker of this app is running."""
        if self._engines:
            return await self.wait(execution_id, timeout_s)
        async with self.worker(only=execution_id):
            return await self.wait(execution_id, timeout_s)

    def run_sync(
        self,
        agent: Agent[object] | str,
        input: object,  # noqa: A002 - the word of the domain
        *,
        user: str | None = None,
        thread: str | None = None,
        timeout_s: float | None = None,
    ) -> Execution:
        """`run` for code without an event loop.

        Raises:
            UsageError: An event loop runs here already.
        """
        refuse_in_event_loop("app.run")

        async def whole() -> Execution:
            async with self:
                return await self.run(agent, input, user=user, thread=thread, timeout_s=timeout_s)

        return asyncio.run(whole())

    async def tokens(self, execution_id: str) -> AsyncIterator[str]:
        """The model's words as they come, from an execution worked in this process. Live only: not stored."""
        async for words in heard(self._parts.listeners, execution_id, until=self.wait(execution_id)):
            yield words

    # --- steering -------------------------------------------------------------------------------------

    async def cancel(self, execution_id: str, *, by: str = "operator") -> Execution:
        """Stop it: at once if it waits, else after the call that runs now; no new call starts.

        Raises:
            NotFound: There is no such execution.
            IllegalTransition: It has ended already.
        """
        return await self._parts.told_end(await (await self._open()).cancel(execution_id, by=by))

    async def retry(self, execution_id: str, *, by: str = "operator", from_step: int | None = None) -> Execution:
        """Let a failed execution go on, with fresh limits.

        Args:
            execution_id: Which.
            by: Who says so.
            from_step: Set the turns from this step on aside and do them anew; what they did is not done again.
                Default: go on after the last durable step.

        Raises:
            NotFound: There is no such execution.
            IllegalTransition: It has not failed.
            UsageError: It has no such step, or nobody knows whether a call behind it happened.
        """
        trail = await self._open()
        if from_step is None:
            return await trail.retry(execution_id, by=by)
        await refuse_unfailed(trail, execution_id)
        back = set_aside(execution_id, await trail.events(execution_id), from_step)
        return await trail.retry(execution_id, by=by, back=back)

    def health(self) -> Health:
        """Whether the database takes writes now."""
        return self._parts.health()

    async def doctor(self) -> Sequence[Finding]:
        """What a deploy of this code would change for executions that have not ended."""
        return await preflight(await self._open(), self.agents)

    # --- working --------------------------------------------------------------------------------------

    @asynccontextmanager
    async def worker(self, concurrency: int | None = None, *, only: str | None = None) -> AsyncGenerator[LocalEngine]:
        """Work on executions in the background while the block runs; on leaving, turns reach their commit."""
        engine = await self._parts.engine(concurrency, only)
        attendants = await self._parts.attendants(engine, only)
        self._engines += only is None
        async with beside(engine, *attendants):
            try:
                yield engine
            finally:
                self._engines -= only is None

    async def work(self, *, concurrency: int | None = None, drain: bool = False, only_pinned: bool = False) -> None:
        """Work until stopped by a signal or an operator; with `drain` only until nothing is left that it could do.

        With `only_pinned` it takes what is pinned to the versions of its agents alone, until all of that has ended.
        """
        early = Early()
        undo = install_signal_handlers(early)  # a signal may come before there is an engine to stop
        engine = await self._parts.engine(concurrency, None, drains=only_pinned)
        attendants = await self._parts.attendants(engine)
        spare_what_is_loaded()
        undo()
        install_signal_handlers(engine)
        if early.stopped:
            engine.stop()
        try:
            await attended(engine, engine.drain() if drain else engine.run(), *attendants)
        finally:
            self._parts.closing_s = engine.grace_left_s

    async def close(self) -> None:
        """Write what is queued and let go of the database."""
        await self._parts.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The API and the console as an ASGI application: `uvicorn support:app`, or mounted in a program of yours.

        It works on nothing by itself: run a worker beside it.

        Raises:
            MissingExtra: The extra `server` is not installed.
        """
        self._asgi = self._asgi or self._door()
        await self._asgi(scope, receive, send)

    def _door(self) -> AsgiApp:
        """The HTTP door, found by its entry point: doors know the app, and the app none of them."""
        found = entry_points(group="holdfast.doors", name="http")
        try:
            made: AsgiApp = next(iter(found)).load()(self)
        except ModuleNotFoundError as error:
            raise MissingExtra("server", needed_for="an App as an ASGI application") from error
        return made

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _open(self) -> Trail:
        return await self._parts.trail()
