"""Commands that keep it running: worker, doctor, migrate, verify-audit."""

import asyncio
import os
from collections.abc import AsyncGenerator, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from holdfast.agent import Model
from holdfast.app import App
from holdfast.config import Settings
from holdfast.doors import exits, target
from holdfast.doors.absent import absent_people
from holdfast.doors.children import end_with_stdin
from holdfast.doors.logs import write_logs
from holdfast.doors.options import COMMON, Common, refuse_missing
from holdfast.doors.screen import emit, line, note, say
from holdfast.errors import JournalBroken
from holdfast.loop.preflight import Finding
from holdfast.trail.audit import verify_database
from holdfast.trail.migrate import migrate as upgrade
from holdfast.trail.place import locate

_KEYS = {
    "openai": ("OPENAI_API_KEY",),
    "openai-chat": ("OPENAI_API_KEY",),
    "openai-responses": ("OPENAI_API_KEY",),
    "anthropic": ("ANTHROPIC_API_KEY",),
    "google": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
}
"""Which environment variables hold the key of a provider; others are not checked."""
_OWN = ("OPENAI_BASE_URL",)
_KEYLESS: dict[str, tuple[str, ...]] = {"openai": _OWN, "openai-chat": _OWN, "openai-responses": _OWN}
"""Which name a server of one's own, that may need no key."""


async def worker(  # noqa: PLR0913 - one per option
    target_: Annotated[str, Parameter(name="TARGET")],
    /,
    *,
    concurrency: Annotated[int | None, Parameter(validator=Number(gte=1))] = None,
    drain: Annotated[bool, Parameter(negative=())] = False,
    only_pinned: Annotated[bool, Parameter(negative=())] = False,
    model: str | None = None,
    metrics_port: Annotated[int | None, Parameter(validator=Number(gte=0, lte=65_535))] = None,
    metrics_host: str = "127.0.0.1",
    until_stdin_closes: Annotated[bool, Parameter(negative=(), show=False)] = False,
    common: Common = COMMON,
) -> int:
    """Work on what waits, until stopped.

    Ctrl-C or SIGTERM drains: turns under way reach their commit. A second one exits at once and loses nothing.

    Args:
        target_: file.py:name or package.module:name.
        concurrency: Executions at the same time.
        drain: Exit when nothing is left that it could do.
        only_pinned: Take only what is pinned to the versions of this code, and exit when nothing is left of it.
        model: provider:model as first choice of every agent; what they declare is the fallback.
        metrics_port: Serve /metrics, /healthz and /readyz there while it works; 0 takes a free one. Default: nowhere.
        metrics_host: Where to listen for them. The default is this machine only.
        until_stdin_closes: Drain when whoever started it is gone.
        common: What every command takes.
    """
    if until_stdin_closes:
        end_with_stdin()
    async with target.load(target_).with_model(model).open(common.database, quiet=False) as app:
        async with _watched(app, metrics_host, metrics_port, common):
            _announce(app, "working", common)
            await app.work(concurrency=concurrency, drain=drain, only_pinned=only_pinned)
        health = app.health()
        _announce(app, "drained" if health.ok else f"stopped while {health.detail}", common)
    return exits.OK if health.ok else exits.FAILED


@asynccontextmanager
async def _watched(app: App, host: str, port: int | None, common: Common) -> AsyncGenerator[None]:
    if port is None:
        yield
        return
    from holdfast.doors.metrics_port import metrics_port

    async with metrics_port(app, host=host, port=port) as url:
        emit({"metrics": f"{url}/metrics"}) if common.json else note(f"metrics on {url}/metrics")
        yield


def _announce(app: App, what: str, common: Common) -> None:
    names, shown = ", ".join(app.agents), locate(app.database).shown
    if common.json:
        emit({"worker": what, "pid": os.getpid(), "agents": list(app.agents), "database": shown})
    elif what == "working":
        note(f"working for {names} on {shown} (pid {os.getpid()}); Ctrl-C drains")
    elif what == "drained":
        note("drained: every turn under way reached its commit")
    else:
        note(f"{what}; what was under way is taken over by the next worker")


async def doctor(target_: Annotated[str, Parameter(name="TARGET")], /, *, common: Common = COMMON) -> int:
    """Check a target before a deploy: its agents, their keys, and which executions it would touch.

    Exits with 1 when an execution that waits would fail under the new code.

    Args:
        target_: file.py:name or package.module:name.
        common: What every command takes.
    """
    loaded = target.load(target_)
    if common.database is not None:
        refuse_missing(common.database)
    elif not loaded.has_database:
        return _nothing_yet(loaded, common)
    async with loaded.open(common.database) as app:
        found, health = await app.doctor(), app.health()
        if not common.json:
            say(f"database {locate(app.database).shown}: {'ok' if health.ok else health.detail}")
            for agent in app.agents.values():
                _tell_agent(agent, app.settings)
    if common.json:
        for finding in found:
            emit(finding)
    else:
        say(*_findings(found))
    if not found and not common.json:
        say("no waiting execution would notice this code")
    return exits.FAILED if any(finding.outcome == "fail" for finding in found) else exits.OK


def _nothing_yet(loaded: target.Target, common: Common) -> int:
    """What can be said of a target before anything ran: no execution waits."""
    if not common.json:
        say(f"database {locate(loaded.declared.database).shown}: not there yet; the first run makes it")
        for agent in loaded.agents:
            _tell_agent(agent, loaded.declared.settings)
    return exits.OK


def _tell_agent(agent: target.AnyAgent, settings: Settings) -> None:
    say(line((agent.name, "bold"), f" v{agent.version}: {', '.join(_model_name(model) for model in agent.models)}"))
    for rung in agent.models:
        model = rung.model if isinstance(rung, Model) else rung
        provider = model.partition(":")[0] if isinstance(model, str) else ""
        keys = _KEYS.get(provider, ())
        if keys and not any(os.environ.get(key) for key in (*keys, *_KEYLESS.get(provider, ()))):
            say(line(("no key ", "yellow"), f"{model} is passed over until {' or '.join(keys)} is set", indent=2))
    for tool in agent.tools:
        asks = "  asks every time" if tool.effect == "irreversible" and tool.review is None else ""
        say(line(tool.name, (f"  {tool.effect}", "dim"), (asks, "yellow"), indent=2))
    for wrong in absent_people(agent, settings):
        say(line(("nobody to ask ", "yellow"), wrong, indent=2))


def _model_name(rung: object) -> str:
    model = rung.model if isinstance(rung, Model) else rung
    name = getattr(model, "model_name", None) or getattr(model, "__name__", None)
    return model if isinstance(model, str) else str(name or type(model).__name__)


def _findings(found: Iterable[Finding]) -> Iterator[str]:
    """A line for each change, with those that would notice it: one deploy may touch thousands."""
    touched: dict[str, list[str]] = {}
    for finding in found:
        touched.setdefault(_change(finding), []).append(finding.execution_id)
    for change, ids in touched.items():
        more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
        yield f"{change}; {len(ids)} waiting: {', '.join(ids[:3])}{more}"


def _change(finding: Finding) -> str:
    if finding.version is not None:
        return (
            f"{finding.agent}: pinned to version {finding.version}, which is not this code's; keep a worker with it "
            f"(holdfast worker TARGET --only-pinned), or holdfast unpin {finding.agent} --version {finding.version}"
        )
    if finding.tool is None:
        return f"{finding.agent}: no agent of that name here; its executions wait for a worker that has it"
    changed = "is gone" if finding.present is None else "changed"
    then = {"continue": "they continue", "review": "a person is asked first", "fail": "they fail"}
    return f"{finding.agent}: tool {finding.tool} {changed}: {then.get(finding.outcome, finding.outcome)}"


async def migrate(*, common: Common = COMMON) -> int:
    """Make or upgrade the database's tables; safe to run again."""
    write_logs()
    database = App(database=common.database).database
    revision = await asyncio.to_thread(upgrade, database)
    if common.json:
        emit({"database": locate(database).shown, "version": revision})
    else:
        say(f"{locate(database).shown} has version {revision} of the tables")
    return exits.OK


async def verify_audit(*, common: Common = COMMON) -> int:
    """Check the hash chain of the whole journal; names the first broken row.

    Reads rows alone, so it may run beside working processes. Exits with 1 when a row was changed.
    """
    write_logs()
    database = App(database=common.database).database
    refuse_missing(database)
    report = await verify_database(database)
    if report.first is not None:
        more = f" ({report.broken} rows are broken in all)" if report.broken > 1 else ""
        raise JournalBroken(f"{report.first}{more}")
    found = {"ok": report.ok, "executions": report.executions, "events": report.events, "blobs": report.blobs}
    found |= {"changes": report.changes, "pruned": report.pruned, "record_hash": report.record_hash}
    if common.json:
        emit(found)
    else:
        say(
            f"unchanged: events {report.events}, executions {report.executions}, large payloads {report.blobs}, "
            f"operators' changes {report.changes}{f', pruned {report.pruned}' if report.pruned else ''}"
        )
    return exits.OK
