"""Whoever changes the journal afterwards is found out, row by row."""

import asyncio
import hashlib
import json
from dataclasses import replace

import pytest
from sqlalchemy import create_engine, text

from holdfast.engine.clock import SystemClock, new_id
from holdfast.errors import NotFound, StoreUnavailable
from holdfast.trail import audit
from holdfast.trail import events as kinds
from holdfast.trail.audit import BlobRow, EventRow, HeadRow, Report, verify, verify_database
from holdfast.trail.codec import GENESIS, canonical, chain
from holdfast.trail.place import locate
from holdfast.trail.redact import DEFAULT
from holdfast.trail.trail import open_trail
from holdfast.types import Append, NewEvent, NewExecution

AT = "2026-01-01T00:00:00.000000+00:00"
CONTENT = b"x" * 20_000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def journal(execution_id: str, length: int) -> list[EventRow]:
    """A journal as it is written."""
    rows: list[EventRow] = []
    previous = GENESIS
    for seq in range(1, length + 1):
        data = canonical({"n": seq, "page": {"$blob": DIGEST, "bytes": len(CONTENT)}})
        previous = chain(previous, execution_id=execution_id, seq=seq, kind="k", version=1, at=AT, text=data)
        rows.append(EventRow(execution_id=execution_id, seq=seq, kind="k", version=1, data=data, at=AT, hash=previous))
    return rows


def head(rows: list[EventRow]) -> HeadRow:
    """What the execution's row says."""
    return HeadRow(id=rows[-1].execution_id, last_seq=rows[-1].seq, last_hash=rows[-1].hash)


ROWS = [*journal("a", 4), *journal("b", 3)]
HEADS = [head(ROWS[:4]), head(ROWS)]
BLOBS = [BlobRow(digest=DIGEST, content=CONTENT)]


def found(rows: list[EventRow], heads: list[HeadRow] | None = None) -> tuple[str | None, int | None, int]:
    """Where the first broken row is, and how many there are."""
    report = verify(rows, heads=HEADS if heads is None else heads, payloads=BLOBS)
    return report.first and report.first.execution_id, report.first and report.first.seq, report.broken


def test_an_untouched_journal_holds():
    """What was written verifies, and is counted."""
    assert verify(iter(ROWS), heads=iter(HEADS), payloads=iter(BLOBS)) == Report(
        executions=2, events=7, blobs=1, changes=0, first=None, broken=0
    )


@pytest.mark.parametrize(
    "change",
    [
        {"data": '{"n": 99}'},
        {"data": "no json"},
        {"kind": "other"},
        {"version": 2},
        {"at": "2026-01-01T00:00:00.000001+00:00"},
        {"at": "yesterday"},
    ],
)
def test_a_changed_row_is_named(change: dict[str, str | int]):
    """An edited column breaks exactly the row that was edited."""
    rows = [*ROWS]
    rows[2] = replace(rows[2], **change)  # type: ignore[arg-type]
    assert found(rows) == ("a", 3, 1)


def test_a_spelling_of_json_is_no_change():
    """PostgreSQL's own spelling of the same data verifies."""
    rows = [replace(row, data=json.dumps(json.loads(row.data), indent=1)) for row in ROWS]
    assert found(rows) == (None, None, 0)


def test_a_forged_hash_is_named_by_what_follows():
    """Whoever changes a row and its hash breaks the row after it."""
    rows = [*ROWS]
    changed = canonical({"n": 99})
    forged = chain(rows[0].hash, execution_id="a", seq=2, kind="k", version=1, at=AT, text=changed)
    rows[1] = replace(rows[1], data=changed, hash=forged)
    assert found(rows) == ("a", 3, 1)


def test_a_removed_row_is_named():
    """A gap is named by the number that is missing."""
    assert found(ROWS[:1] + ROWS[2:]) == ("a", 2, 1)


def test_a_cut_end_is_named():
    """The execution's row knows how long its journal was."""
    assert found(ROWS[:3] + ROWS[4:]) == ("a", 4, 1)
    assert found(ROWS[:4]) == ("b", 1, 1)
    assert found(ROWS[4:]) == ("a", 1, 1)


def test_a_rewritten_end_is_named():
    """A last event that was replaced, hash and all, is not the one the execution knows."""
    last = replace(ROWS[3], data="{}")
    forged = chain(ROWS[2].hash, execution_id="a", seq=4, kind="k", version=1, at=AT, text="{}")
    assert found([*ROWS[:3], replace(last, hash=forged), *ROWS[4:]]) == ("a", 4, 1)


def test_an_added_row_is_named():
    """An event after the end, or of an execution that is not there, was not written by us."""
    more = journal("b", 4)
    assert found([*ROWS, more[3]]) == ("b", 4, 1)
    assert found(ROWS, heads=HEADS[:1]) == ("b", 1, 1)


def test_a_changed_or_missing_payload_is_named():
    """A payload that is not what its digest says, or not there, is named."""
    changed = verify(ROWS, payloads=[BlobRow(digest=DIGEST, content=b"y")])
    missing = verify(ROWS, payloads=[])
    for report, word in ((changed, "changed"), (missing, "missing")):
        assert report.first
        assert DIGEST in str(report.first)
        assert word in str(report.first)


async def written(database: str) -> list[str]:
    """Two real executions with a large payload."""
    trail = await open_trail(database, clock=SystemClock(), new_id=new_id, redactor=DEFAULT)
    try:
        ids = [new_id(), new_id()]
        for identity in ids:
            started = NewEvent(kind=kinds.STARTED, data={"input": "é" * 20_000, "small": 1e16, "tiny": -0.0})
            await trail.start(
                NewExecution(id=identity, agent_type="a", agent_version="1", input_data="hi", started=started)
            )
            await trail.register("w", host="h", pid=1, lease_s=60)
            (claimed,) = await trail.claim("w", agents=["a"], limit=1)
            done = NewEvent(kind=kinds.COMPLETED, data={"result": [1.5, None, "\x00"], "rung": 0})
            await trail.append(
                Append(
                    execution_id=identity,
                    fence=claimed.execution.fence,
                    events=(done,),
                    status="completed",
                    result="done",
                )
            )
        return ids
    finally:
        await trail.close()


def tamper(database: str, statement: str, **values: object) -> None:
    """What somebody with access to the database may do."""
    engine = create_engine(locate(database).sqlalchemy_url)
    with engine.begin() as connection:
        assert connection.execute(text(statement), values).rowcount == 1
    engine.dispose()


def test_a_real_database_holds(database: str):
    """What Holdfast wrote verifies on both databases, blobs and odd numbers included."""
    asyncio.run(written(database))
    report = asyncio.run(verify_database(database))
    assert report == Report(executions=2, events=6, blobs=1, changes=0, first=None, broken=0)


def test_a_changed_row_in_a_real_database_is_named(database: str):
    """Somebody with a database client changes one event: verification names it."""
    _, second = asyncio.run(written(database))
    tamper(
        database,
        "UPDATE agent_events SET data = :data WHERE execution_id = :id AND seq = 2",
        data='{"worker":"w","fence":9}',
        id=second,
    )
    report = asyncio.run(verify_database(database))
    assert report.first
    assert (report.first.execution_id, report.first.seq, report.broken) == (second, 2, 1)


def test_a_row_cut_off_a_real_database_is_named(database: str):
    """The last event of an execution is deleted: verification says which is missing."""
    first, _ = asyncio.run(written(database))
    tamper(database, "DELETE FROM agent_events WHERE execution_id = :id AND seq = 3", id=first)
    report = asyncio.run(verify_database(database))
    assert report.first
    assert (report.first.execution_id, report.first.seq) == (first, 3)


def test_a_changed_payload_in_a_real_database_is_named(database: str):
    """A stored payload is changed: verification names its digest."""
    asyncio.run(written(database))
    tamper(database, "UPDATE agent_blobs SET content = :content", content=b"other")
    report = asyncio.run(verify_database(database))
    assert report.first
    assert "content was changed" in report.first.problem


def test_there_must_be_a_database(tmp_path):
    """Verifying nothing is a mistake, not a success."""
    with pytest.raises(NotFound):
        asyncio.run(verify_database(str(tmp_path / "none.db")))


@pytest.mark.postgres
def test_a_database_that_goes_away_meanwhile_is_said_to_be_away(postgres, postgres_database, monkeypatch):
    """A connection that is lost in the middle is told as such: it is no finding, and no error of another library."""
    walk = audit._events

    def cut_off(connection):
        postgres.cut_connections(postgres_database)
        return walk(connection)

    monkeypatch.setattr(audit, "_events", cut_off)
    with pytest.raises(StoreUnavailable):
        asyncio.run(verify_database(postgres_database))
