"""Commands about who works: workers, unpin."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.text import Text

from holdfast.app import App
from holdfast.doors import exits
from holdfast.doors.desk import find_execution, looking, only
from holdfast.doors.options import COMMON, Common, os_user
from holdfast.doors.screen import draw, emit, line, note, say, shorten, table
from holdfast.errors import NotFound, UsageError
from holdfast.types import Fleet, SeenWorker, Unserved


async def workers(
    action: Literal["list", "drain"] = "list",
    id_: Annotated[str | None, Parameter(name="ID")] = None,
    /,
    *,
    why: str = "",
    common: Common = COMMON,
) -> int:
    """List who works and what they serve, or drain one.

    A worker that drains takes up nothing that another one could take, and stops as it does at SIGTERM. What is pinned
    to a version that only it serves keeps it until that has ended.

    Args:
        action: list; drain tells one to stop, wherever it runs.
        id_: With drain: its id, or at least 6 characters of its start or end.
        why: For the record.
        common: What every command takes.
    """
    async with looking(common) as app:
        if action == "drain":
            return await _drain(app, id_, why, common)
        fleet = await app.control.fleet()
    if common.json:
        for worker in fleet.workers:
            emit(worker)
        for left in fleet.unserved:
            emit({"unserved": left})
        return exits.OK
    _show(fleet)
    return exits.OK


def _show(fleet: Fleet) -> None:
    if fleet.workers:
        columns = ("id", "state", "holds", "serves", "version", "up")
        draw(table(columns, [_row(one) for one in fleet.workers], widest="serves"))
    else:
        note("no worker is known: holdfast worker TARGET starts one")
    for left in fleet.unserved:
        say(line(("nobody serves ", "red"), _left(left)))


def _row(one: SeenWorker) -> list[str | Text]:
    capacity = f" of {one.capacity:,}" if one.capacity else ""
    serves = ", ".join(f"{agent} {version}" for agent, version in sorted(one.serves.items()))
    version = " ".join(part for part in (one.version, one.app_version and f"({one.app_version})") if part)
    return [one.id, _state(one), f"{one.holding:,}{capacity}", shorten(serves, 200), version, _up(one.started_at)]


def _state(one: SeenWorker) -> Text:
    if not one.alive:
        return line(("lease over", "red"))
    return line(("draining", "yellow")) if one.drains_since else line(("alive", "green"))


def _up(since: datetime) -> str:
    minutes = max(int((datetime.now(UTC) - since).total_seconds()), 0) // 60
    return f"{minutes // 60} h" if minutes >= 120 else f"{minutes} min"


def _left(one: Unserved) -> str:
    version = f" {one.pinned_to}" if one.pinned_to else ""
    return f"{one.agent}{version}: {one.count:,} waiting since {one.since:%Y-%m-%d %H:%M} UTC"


async def _drain(app: App, given: str | None, why: str, common: Common) -> int:
    if given is None:
        raise UsageError("which worker? holdfast workers lists them: holdfast workers drain ID")
    ids = [worker.id for worker in (await app.control.fleet()).workers]
    chosen = (
        given if given in ids else only([i for i in ids if _fits(i, given)], given, "worker", look="holdfast workers")
    )
    drained = await app.control.drain_worker(chosen, by=os_user(), why=why)
    said = "takes nothing new from now on, and stops" if drained else "was told before"
    return exits.done(f"worker {chosen} {said}", {"worker": chosen, "drained": drained}, as_json=common.json)


def _fits(worker_id: str, given: str) -> bool:
    return len(given) >= 6 and (worker_id.startswith(given) or worker_id.endswith(given))


async def unpin(
    agent_or_id: Annotated[str, Parameter(name="AGENT-OR-ID")],
    /,
    *,
    version: str | None = None,
    why: str = "",
    common: Common = COMMON,
) -> int:
    """Let executions go on with any version of their agent.

    Args:
        agent_or_id: The agent, for all of its executions that have not ended; or one execution's id.
        version: Of an agent: only those that are pinned to this version. Default: to any.
        why: For the record.
        common: What every command takes.
    """
    async with looking(common) as app:
        agent, execution_id = await _named(app, agent_or_id, version)
        count = await app.control.unpin(agent, by=os_user(), why=why, version=version, execution_id=execution_id)
    if not count:
        note(f"nothing of {agent_or_id} was pinned")
        return exits.OK
    many = "1 execution goes" if count == 1 else f"{count:,} executions go"
    return exits.done(
        f"{many} on with any version of {agent}", {"agent": agent, "unpinned": count}, as_json=common.json
    )


async def _named(app: App, given: str, version: str | None) -> tuple[str, str | None]:
    """The agent, and the execution where one is named."""
    if version is not None or await app.list(agent=given, limit=1):
        return given, None
    try:
        found = await find_execution(app, given)
    except NotFound as error:
        raise NotFound(f"there is neither an agent with executions nor an execution {given!r}") from error
    return found.agent_type, found.id
