"""A claim walks an index: what it reads does not grow with what waits and is not for it."""

import json
import re
import sqlite3

import psycopg
import pytest

from holdfast.trail import fair_sql
from holdfast.trail.migrate import migrate
from tests.postgres import Postgres

MANY = 4_000
_WORKER = (
    "INSERT INTO agent_workers (id, host, pid, started_at, lease_until, serves) "
    "VALUES ('w', 'h', 1, {now}, {later}, {serves})"
)
_FILL = """
    INSERT INTO agent_executions (id, user_id, agent_type, agent_version, status, priority, step_count, token_count,
        cost_usd, reserved_tokens, reserved_usd, fence, last_seq, last_hash, created_at, updated_at, pinned_to)
    SELECT 'e' || n, 'u' || (n % 50), 'clerk', '1', 'pending', n % 3, 0, 0, 0, 0, 0, 0, 0, '', {now}, {now},
        CASE WHEN n > 100 THEN 'gone' WHEN n > 80 THEN '1' END FROM {series}
"""
_VALUES = {"below": 2**31, "lanes": 16, "wanted": 4, "heaviest": 1, "worker": "w"}


@pytest.mark.postgres
def test_a_claim_reads_as_little_whatever_is_pinned_elsewhere(postgres: Postgres):
    """Four thousand executions that nobody serves cost hardly a page more."""
    url = postgres.create_database()
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off")
            serves = '\'{"clerk": "1"}\''
            connection.execute(_WORKER.format(now="now()", later="now() + interval '1 hour'", serves=serves))
            read = []
            for first, last in ((1, 100), (101, MANY)):
                series = f"generate_series({first}, {last}) AS n"
                connection.execute(_FILL.format(now="clock_timestamp()", series=series))
                connection.execute("ANALYZE agent_executions")
                read.append(_pages(connection))
        assert read[1] < read[0] + 60
        assert read[1] < MANY / 10
    finally:
        postgres.give_back(url)


def _pages(connection: psycopg.Connection) -> int:
    given = {"agents": ["clerk"], "starts": ["u7"], "barred": [], "at": "2026-11-21T00:00:00+00:00"}
    values = _VALUES | given
    plan = connection.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {fair_sql.POSTGRES_LOOK}", values).fetchone()
    assert plan is not None
    top = plan[0][0]["Plan"]
    return top["Shared Hit Blocks"] + top["Shared Read Blocks"]


def test_a_claim_of_a_file_names_every_column_of_its_queue(tmp_path):
    """SQLite skips over no agent, and sorts no queue."""
    database = str(tmp_path / "x.db")
    migrate(database)
    with sqlite3.connect(database) as connection:
        connection.execute(_WORKER.format(now="'2026'", later="'2999'", serves='\'{"clerk": "1"}\''))
        series = f"(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < {MANY}) SELECT n FROM s)"
        connection.execute(_FILL.format(now="'2026'", series=series))
        connection.execute("ANALYZE")
        given = {"agents": json.dumps([["clerk", "u7"]]), "barred": "[]", "at": "2026-11-21"}
        plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {fair_sql.SQLITE_LOOK}", _VALUES | given)]
        found = json.loads(connection.execute(fair_sql.SQLITE_LOOK, _VALUES | given).fetchone()[0])
    steps = [step for step in plan if "agent_executions_ready" in step]
    assert len(steps) >= 12
    assert [step for step in steps if not re.search(r"\(agent_type=\? AND <expr>=\?", step)] == []
    assert found["priority"] == 2
    assert len(found["lanes"]) >= 16
