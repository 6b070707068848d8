"""The reading half of the trail: each function one question, answered in the words of `types`."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, func, select

from holdfast.errors import NotFound, UnknownRecord
from holdfast.trail.codec import stamp
from holdfast.trail.controls.read import working_agents
from holdfast.trail.events import JOURNAL_PRUNED, VERSIONS
from holdfast.trail.prune_lookup import pruned_word, refuse_pruned
from holdfast.trail.reader import Restorer, as_stored, columns, contents, moment, money, rows, sure
from holdfast.trail.schema import approvals, blobs, events, executions, feedback, tool_cache, tool_calls, workers
from holdfast.types import (
    ENDED,
    FOR_OTHERS,
    Approval,
    ApprovalStatus,
    DeadLetter,
    Due,
    Event,
    Execution,
    Feedback,
    GoodResult,
    Json,
    ToolCall,
    Vote,
)

Found = Mapping[str, Any]
_AT_ONCE = 200
"""Executions whose journals one query reads."""

# The questions that are asked again and again, made once: SQLAlchemy takes several times as long to make one as the
# database takes to answer it.
_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
_EXECUTIONS = select(*columns(executions)).where(executions.c.id.in_(_IDS))
_CALLS = select(*columns(tool_calls)).where(tool_calls.c.execution_id.in_(_IDS))
_JOURNALS = (
    select(*columns(events)).where(events.c.execution_id.in_(_IDS)).order_by(events.c.execution_id, events.c.seq)
)
_JOURNAL = (
    select(*columns(events))
    .where(events.c.execution_id == bindparam("id"), events.c.seq > bindparam("after"))
    .order_by(events.c.seq)
)
_SOME_OF_JOURNAL = _JOURNAL.limit(bindparam("limit"))
_WAKING = select(func.min(executions.c.wake_at)).where(
    executions.c.status == "pending", executions.c.wake_at.is_not(None), executions.c.agent_type.in_(_IDS)
)
_EXPIRING = select(func.min(approvals.c.attend_at)).where(approvals.c.status == "open")


def execution(connection: Connection, execution_id: str) -> Execution:
    """One execution with its tool calls.

    Raises:
        NotFound: There is none.
        Pruned: There was one.
    """
    found = executions_by_id(connection, [execution_id])
    if not found:
        raise pruned_word(connection, execution_id) or NotFound(f"no execution {execution_id!r}")
    return found[0]


def executions_by_id(connection: Connection, ids: Sequence[str]) -> list[Execution]:
    """Executions with their tool calls, in the order of `ids`; those that do not exist are left out."""
    found = rows(connection, _EXECUTIONS, {"ids": ids})
    calls = rows(connection, _CALLS, {"ids": ids})
    texts = [row[name] for row in found for name in ("input_data", "state", "result")]
    texts += [row[name] for row in calls for name in ("tool_input", "tool_output")]
    restorer = Restorer(connection, texts)
    of: dict[str, list[ToolCall]] = {}
    for row in sorted(calls, key=_place):
        of.setdefault(row["execution_id"], []).append(_tool_call(row, restorer))
    by_id = {row["id"]: _execution(row, restorer, of.get(row["id"], [])) for row in found}
    return [by_id[i] for i in ids if i in by_id]


def as_executions(connection: Connection, found: Sequence[Found]) -> list[Execution]:
    """Rows of executions in the words of `types`, without tool calls."""
    restorer = Restorer(connection, [row[n] for row in found for n in ("input_data", "state", "result")])
    return [_execution(row, restorer, []) for row in found]


def ids_like(connection: Connection, part: str, *, limit: int) -> list[str]:
    """Ids of executions that start or end with `part`, newest first; reads ids alone."""
    c = executions.c.id
    fits = c.startswith(part, autoescape=True) | c.endswith(part, autoescape=True)
    return list(connection.execute(select(c).where(fits).order_by(c.desc()).limit(limit)).scalars())


def journal(connection: Connection, execution_id: str, *, after: int, limit: int | None) -> list[Event]:
    """Events of one execution above a sequence number, in order.

    Raises:
        UnknownRecord: One of them is of a kind or version that this Holdfast does not know.
        Pruned: Only a part of them is there.
    """
    values = {"id": execution_id, "after": after}
    if limit is None:
        found = rows(connection, _JOURNAL, values)
    else:
        found = rows(connection, _SOME_OF_JOURNAL, {**values, "limit": limit})
    if found and (found[0]["seq"] != after + 1 or any(row["kind"] == JOURNAL_PRUNED for row in found)):
        refuse_pruned(connection, execution_id)
    return _events(connection, found)


def journals(connection: Connection, ids: Sequence[str]) -> dict[str, list[Event] | UnknownRecord]:
    """The whole journal of each execution, or why it cannot be read."""
    result: dict[str, list[Event] | UnknownRecord] = {}
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        of: dict[str, list[Found]] = {i: [] for i in some}
        for row in rows(connection, _JOURNALS, {"ids": some}):
            of[row["execution_id"]].append(row)
        for execution_id, found in of.items():
            try:
                result[execution_id] = _events(connection, found)
            except UnknownRecord as error:
                result[execution_id] = error
    return result


def approval(connection: Connection, approval_id: str) -> Approval:
    """One approval.

    Raises:
        NotFound: There is none.
    """
    found = rows(connection, select(*columns(approvals)).where(approvals.c.id == approval_id))
    if not found:
        raise NotFound(f"no approval {approval_id!r}")
    return as_approvals(connection, found)[0]


def approvals_by_id(connection: Connection, ids: Sequence[str]) -> dict[str, Approval]:
    """Those approvals that exist."""
    found = rows(connection, select(*columns(approvals)).where(approvals.c.id.in_(_IDS)), {"ids": ids})
    return {one.id: one for one in as_approvals(connection, found)}


def asked(connection: Connection, *, status: ApprovalStatus | None, execution_id: str | None) -> list[Approval]:
    """Approvals, oldest first."""
    c = approvals.c
    query = select(*columns(approvals)).order_by(c.asked_at, c.id)
    if status is not None:
        query = query.where(c.status == status)
    if execution_id is not None:
        query = query.where(c.execution_id == execution_id)
    return as_approvals(connection, rows(connection, query))


def unended(connection: Connection, execution_id: str) -> dict[str, bool]:
    """Executions below this one that have not ended, and whether each waits for a person or for others."""
    c = executions.c
    first = select(c.id, c.status, c.status_reason).where(c.parent_id == execution_id, c.parent_id.is_not(None))
    below = first.cte("below", recursive=True)
    next_ = select(c.id, c.status, c.status_reason).join(below, c.parent_id == below.c.id)
    below = below.union_all(next_.where(c.parent_id.is_not(None)))
    found = connection.execute(select(below).where(below.c.status.not_in(ENDED)))
    return {id_: status == "awaiting_review" or reason in FOR_OTHERS for id_, status, reason in found}


def blob(connection: Connection, digest: str) -> bytes:
    """A stored payload.

    Raises:
        NotFound: There is none.
    """
    found = contents(connection, [digest])
    if digest not in found:
        raise NotFound(f"no blob {digest!r}")
    return found[digest]


def cancel_requested(connection: Connection, execution_id: str) -> bool:
    """Whether somebody asked to cancel an execution."""
    asked = select(executions.c.cancel_requested_at).where(executions.c.id == execution_id)
    return connection.execute(asked).scalar() is not None


def has_blob(connection: Connection, digest: str, *, since: datetime) -> bool:
    """Whether a payload was stored since then."""
    query = select(func.count()).select_from(blobs).where(blobs.c.digest == digest)
    query = query.where(blobs.c.created_at >= as_stored(connection, since))
    return bool(connection.execute(query).scalar())


def good_result(connection: Connection, tool: str, key: str, *, now: datetime) -> GoodResult | None:
    """The kept result of a tool, with its age at `now`."""
    c = tool_cache.c
    for row in rows(connection, select(*columns(tool_cache)).where(c.tool_name == tool, c.digest == key)):
        return GoodResult(
            tool=row["tool_name"],
            key=row["digest"],
            schema_hash=row["schema_hash"],
            output=None if row["output"] is None else json.loads(row["output"]),
            content=row["content"],
            execution_id=row["execution_id"],
            age_s=max((now - sure(row["at"])).total_seconds(), 0.0),
        )
    return None


def dead_letters(
    connection: Connection, *, agent: str | None, reason: str | None, since: datetime | None, limit: int
) -> list[DeadLetter]:
    """Executions that ended failed, the newest failure first."""
    c = executions.c
    query = select(*columns(executions)).where(c.status == "failed", c.pruned_at.is_(None))
    query = query.order_by(c.completed_at.desc(), c.id.desc())
    for column, wanted in ((c.agent_type, agent), (c.status_reason, reason)):
        if wanted is not None:
            query = query.where(column == wanted)
    if since is not None:
        query = query.where(c.completed_at >= (since if connection.dialect.name == "postgresql" else stamp(since)))
    found = rows(connection, query.limit(limit))
    unfinished = _unfinished(connection, [row["id"] for row in found])
    return [
        DeadLetter(
            id=row["id"],
            agent=row["agent_type"],
            user=row["user_id"],
            thread=row["thread_id"],
            reason=row["status_reason"] or "FAILED",
            error=row["error"],
            step_count=row["step_count"],
            last_good_step=row["step_count"] - ((row["id"], row["step_count"]) in unfinished),
            failed_at=sure(row["completed_at"] or row["updated_at"]),
        )
        for row in found
    ]


def _unfinished(connection: Connection, ids: Sequence[str]) -> set[tuple[str, int]]:
    """Executions and their steps that have calls which came to no end."""
    c = tool_calls.c
    query = select(c.execution_id, c.step_number).where(
        c.execution_id.in_(ids), c.status.not_in(("completed", "failed", "denied"))
    )
    return {(row["execution_id"], row["step_number"]) for row in rows(connection, query)}


def live_workers(connection: Connection, now: str) -> list[tuple[str, str, int]]:
    """Workers with an unexpired lease: id, host, pid. On PostgreSQL by the database's clock."""
    c = workers.c
    present = func.now() if connection.dialect.name == "postgresql" else now
    query = select(c.id, c.host, c.pid).where(c.lease_until > present).order_by(c.started_at, c.id)
    return [(row["id"], row["host"], row["pid"]) for row in rows(connection, query)]


def holders(connection: Connection, agents: Sequence[str]) -> dict[str, datetime]:
    """Workers that hold running executions of these agents, and when their leases end."""
    held = select(executions.c.lease_owner).where(
        executions.c.status == "running", executions.c.agent_type.in_(bindparam("ids", list(agents), expanding=True))
    )
    query = select(workers.c.id, workers.c.lease_until).where(workers.c.id.in_(held))
    return {worker_id: sure(until) for worker_id, until in connection.execute(query)}


def next_due(connection: Connection, agents: Sequence[str]) -> datetime | None:
    """The earliest wake time or expiry that is still to be served."""
    working = working_agents(connection, agents)  # what is paused is not due, however long it has waited
    waking = moment(connection.execute(_WAKING, {"ids": working}).scalar()) if working else None
    expiring = moment(connection.execute(_EXPIRING).scalar())
    return min((time for time in (waking, expiring) if time is not None), default=None)


def as_stored_events(found: Sequence[Found]) -> list[Event]:
    """Events with references to blobs in the places of large values.

    Raises:
        UnknownRecord: One of them is of a kind or version that this Holdfast does not know.
    """
    _refuse_unknown_events(found)
    return [_event(row, json.loads(row["data"])) for row in found]


def _events(connection: Connection, found: Sequence[Found]) -> list[Event]:
    _refuse_unknown_events(found)
    restorer = Restorer(connection, [row["data"] for row in found])
    return [_event(row, restorer.value(row["data"])) for row in found]


def _refuse_unknown_events(found: Sequence[Found]) -> None:
    for row in found:
        known = VERSIONS.get(row["kind"])
        if known is None or row["version"] > known:
            raise UnknownRecord(
                f"event {row['seq']} of execution {row['execution_id']} is {row['kind']!r} version {row['version']}, "
                f"which this Holdfast does not know: upgrade before reading it"
            )


def _event(row: Found, data: Json) -> Event:
    at = sure(row["at"])
    return Event(
        execution_id=row["execution_id"], seq=row["seq"], kind=row["kind"], version=row["version"],
        data=data if isinstance(data, Mapping) else {"value": data}, at=at, hash=row["hash"],
    )  # fmt: skip


def _execution(row: Found, restorer: Restorer, calls: Sequence[ToolCall]) -> Execution:
    values = {name: row[name] for name in _EXECUTION_FIELDS}
    values |= {name: moment(row[name]) for name in _EXECUTION_MOMENTS}
    values |= {name: restorer.value(row[name]) for name in ("input_data", "state", "result")}
    values |= {name: money(row[name]) for name in ("cost_usd", "reserved_usd", "unknown_usd", "family_usd")}
    return Execution(**values, tool_calls=tuple(calls))


_EXECUTION_MOMENTS = (
    "wake_at",
    "deadline",
    "due_by",
    "cancel_requested_at",
    "created_at",
    "updated_at",
    "completed_at",
    "pruned_at",
)
_EXECUTION_FIELDS = tuple(f for f in Execution.__dataclass_fields__ if f != "tool_calls")


def as_tool_calls(connection: Connection, found: Sequence[Found]) -> list[ToolCall]:
    """Rows of tool calls in the words of `types`, each execution's in order."""
    restorer = Restorer(connection, [row[name] for row in found for name in ("tool_input", "tool_output")])
    return [_tool_call(row, restorer) for row in sorted(found, key=_place)]


def _tool_call(row: Found, restorer: Restorer) -> ToolCall:
    values = dict(row)
    values |= {name: restorer.value(row[name]) for name in ("tool_input", "tool_output")}
    values |= {name: moment(row[name]) for name in ("called_at", "finished_at")}
    return ToolCall(**values)


def as_approvals(connection: Connection, found: Sequence[Found]) -> list[Approval]:
    """Rows of approvals, with what they keep in blobs."""
    restorer = Restorer(connection, [row[name] for row in found for name in ("arguments", "edit")])
    result: list[Approval] = []
    for row in found:
        values = {name: row[name] for name in Approval.__dataclass_fields__}
        values |= {name: restorer.value(row[name]) for name in ("arguments", "edit")}
        values |= {"ladder": _ladder(row["ladder"]), "votes": _votes(row["votes"])}
        values |= {name: moment(row[name]) for name in ("asked_at", "expires_at", "decided_at", "consumed_at")}
        result.append(Approval(**values))
    return result


def _ladder(text: str | None) -> tuple[Due, ...]:
    return tuple(Due(at=sure(due["at"]), to=due["to"], done=due["done"]) for due in json.loads(text or "[]"))


def _votes(text: str | None) -> tuple[Vote, ...]:
    said: list[dict[str, Any]] = json.loads(text or "[]")
    return tuple(
        Vote(by=v["by"], answer=v["answer"], at=sure(v["at"]), digest=v["digest"], note=v["note"]) for v in said
    )


def feedback_rows(connection: Connection, *, agent: str | None, limit: int) -> list[Feedback]:
    """What people corrected, newest first."""
    c = feedback.c
    query = select(*columns(feedback)).order_by(c.created_at.desc(), c.id.desc()).limit(limit)
    if agent is not None:
        query = query.where(c.agent_type == agent)
    found = rows(connection, query)
    restorer = Restorer(connection, [row[name] for row in found for name in ("asked", "was", "should_be")])
    result: list[Feedback] = []
    for row in found:
        values = dict(row)
        values |= {name: restorer.value(row[name]) for name in ("asked", "was", "should_be")}
        values["created_at"] = sure(row["created_at"])
        result.append(Feedback(**values))
    return result


def _place(row: Found) -> tuple[int, int, str]:
    """Order of calls: by step, then by their place in it (`{execution}:{step}:{index}`)."""
    index = row["id"].rpartition(":")[2]
    return row["step_number"], int(index) if index.isdigit() else 0, row["id"]
