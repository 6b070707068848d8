"""The statements over what workers share, for both databases: one of each kind a batch, whatever its size."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

from holdfast.trail.codec import canonical, chain
from holdfast.trail.controls.cell import DEFINED, Change, Data, Key
from holdfast.trail.ledger import Ledger
from holdfast.trail.requests import Row


class Cursor(Protocol):
    """What both drivers give back."""

    def fetchall(self) -> Sequence[Any]: ...


Run: TypeAlias = Callable[[str, Sequence[object]], Cursor]

AUDIT: Final = "audit"
"""Stands for the execution's id in the hashes of the operators' record."""
_DEFINED: Final = ", ".join(f"'{kind}'" for kind in DEFINED)
_USAGE: Final = (
    "execution_id", "model", "provider", "calls", "failed_calls", "input_tokens", "output_tokens",
    "cache_read_tokens", "cache_write_tokens", "cost_usd", "latency_ms",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Statements:
    """One database's wording."""

    version: str
    definitions: str
    cells: str
    """Locks what it reads."""
    insert: str
    update: str
    delete: str
    audit_head: str
    audit: str
    entry: str
    """Counts those of a number and a hash."""
    usage: str
    wake: str
    lists_as_json: bool
    """How a list of keys is handed over: as one JSON text, or as arrays."""


SQLITE: Final = Statements(
    version="SELECT data FROM agent_controls WHERE kind = 'version' AND key = ''",
    definitions=f"SELECT kind, key, data FROM agent_controls WHERE kind IN ({_DEFINED})",  # noqa: S608 - constants
    cells="""
        SELECT kind, key, data FROM agent_controls WHERE (kind, key) IN (
            SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))
    """,
    insert="INSERT INTO agent_controls (data, updated_at, kind, key) VALUES (?, ?, ?, ?)",
    update="UPDATE agent_controls SET data = ?, updated_at = ? WHERE kind = ? AND key = ?",
    delete="DELETE FROM agent_controls WHERE kind = ? AND key = ?",
    audit_head="SELECT data FROM agent_controls WHERE kind = 'record' AND key = ''",
    audit="INSERT INTO agent_audit (seq, kind, data, at, hash) VALUES (?, ?, ?, ?, ?)",
    entry="SELECT count(*) FROM agent_audit WHERE seq = ? AND hash = ?",
    usage=f"INSERT OR REPLACE INTO agent_model_usage ({', '.join(_USAGE)}) VALUES ({', '.join('?' * len(_USAGE))})",  # noqa: S608
    wake="""
        UPDATE agent_executions SET wake_at = NULL
        WHERE status = 'pending' AND status_reason IN (SELECT value FROM json_each(?))
    """,
    lists_as_json=True,
)
POSTGRES: Final = Statements(
    version="SELECT data::text FROM agent_controls WHERE kind = 'version' AND key = ''",
    definitions=f"SELECT kind, key, data::text FROM agent_controls WHERE kind IN ({_DEFINED})",  # noqa: S608
    cells="""
        SELECT kind, key, data::text FROM agent_controls
        WHERE (kind, key) IN (SELECT * FROM unnest(%s::text[], %s::text[])) ORDER BY kind, key FOR NO KEY UPDATE
    """,
    insert="INSERT INTO agent_controls (data, updated_at, kind, key) VALUES (%s::jsonb, %s::timestamptz, %s, %s)",
    update="""
        UPDATE agent_controls SET data = %s::jsonb, updated_at = %s::timestamptz WHERE kind = %s AND key = %s
    """,
    delete="DELETE FROM agent_controls WHERE kind = %s AND key = %s",
    audit_head="SELECT data::text FROM agent_controls WHERE kind = 'record' AND key = '' FOR NO KEY UPDATE",
    audit="INSERT INTO agent_audit (seq, kind, data, at, hash) VALUES (%s, %s, %s::jsonb, %s::timestamptz, %s)",
    entry="SELECT count(*) FROM agent_audit WHERE seq = %s AND hash = %s",
    usage=f"""
        INSERT INTO agent_model_usage ({", ".join(_USAGE)})
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s::numeric, %s) ON CONFLICT (execution_id, model) DO UPDATE SET
        {", ".join(f"{name} = excluded.{name}" for name in _USAGE[2:])}
    """,  # noqa: S608 - constants
    wake="""
        UPDATE agent_executions SET wake_at = NULL WHERE id IN (
            SELECT id FROM agent_executions WHERE status = 'pending' AND status_reason = ANY(%s)
            ORDER BY id FOR NO KEY UPDATE SKIP LOCKED)
    """,
    lists_as_json=False,
)


def version(run: Run, sql: Statements) -> str:
    """Which definitions are in force."""
    return str(run(sql.version, ()).fetchall()[0][0])


def definitions(run: Run, sql: Statements) -> list[tuple[Key, Data]]:
    """All that every process keeps."""
    return [((kind, key), json.loads(text)) for kind, key, text in run(sql.definitions, ()).fetchall()]


def cells(run: Run, sql: Statements, keys: Iterable[Key]) -> dict[Key, Data]:
    """Rows, locked until the end of the transaction."""
    listed = sorted(keys)
    given = [json.dumps(listed)] if sql.lists_as_json else [[kind for kind, _ in listed], [key for _, key in listed]]
    return {(kind, key): json.loads(text) for kind, key, text in run(sql.cells, given).fetchall()}


def write(run: Run, sql: Statements, ledger: Ledger) -> None:
    """Store what a batch made of everything that workers share."""
    if changes := ledger.shared.cells.changes():
        write_changes(run, sql, changes, ledger.at)
    if ledger.audits:
        ledger.entered = write_audit(run, sql, ledger.audits)
    for row in ledger.usage:
        run(sql.usage, row)
    if ledger.wakes:
        wake(run, sql, ledger.wakes)


def write_changes(run: Run, sql: Statements, changes: Iterable[Change], at: str) -> None:
    """Store what a batch made of the controls."""
    for change in changes:
        if change.data is None:
            run(sql.delete, (change.kind, change.key))
        else:
            run(sql.insert if change.is_new else sql.update, (canonical(change.data), at, change.kind, change.key))


def write_audit(run: Run, sql: Statements, entries: Sequence[tuple[str, Data, str]]) -> Row:
    """Add to the operators' record, each entry chained to the one before; the end of the chain is kept apart.

    Returns:
        Number and hash of the last one.
    """
    head = json.loads(run(sql.audit_head, ()).fetchall()[0][0])
    seq, last, at = head["seq"], head["hash"], ""
    for kind, data, at in entries:
        seq, text = seq + 1, canonical(data)
        last = chain(last, execution_id=AUDIT, seq=seq, kind=kind, version=1, at=at, text=text)
        run(sql.audit, (seq, kind, text, at, last))
    run(sql.update, (canonical({"seq": seq, "hash": last}), at, "record", ""))
    return seq, last


def has_entry(run: Run, sql: Statements, entry: Row) -> bool:
    """Whether an entry is on the operators' record."""
    return run(sql.entry, entry).fetchall()[0][0] == 1


def wake(run: Run, sql: Statements, reasons: Iterable[str]) -> None:
    """Make what is parked for one of these reasons claimable now."""
    listed = sorted(reasons)
    run(sql.wake, (json.dumps(listed) if sql.lists_as_json else listed,))
