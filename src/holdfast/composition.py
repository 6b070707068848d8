"""Puts an app's parts together: settings, redaction, the trail, casts and engines, each when it is first needed."""

import asyncio
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import cast

import structlog
from pydantic_core import to_jsonable_python

from holdfast.agent import RESERVED_TOOLS, Agent
from holdfast.attendants import attendants
from holdfast.config import Settings, configure_logging, quieted
from holdfast.configured import keep_schedules, obey_configuration
from holdfast.engine.beside import Attendant
from holdfast.engine.clock import SystemClock
from holdfast.engine.local import LocalEngine
from holdfast.engine.sensing import Sensing
from holdfast.engine.timekeeper import Timekeeper
from holdfast.errors import DeclarationError, NotFound, UsageError
from holdfast.known_people import KnownPeople
from holdfast.loop.desk import Cast, Desk, unseen
from holdfast.loop.run import run
from holdfast.loop.started import started_event
from holdfast.memory.guidance import Lessons
from holdfast.memory.thread import earlier
from holdfast.policy.rights import Rights
from holdfast.policy.times import ANY_TIME, Times
from holdfast.ports import Clock, Journal, NewId
from holdfast.sensors import Sensor
from holdfast.teams.handover import check_handovers
from holdfast.teams.workflow import accepted
from holdfast.tools.fallback import tools_behind
from holdfast.trail.controls.breaker import BreakerRules
from holdfast.trail.health import MetricsText
from holdfast.trail.place import Connections
from holdfast.trail.redact import Redactor, redact_log
from holdfast.trail.traces.live import Tracing
from holdfast.trail.traces.setup import open_tracing
from holdfast.trail.trail import Trail, open_trail
from holdfast.types import Execution, Feedback, Grant, Health, Item, Json, NewExecution, Schedule, Switch

log = structlog.get_logger("holdfast.app")

_LAST_SPANS_S = 2.0
"""Seconds that the last spans get to reach their backend when an app closes."""


class Parts:
    """What one app is made of; its arguments are the app's.

    Raises:
        DeclarationError: `agents` is no list of agents, or two of them have one name.
    """

    def __init__(  # noqa: PLR0913 - everything an app is composed of
        self,
        agents: Sequence[Agent[object]],
        place: str | None,
        *,
        settings: Settings | None,
        clock: Clock | None,
        ids: NewId,
        wrap_journal: Callable[[Journal], Journal] | None,
        schedules: Sequence[Schedule] = (),
        sensors: Sequence[Sensor] = (),
    ) -> None:
        self.agents = _by_name(agents)
        self.place, self.given, self.chosen = place, settings, settings
        self._people = KnownPeople(settings, self.redactor)
        self.clock: Clock = clock or SystemClock()
        self.ids, self.wrap = ids, wrap_journal
        self.schedules = _declared(schedules, self.agents)
        self.sensors = _known_sensors(sensors, self.agents)
        self.listeners: dict[str, Callable[[str], None]] = {}
        """Who wants the tokens of which execution as they come."""
        self.closing_s: float | None = None
        """Seconds that `close` may wait for a database that is away. Default: the grace period."""
        self._redactor: Redactor | None = None
        self._trail: Trail | None = None
        self._metrics: MetricsText | None = None
        self._tracing: Tracing | None = None
        self._opening = asyncio.Lock()
        self._casts: dict[str, Cast] = {}
        self.lessons = Lessons(self._read_lessons, clock=self.clock)
        """What people corrected, as new executions are told it."""

    @property
    def settings(self) -> Settings:
        """The configuration in force: what was given, else environment and `holdfast.toml`."""
        self.chosen = self.chosen or Settings.load()
        return self.chosen

    @property
    def database(self) -> str:
        """Where the record is."""
        return self.place or self.settings.database

    def redactor(self) -> Redactor:
        """What takes secrets out, by the rules in force."""
        if self._redactor is None:  # its patterns take longer to make than an execution to start
            self._redactor = Redactor(keys=self.settings.redact_keys, patterns=self.settings.redact_patterns)
        return self._redactor

    def rights(self) -> Rights:
        """Who may decide, as it is configured at this moment."""
        return self._people.rights()

    def people_settings(self) -> Settings:
        """The configuration whose people count at this moment."""
        return self._people.settings()

    def agent(self, agent: Agent[object] | str) -> Agent[object]:
        """The agent of that name, as this app has it.

        Raises:
            NotFound: It has none.
        """
        name = agent if isinstance(agent, str) else agent.name
        if name not in self.agents:
            known = ", ".join(sorted(self.agents)) or "none at all, declare it with App(agents=[...])"
            raise NotFound(f"this App has no agent {name!r}; it has: {known}")
        return self.agents[name]

    async def trail(self) -> Trail:
        """The open record; the first call opens it."""
        async with self._opening:
            if self._trail is None:
                if not structlog.is_configured():
                    configure_logging(quieted(self.settings), redact_log(self.redactor()))
                self._trail = await open_trail(
                    self.database,
                    clock=self.clock,
                    new_id=self.ids,
                    redactor=self.redactor(),
                    capacity=self.settings.queue_depth,
                    breakers=BreakerRules(**self.settings.breakers.model_dump()),
                    connections=Connections.of(self.settings.postgres),
                )
            return self._trail

    async def metrics(self) -> MetricsText:
        """Makes the Prometheus exposition; the first call begins to count.

        Raises:
            MissingExtra: The library is not installed.
        """
        trail = await self.trail()
        if self._metrics is None:
            behind = {one.name for agent in self.agents.values() for tool in agent.tools for one in tools_behind(tool)}
            own = {tool.name for agent in self.agents.values() for tool in agent.tools}
            self._metrics = trail.metrics_text(tools=own | behind | RESERVED_TOOLS)
        return self._metrics

    def health(self) -> Health:
        """Whether the database takes writes now; one that was not opened yet is well."""
        return self._trail.health() if self._trail else Health(ok=True, detail="not opened yet", queued=0)

    async def engine(self, concurrency: int | None, only: str | None, *, drains: bool = False) -> LocalEngine:
        """A new engine that can work for every agent; `only` binds it to one execution.

        One that `drains` takes what is pinned to its versions alone, and stops when nothing is left of it.

        Raises:
            UsageError: There are no agents, or `concurrency` is no number of slots.
            MissingExtra: Traces are configured, and what sends them is not installed.
        """
        if not self.agents:
            raise UsageError("this App has no agents to work with: App(agents=[...])")
        if concurrency is not None and (type(concurrency) is not int or concurrency < 1):
            raise UsageError(f"concurrency={concurrency!r}: give a whole number, 1 or more, or leave it out")
        trail, stopping = await self.trail(), asyncio.Event()
        tracing = self._traced(trail)
        casts = [self._cast(agent) for agent in self.agents.values()]
        await obey_configuration(self.settings, trail, casts, only=only is not None)
        if only is None:
            await keep_schedules(trail, self.settings, self.schedules, self.agents, now=self.clock.now())
        desk = self._desk(trail, stopping, holds_lease=lambda: engine.holds_lease())  # noqa: PLW0108 - made right below
        activate = partial(run, desk)
        engine = LocalEngine(
            trail,
            tracing.around(activate) if tracing else activate,
            agents={name: agent.version for name, agent in self.agents.items()},
            app_version=self.settings.app_version,
            clock=self.clock,
            concurrency=concurrency or self.settings.concurrency,
            lease_s=self.settings.lease_s,
            grace_s=self.settings.grace_s,
            only=only,
            stopping=stopping,
            drains=drains,
        )
        return engine

    async def attendants(self, engine: LocalEngine, only: str | None = None) -> Sequence[Attendant]:
        """What runs beside an engine of this app, which is bound to one execution where `only` says so.

        Raises:
            MissingExtra: A channel is configured whose library is not installed.
        """
        trail = await self.trail()
        beside = attendants(engine, settings=self.settings, trail=trail, clock=self.clock, only=only is not None)
        if only is not None:
            return beside
        names = list(self.agents)
        timekeeper = Timekeeper(trail, self.request, agents=names, worker_id=engine.caretaker, clock=self.clock)
        if not self.sensors:
            return (*beside, timekeeper.run)
        sensing = Sensing(trail, self.sensors, self.about, worker_id=engine.caretaker, clock=self.clock)
        return (*beside, timekeeper.run, sensing.run)

    def about(self, sensor: Sensor, item: Item) -> NewExecution:
        """The request about something that a sensor saw."""
        return self.new_execution(
            sensor.agent, item.input, user=item.user or sensor.user, priority=sensor.priority,
            idempotency_key=f"sensor:{sensor.name}:{item.key}", origin={"sensor": sensor.name, "item": item.key},
        )  # fmt: skip

    def triggers_of(self, agents: Sequence[Agent[object]]) -> tuple[Sequence[Schedule], Sequence[Sensor]]:
        """The schedules and sensors that ask one of these agents."""
        names = _by_name(agents)
        return (
            [one for one in self.schedules if one.agent in names],
            [one for one in self.sensors if one.agent in names],
        )

    def request(self, schedule: Schedule, at: datetime, key: str) -> NewExecution:
        """The request of a schedule for one of its times.

        Raises:
            NotFound: This app has no such agent.
        """
        origin: dict[str, Json] = {"schedule": schedule.name, "at": at.isoformat()}
        return self.new_execution(
            schedule.agent, schedule.input, user=schedule.user, priority=schedule.priority, idempotency_key=key,
            origin=origin,
        )  # fmt: skip

    def new_execution(  # noqa: PLR0913 - the parts of a request
        self,
        agent: Agent[object] | str,
        asked: object,
        *,
        user: str | None = None,
        thread: str | None = None,
        priority: int = 0,
        idempotency_key: str | None = None,
        origin: Mapping[str, Json] | None = None,
        times: Times = ANY_TIME,
    ) -> NewExecution:
        """A request, ready to be stored.

        Raises:
            NotFound: This app has no such agent.
            UsageError: It is a workflow that takes no such input.
        """
        chosen = self.agent(agent)
        clean: Json = accepted(chosen, self.redactor().value(to_jsonable_python(asked)))
        return NewExecution(
            id=self.ids(),
            agent_type=chosen.name,
            agent_version=chosen.version,
            input_data=clean,
            started=started_event(
                chosen, clean, user=user, thread=thread, priority=priority, origin=origin, times=times.as_data()
            ),
            pinned=chosen.pinned,
            thread_id=thread,
            user_id=user,
            priority=priority,
            idempotency_key=idempotency_key,
            start_at=times.start_at,
            due_by=times.due_by,
        )

    async def told_end(self, execution: Execution) -> Execution:
        """The same execution; where it was cancelled and no worker had it, its trace has ended too."""
        trail = await self.trail()
        try:
            if execution.ended and (tracing := self._traced(trail)):
                tracing.tell_end(execution, await trail.events(execution.id))
        except Exception as error:  # noqa: BLE001 - it was cancelled, whatever becomes of its trace
            log.warning("trace_broken_off", execution=execution.id, error=str(error))
        return execution

    async def close(self) -> None:
        """Write what is queued and let go of the database and the models."""
        trail, self._trail, self._metrics = self._trail, None, None
        tracing, self._tracing = self._tracing, None
        casts, self._casts = self._casts, {}
        for made in casts.values():
            await made.models.close()
        if trail:
            await trail.close(grace_s=self.settings.grace_s if self.closing_s is None else self.closing_s)
        if tracing:
            await asyncio.to_thread(tracing.close, _LAST_SPANS_S)

    def _traced(self, trail: Trail) -> Tracing | None:
        """This process's traces, if anybody wants any; they hear of what the trail appends."""
        if self._tracing is None:
            self._tracing = open_tracing(self.settings.telemetry, clock=self.clock, redactor=self.redactor())
            if self._tracing:
                trail.on_append.append(self._tracing.appended)
        return self._tracing

    def _desk(self, trail: Trail, stopping: asyncio.Event, *, holds_lease: Callable[[], bool]) -> Desk:
        return Desk(
            journal=self.wrap(trail) if self.wrap else trail,
            casts={name: self._cast(agent) for name, agent in self.agents.items()},
            earlier=partial(earlier, trail),
            clock=self.clock,
            new_id=self.ids,
            random=random.random,
            redactor=self.redactor(),
            approval_expiry_s=self.settings.approval_expiry_s,
            stopping=stopping,
            listeners=self.listeners,
            during=self._tracing.during if self._tracing else unseen,
            holds_lease=holds_lease,
            rights=self.rights,
            switches=partial(_switches, trail),
            grants=partial(_grants, trail),
            feedback=self.lessons.of,
        )

    async def _read_lessons(self, agent: str, limit: int) -> Sequence[Feedback]:
        return await (await self.trail()).feedback(agent=agent, limit=limit)

    def _cast(self, agent: Agent[object]) -> Cast:
        if agent.name not in self._casts:
            self._casts[agent.name] = Cast.of(
                agent, clock=self.clock, prices=self.settings.price_list, known=self.agents
            )
        return self._casts[agent.name]


async def _switches(trail: Trail) -> Sequence[Switch]:
    return (await trail.controls()).switches


async def _grants(trail: Trail) -> Sequence[Grant]:
    return (await trail.controls()).grants


def _by_name(agents: Sequence[Agent[object]]) -> Mapping[str, Agent[object]]:
    given = cast("object", agents)
    if isinstance(given, Agent):
        raise DeclarationError(f"App takes a list of agents: App([{cast('Agent[object]', given).name}])")
    if not isinstance(given, Sequence) or not all(isinstance(it, Agent) for it in cast("Sequence[object]", given)):
        raise DeclarationError(f"App takes a list of agents, not {given!r}: App([Agent(name=..., ...)])")
    named: dict[str, Agent[object]] = {}
    for agent in _with_teams(agents):
        if named.setdefault(agent.name, agent) is not agent:
            raise DeclarationError(f"two agents have the same name, {agent.name!r}: give each its own")
    check_handovers(named)
    return named


def _declared(given: Sequence[Schedule], agents: Mapping[str, Agent[object]]) -> Sequence[Schedule]:
    for one in given:
        if one.agent not in agents:
            raise DeclarationError(f"schedule {one.name!r} asks agent {one.agent!r}, which this App has not")
    if len({one.name for one in given}) < len(given):
        raise DeclarationError("two schedules have the same name: give each its own")
    return [replace(one, source="code") for one in given]


def _known_sensors(given: Sequence[Sensor], agents: Mapping[str, Agent[object]]) -> Sequence[Sensor]:
    for one in given:
        if not isinstance(cast("object", one), Sensor):
            raise DeclarationError(f"App takes sensors that are declared with @sensor(...), not {one!r}")
        if one.agent not in agents:
            raise DeclarationError(f"sensor {one.name!r} asks agent {one.agent!r}, which this App has not")
    if len({one.name for one in given}) < len(given):
        raise DeclarationError("two sensors have the same name: give each its own")
    return tuple(given)


def _with_teams(agents: Sequence[Agent[object]]) -> Iterator[Agent[object]]:
    """The agents and, after each, its specialists, those it may hand over to, and theirs."""
    for agent in agents:
        yield agent
        yield from _with_teams(agent.specialists)
        yield from _with_teams([one for one in agent.handover if isinstance(one, Agent)])


def refuse_in_event_loop(instead: str) -> None:
    """Refuse to start an event loop inside another one.

    Raises:
        UsageError: One runs on this thread.
    """
    with suppress(RuntimeError):
        asyncio.get_running_loop()
        raise UsageError(f"an event loop runs here (async code, a notebook): write `await {instead}(...)` instead")
