"""The statements of pruning, for both databases: a batch in one transaction, whatever is in it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from holdfast.trail.codec import stamp
from holdfast.trail.controls import sql as controls
from holdfast.trail.controls.cell import Data
from holdfast.trail.prune_remains import DECISIONS, ENTRY, Removed, Stored, remains, sum_of
from holdfast.types import Forgetting, PruneBatch, PruneRule, Pruning

_KEPT: Final = ", ".join(f"'{kind}'" for kind in DECISIONS)
_OWNED: Final = ("agent_events", "agent_tool_calls", "agent_approvals", "agent_model_usage", "agent_feedback")
_TOLD: Final = ("agent_subscriptions", "agent_tool_cache")


@dataclass(frozen=True, slots=True)
class Statements:
    """One database's wording. Each takes a list of ids first or alone, unless it says otherwise."""

    lock: str
    """Also the time before which they ended. Skips what somebody works on."""
    journals: str
    count: str
    """Of their events."""
    outbox: str
    owned: Sequence[str]
    told: Sequence[str]
    executions: str
    outputs: str
    """Of calls, that go though the calls stay."""
    events: str
    """Of events that are no decisions."""
    mark: str
    """An execution as pruned, and empty; the time first."""
    insert_events: str
    insert_pruned: str
    forget: str
    """Also the time since which nobody may have used them."""
    audit_head: str
    lists_as_json: bool

    def ids(self, listed: Iterable[str]) -> object:
        """Ids as the statements take them."""
        return json.dumps(list(listed)) if self.lists_as_json else list(listed)


def _worded(ids: str, *, at: str, spelled: str, data: str, lock: str, head: str, as_json: bool) -> Statements:  # noqa: PLR0913 - what differs
    rows, records = _records(as_json=as_json)
    return Statements(
        lock=f"""
            SELECT id, last_seq, last_hash, pruned_at IS NOT NULL FROM agent_executions
            WHERE id {ids} AND completed_at < {at} AND status IN ('completed', 'failed', 'cancelled')
            ORDER BY id {lock}
        """,  # noqa: S608 - constants, here and below
        journals=f"""
            SELECT execution_id, seq, kind, version, {spelled}, hash, CASE WHEN kind IN ({_KEPT}) THEN {data} END
            FROM agent_events WHERE execution_id {ids} ORDER BY execution_id, seq
        """,  # noqa: S608
        count=f"SELECT count(*) FROM agent_events WHERE execution_id {ids}",  # noqa: S608
        outbox=f"""
            DELETE FROM agent_outbox WHERE subject {ids}
            OR subject IN (SELECT id FROM agent_approvals WHERE execution_id {ids})
        """,  # noqa: S608
        owned=[f"DELETE FROM {table} WHERE execution_id {ids}" for table in _OWNED],  # noqa: S608
        told=[f"DELETE FROM {table} WHERE execution_id {ids}" for table in _TOLD],  # noqa: S608
        executions=f"DELETE FROM agent_executions WHERE id {ids}",  # noqa: S608
        outputs=f"UPDATE agent_tool_calls SET tool_output = NULL WHERE execution_id {ids} AND tool_output IS NOT NULL",  # noqa: S608
        events=f"DELETE FROM agent_events WHERE execution_id {ids} AND kind NOT IN ({_KEPT})",  # noqa: S608
        mark=f"""
            UPDATE agent_executions SET pruned_at = {at}, input_data = NULL, state = NULL, result = NULL WHERE id {ids}
        """,  # noqa: S608
        insert_events=f"INSERT INTO agent_events (execution_id, seq, kind, version, data, at, hash) {rows}",
        insert_pruned=f"INSERT INTO agent_pruned (execution_id, entry, last_seq, last_hash, remains) {records}",
        forget=f"DELETE FROM agent_blobs WHERE digest {ids} AND created_at < {at}",  # noqa: S608
        audit_head=head,
        lists_as_json=as_json,
    )


def _records(*, as_json: bool) -> tuple[str, str]:
    """How rows of events and of what was pruned are handed over: as one JSON text."""
    if as_json:
        value = "json_extract(value, '$[{}]')".format
        return (
            f"SELECT {', '.join(value(n) for n in range(7))} FROM json_each(?)",  # noqa: S608
            f"SELECT {', '.join(value(n) for n in range(5))} FROM json_each(?)",  # noqa: S608
        )
    return (
        """SELECT v->>0, (v->>1)::bigint, v->>2, (v->>3)::integer, (v->>4)::jsonb, (v->>5)::timestamptz, v->>6
        FROM jsonb_array_elements(%s::jsonb) AS v""",
        """SELECT v->>0, (v->>1)::bigint, (v->>2)::bigint, v->>3, v->>4 FROM jsonb_array_elements(%s::jsonb) AS v""",
    )


SQLITE: Final = _worded(
    "IN (SELECT value FROM json_each(?))",
    at="?", spelled="at", data="data", lock="", head=controls.SQLITE.audit_head, as_json=True,
)  # fmt: skip
POSTGRES: Final = _worded(
    "= ANY(%s)",
    at="%s::timestamptz", data="data::text", lock="FOR UPDATE SKIP LOCKED", head=controls.POSTGRES.audit_head,
    spelled="""to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"+00:00"')""", as_json=False,
)  # fmt: skip


def serve(run: controls.Run, sql: Statements, asked: Pruning | Forgetting) -> tuple[PruneBatch, Data | None]:
    """Take away what is asked; with what the operators' record is to say of it.

    The entry must be the next one on that record, written in the same transaction.
    """
    if isinstance(asked, Forgetting):
        ids = sql.ids(asked.digests)
        gone = run(f"{sql.forget} RETURNING digest", (ids, stamp(asked.before))).fetchall()
        return PruneBatch(payloads=len(gone)), None
    found = _still_fitting(run, sql, asked)
    if not found:
        return PruneBatch(), None
    ids = sorted(found)
    events, left = _keep_audit(run, sql, asked, ids) if asked.rule.keep_audit else _remove(run, sql, found)
    entry = json.loads(run(sql.audit_head, ()).fetchall()[0][0])["seq"] + 1
    removed = Removed()
    for one in ids:
        removed.add(one, *found[one][:2], left.get(one))
    run(sql.insert_pruned, (json.dumps([[one, entry, *found[one][:2], left.get(one)] for one in ids]),))
    told = {"executions": len(ids), "events": events, "removed": removed.digest()}
    return PruneBatch(executions=len(ids), events=events), {**_entry(asked), **told}


def _entry(asked: Pruning) -> Data:
    return {"by": asked.by, "why": asked.why, "rule": as_data(asked.rule)}


def as_data(rule: PruneRule) -> Data:
    """A rule as the record has it."""
    return {
        "before": stamp(rule.before),
        "keep_audit": rule.keep_audit,
        "agents": list(rule.agents),
        "statuses": list(rule.statuses),
    }


def _still_fitting(run: controls.Run, sql: Statements, asked: Pruning) -> Mapping[str, tuple[int, str, bool]]:
    """The members of families that are whole as they were planned, locked: how each journal ends, and if it was pruned.

    A family whose head was retried meanwhile, or is being looked after by somebody, stays.
    """
    wanted = {one for head, members in asked.families for one in (head, *members)}
    locked = run(sql.lock, (sql.ids(sorted(wanted)), stamp(asked.rule.before))).fetchall()
    rows = {row[0]: (int(row[1]), str(row[2]), bool(row[3])) for row in locked}
    fitting = {one for head, members in asked.families if {head, *members} <= rows.keys() for one in members}
    return {one: rows[one] for one in fitting if not (asked.rule.keep_audit and rows[one][2])}


def _remove(
    run: controls.Run, sql: Statements, found: Mapping[str, tuple[int, str, bool]]
) -> tuple[int, dict[str, str]]:
    ids = sql.ids(found)
    count = run(sql.count, (ids,)).fetchall()[0][0]
    run(sql.outbox, (ids, ids))
    for statement in (*sql.told, *sql.owned, sql.executions):
        run(statement, (ids,))
    return int(count), {}


def _keep_audit(run: controls.Run, sql: Statements, asked: Pruning, of: Sequence[str]) -> tuple[int, dict[str, str]]:
    ids = sql.ids(of)
    journals: dict[str, list[Stored]] = {one: [] for one in of}
    for execution_id, *row in run(sql.journals, (ids,)).fetchall():
        journals[execution_id].append(Stored(*row))
    left = {one: remains(journal) for one, journal in journals.items()}
    stubs: list[Any] = [
        (one, row.seq, row.kind, row.version, row.data, row.at, row.hash)
        for one, rows in left.items()
        for row in rows
        if row.kind not in DECISIONS
    ]
    run(sql.outbox, (ids, ids))
    for statement in (*sql.told, sql.outputs, sql.events):
        run(statement, (ids,))
    run(sql.insert_events, (json.dumps(stubs),))
    run(sql.mark, (asked.at, ids))
    read = sum(len(journal) for journal in journals.values())
    return read - sum(len(rows) for rows in left.values()), {one: sum_of(rows) for one, rows in left.items()}


def entry_of(data: Data, at: str) -> tuple[str, Data, str]:
    """A pruning as the writer puts it on the operators' record."""
    return ENTRY, data, at
