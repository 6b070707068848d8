"""The composition root: agents, a database and an engine put together, and the few verbs a door may use."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Self

import structlog
from pydantic_core import to_jsonable_python

from holdfast.agent import Agent
from holdfast.config import Settings, configure_logging, quieted
from holdfast.engine.clock import SystemClock, new_id
from holdfast.engine.heap import spare_what_is_loaded
from holdfast.engine.local import LocalEngine, install_signal_handlers
from holdfast.errors import DeclarationError, NotFound, UsageError
from holdfast.loop.desk import Cast, Desk
from holdfast.loop.edit import checked_edit
from holdfast.loop.listening import heard
from holdfast.loop.preflight import Finding, preflight
from holdfast.loop.run import run
from holdfast.loop.started import started_event
from holdfast.memory.thread import earlier
from holdfast.ports import Clock, Journal, NewId
from holdfast.trail.follow import follow_events
from holdfast.trail.redact import Redactor, redact_log
from holdfast.trail.trail import Trail, open_trail
from holdfast.types import (
    Answer,
    Approval,
    ApprovalStatus,
    Event,
    Execution,
    Health,
    Json,
    NewExecution,
    Ruling,
    Status,
)


class App:
    """Agents on a database.

    Making one reads and starts nothing; the database is opened at the first verb. Use it as
    `async with App(...) as app`, or call `close` at the end.

    Args:
        agents: What this process can work on. May be empty for one that only looks and decides.
        database: A file, `sqlite:///file` or `postgresql://...`. Default: `HOLDFAST_DATABASE`, else
            `.holdfast/holdfast.db`.
        settings: Everything else that can be configured. Default: environment and `holdfast.toml`.
        clock: Time. Default: the system's.
        ids: Makes ids. Default: UUIDv7.
        wrap_journal: Put something around the journal, as fault injectors do. Default: nothing.

    Raises:
        DeclarationError: Two agents have one name.
    """

    def __init__(  # noqa: PLR0913 - everything it is composed of
        self,
        agents: Sequence[Agent[object]] = (),
        database: str | None = None,
        *,
        settings: Settings | None = None,
        clock: Clock | None = None,
        ids: NewId = new_id,
        wrap_journal: Callable[[Journal], Journal] | None = None,
    ) -> None:
        self.agents: Mapping[str, Agent[object]] = {agent.name: agent for agent in agents}
        if len(self.agents) < len(agents):
            raise DeclarationError("two agents have the same name: give each its own")
        self._database = database
        self._settings = settings
        self._clock: Clock = clock or SystemClock()
        self._ids = ids
        self._wrap = wrap_journal
        self._trail: Trail | None = None
        self._opening = asyncio.Lock()
        self._casts: dict[str, Cast] = {}
        self._listeners: dict[str, Callable[[str], None]] = {}
        self._engines = 0

    def like(self, *, agents: Sequence[Agent[object]], database: str | None = None) -> "App":
        """A fresh app, configured as this one, with other agents or on another database."""
        place = database or self._database
        return App(agents, place, settings=self._settings, clock=self._clock, ids=self._ids, wrap_journal=self._wrap)

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
    ) -> Execution:
        """Take a request; it is durable when this returns, and a worker will take it up.

        Args:
            agent: The agent, or its name.
            input: Text, JSON or a pydantic model: what is asked.
            user: Whose request it is. Default: nobody's.
            thread: Continue this conversation. Default: none.
            priority: Higher is worked earlier. Default: 0.
            idempotency_key: Asking twice with the same key is asking once. Default: none.

        Raises:
            NotFound: This app has no such agent.
            IdempotencyConflict: The key was used for another input.
        """
        chosen = self._agent(agent)
        trail = await self._open()
        asked: Json = self._redactor().value(to_jsonable_python(input))
        started = started_event(chosen, asked, user=user, thread=thread, priority=priority)
        return await trail.start(
            NewExecution(
                id=self._ids(),
                agent_type=chosen.name,
                agent_version=chosen.version,
                input_data=asked,
                started=started,
                thread_id=thread,
                user_id=user,
                priority=priority,
                idempotency_key=idempotency_key,
            )
        )

    async def wait(self, execution_id: str, timeout_s: float | None = None) -> Execution:
        """The execution, once it has ended or waits for a person.

        Raises:
            TimeoutError: Neither came within `timeout_s` seconds. Default: no limit.
            NotFound: There is no such execution.
        """
        trail = await self._open()
        async with asyncio.timeout(timeout_s):
            ticks = trail.settle(execution_id)
            while True:
                await anext(ticks)  # the first one comes at once
                execution = await trail.get(execution_id)
                if execution.ended or execution.status == "awaiting_review":
                    return execution

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
        execution = await self.start(
            agent, input, user=user, thread=thread, priority=priority, idempotency_key=idempotency_key
        )
        return await self.resume(execution.id, timeout_s=timeout_s)

    async def resume(self, execution_id: str, *, timeout_s: float | None = None) -> Execution:
        """Wait as `wait` does, working on this one execution here unless a worker of this app is running."""
        if self._engines:
            return await self.wait(execution_id, timeout_s)
        async with self.worker(concurrency=1, only=execution_id):
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
        """`run` for code without an event loop."""

        async def whole() -> Execution:
            async with self:
                return await self.run(agent, input, user=user, thread=thread, timeout_s=timeout_s)

        return asyncio.run(whole())

    async def get(self, execution_id: str) -> Execution:
        """One execution with its tool calls.

        Raises:
            NotFound: There is no such execution.
        """
        return await (await self._open()).get(execution_id)

    async def list(  # noqa: PLR0913 - one filter each
        self,
        *,
        status: Status | None = None,
        agent: str | None = None,
        user: str | None = None,
        thread: str | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Sequence[Execution]:
        """Executions, newest first, without their tool calls; `after` is the id of the last one seen."""
        trail = await self._open()
        return await trail.list(status=status, agent=agent, user=user, thread=thread, limit=limit, after=after)

    async def events(self, execution_id: str, *, after: int = 0, follow: bool = True) -> AsyncIterator[Event]:
        """Events above the sequence number `after`, then live ones, until the execution ends.

        Args:
            execution_id: Whose.
            after: Resume behind this sequence number. Default: 0, from the beginning.
            follow: `False` stops at the newest one there is.

        Raises:
            NotFound: There is no such execution.
        """
        trail = await self._open()
        await trail.get(execution_id)
        async for event in follow_events(trail, execution_id, after=after, follow=follow):
            yield event

    async def tokens(self, execution_id: str) -> AsyncIterator[str]:
        """The model's words as they come, from an execution worked in this process. Live only: not stored."""
        async for words in heard(self._listeners, execution_id, until=self.wait(execution_id)):
            yield words

    # --- steering -------------------------------------------------------------------------------------

    async def cancel(self, execution_id: str, *, by: str = "operator") -> Execution:
        """Stop it: at once if it waits, else after the call that runs now; no new call starts.

        Raises:
            NotFound: There is no such execution.
            IllegalTransition: It has ended already.
        """
        return await (await self._open()).cancel(execution_id, by=by)

    async def retry(self, execution_id: str, *, by: str = "operator") -> Execution:
        """Let a failed execution go on after its last durable step, with fresh limits.

        Raises:
            NotFound: There is no such execution.
            IllegalTransition: It has not failed.
        """
        return await (await self._open()).retry(execution_id, by=by)

    async def approvals(
        self, status: ApprovalStatus | None = "open", *, execution_id: str | None = None
    ) -> Sequence[Approval]:
        """Questions to people, oldest first; `status=None` gives all."""
        return await (await self._open()).approvals(status=status, execution_id=execution_id)

    async def decide(
        self, approval_id: str, answer: Answer, *, by: str, note: str | None = None, edit: Json = None
    ) -> Approval:
        """Answer an approval. The answer counts once.

        Args:
            approval_id: Which.
            answer: `approve` or `reject`; for a question of the agent `answer` (with `note`); for a call in
                doubt `happened` (with `edit`, its result), `run` or `skip`.
            by: Who answers.
            note: Words for the model and the record.
            edit: Other arguments to run with; for an escalation the result to end with.

        Raises:
            NotFound: There is no such approval.
            AlreadyDecided: Somebody was faster, or it expired; the message says who and when.
            InvalidArguments: The edited arguments do not fit the tool.
            UsageError: That answer does not fit the kind of question.
        """
        trail = await self._open()
        edit_digest = None
        if answer == "approve":
            asked = await trail.approval(approval_id)
            edit, edit_digest = checked_edit(self.agents, asked, edit, redactor=self._redactor())
        return await trail.decide(
            Ruling(approval_id=approval_id, answer=answer, by=by, note=note, edit=edit, edit_digest=edit_digest)
        )

    def health(self) -> Health:
        """Whether the database takes writes now."""
        return self._trail.health() if self._trail else Health(ok=True, detail="not opened yet", queued=0)

    async def doctor(self) -> Sequence[Finding]:
        """What a deploy of this code would change for executions that have not ended."""
        return await preflight(await self._open(), self.agents)

    # --- working --------------------------------------------------------------------------------------

    @asynccontextmanager
    async def worker(self, concurrency: int | None = None, *, only: str | None = None) -> AsyncGenerator[LocalEngine]:
        """Work on executions in the background while the block runs; on leaving, turns reach their commit."""
        engine = await self._engine(concurrency, only)
        self._engines += only is None
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(engine.run())
                try:
                    yield engine
                finally:
                    self._engines -= only is None
                    engine.stop()
        except BaseExceptionGroup as several:
            # The block and the engine are one to their user: what went wrong in either is raised as it is.
            raise several.exceptions[0] from several.exceptions[0].__cause__

    async def work(self, *, concurrency: int | None = None, drain: bool = False) -> None:
        """Work until stopped by a signal; with `drain` only until nothing is left that it could do."""
        engine = await self._engine(concurrency, None)
        spare_what_is_loaded()
        install_signal_handlers(engine)
        await (engine.drain() if drain else engine.run())

    async def close(self) -> None:
        """Write what is queued and let go of the database."""
        trail, self._trail = self._trail, None
        casts, self._casts = self._casts, {}
        for cast in casts.values():
            await cast.models.close()
        if trail:
            await trail.close()

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def settings(self) -> Settings:
        """The configuration in force."""
        self._settings = self._settings or Settings.load()
        return self._settings

    @property
    def database(self) -> str:
        """Where the record is."""
        return self._database or self.settings.database

    async def _open(self) -> Trail:
        async with self._opening:
            if self._trail is None:
                if not structlog.is_configured():
                    configure_logging(quieted(self.settings), redact_log(self._redactor()))
                self._trail = await open_trail(
                    self.database,
                    clock=self._clock,
                    new_id=self._ids,
                    redactor=self._redactor(),
                    capacity=self.settings.queue_depth,
                )
            return self._trail

    def _redactor(self) -> Redactor:
        return Redactor(keys=self.settings.redact_keys, patterns=self.settings.redact_patterns)

    async def _engine(self, concurrency: int | None, only: str | None) -> LocalEngine:
        if not self.agents:
            raise UsageError("this App has no agents to work with: App(agents=[...])")
        trail, stopping = await self._open(), asyncio.Event()
        desk = Desk(
            journal=self._wrap(trail) if self._wrap else trail,
            casts={name: self._cast(agent) for name, agent in self.agents.items()},
            earlier=partial(earlier, trail),
            clock=self._clock,
            new_id=self._ids,
            random=random.random,
            redactor=self._redactor(),
            approval_expiry_s=self.settings.approval_expiry_s,
            stopping=stopping,
            listeners=self._listeners,
            holds_lease=lambda: engine.holds_lease(),  # noqa: PLW0108 - the engine is made right below
        )
        engine = LocalEngine(
            trail,
            partial(run, desk),
            agents=list(self.agents),
            clock=self._clock,
            concurrency=concurrency or self.settings.concurrency,
            lease_s=self.settings.lease_s,
            grace_s=self.settings.grace_s,
            only=only,
            stopping=stopping,
        )
        return engine

    def _cast(self, agent: Agent[object]) -> Cast:
        if agent.name not in self._casts:
            self._casts[agent.name] = Cast.of(agent, clock=self._clock)
        return self._casts[agent.name]

    def _agent(self, agent: Agent[object] | str) -> Agent[object]:
        name = agent if isinstance(agent, str) else agent.name
        if name not in self.agents:
            known = ", ".join(sorted(self.agents)) or "none"
            raise NotFound(f"this App has no agent {name!r}; it has: {known}")
        return self.agents[name]
