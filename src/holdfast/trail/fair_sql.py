"""The statements behind fair claims, for both databases.

What is ready (pending, with no time to wait for) stands in an index by agent, pin, priority, user and age: what is
pinned to one version is a queue of its own, and a worker looks at the one of the versions that it serves beside that
which anybody may serve. What is pinned to other versions it never sees, however much that is. A look finds the highest
priority, walks from user to user by one step of that index each, and reads a few ids of each: its cost grows
with the users and ids it is asked for, not with what waits. What was parked and is due is made ready first, so nobody
steps over thousands of executions that wait for later.
"""

from typing import Final

_READY: Final = "e.status = 'pending' AND e.wake_at IS NULL"
_LANE: Final = "coalesce(e.user_id, '')"
_PIN: Final = "coalesce(e.pinned_to, '')"


def _each_queue(one: str, *, of: str) -> str:
    """A query over what any version may serve, and one over what is pinned to the worker's; NULL finds nothing."""
    return f"{one.replace('{pin}', f'{of}.anyones')} UNION ALL {one.replace('{pin}', f'{of}.pin')}"


def _walk(*, table: str, me: str, each: str, served: str, barred: str) -> str:
    """The look; `me` is the worker's row, `each` unrolls the agents, `served` is the version that it has of one."""
    ready = f"FROM {table} WHERE {_READY} AND e.agent_type = {{of}}.agent AND {_PIN} = {{pin}}"
    here = f"{ready} AND e.priority = (SELECT p FROM level)"  # noqa: S608 - constants, here and below

    def next_lane(of: str, *conditions: str) -> str:
        where = "".join(f" AND {condition}" for condition in conditions)
        one = f"SELECT * FROM (SELECT {_LANE} AS l {here.replace('{of}', of)}{where} ORDER BY {_LANE} LIMIT 1) AS q"  # noqa: S608
        return f"(SELECT min(l) FROM ({_each_queue(one, of=of)}) AS both_queues)"  # noqa: S608

    def top(below: str) -> str:
        below = f"AND e.priority < {below} ORDER BY e.priority DESC LIMIT 1"
        one = f"SELECT * FROM (SELECT e.priority AS l {ready.replace('{of}', 'asked')} {below}) AS q"  # noqa: S608
        return f"(SELECT max(l) FROM ({_each_queue(one, of='asked')}) AS both_queues)"  # noqa: S608

    return f"""
    WITH RECURSIVE me(serves, drains) AS ({me}),
    asked(agent, start, anyones, pin) AS (
        SELECT one.agent, one.start, CASE WHEN me.drains THEN NULL ELSE '' END, (
            -- NULL where nothing of this worker's version waits: then the second queue costs nothing. Of a column as it
            -- is SQLite would take the type too, and then compare without the index.
            SELECT nullif(e.pinned_to, '') FROM {table} WHERE {_READY} AND e.agent_type = one.agent
            AND e.pinned_to IS NOT NULL AND {_PIN} = {served} LIMIT 1)
        FROM me, ({each}) AS one),
    tops(p) AS (SELECT {top(":below")} FROM asked),
    level(p) AS (SELECT max(p) FROM tops),
    ahead(agent, anyones, pin, lane, n) AS (
        SELECT asked.agent, asked.anyones, asked.pin, {next_lane("asked", f"{_LANE} >= asked.start")}, 1 FROM asked
        UNION ALL
        SELECT ahead.agent, ahead.anyones, ahead.pin, {next_lane("ahead", f"{_LANE} > ahead.lane")}, n + 1
        FROM ahead WHERE ahead.lane IS NOT NULL AND n < :lanes),
    behind(agent, anyones, pin, lane, start, n) AS (
        SELECT asked.agent, asked.anyones, asked.pin, {next_lane("asked", f"{_LANE} < asked.start")}, asked.start, 1
        FROM asked WHERE asked.start <> ''
        UNION ALL
        SELECT behind.agent, behind.anyones, behind.pin,
            {next_lane("behind", f"{_LANE} > behind.lane", f"{_LANE} < behind.start")},
            behind.start, n + 1
        FROM behind WHERE behind.lane IS NOT NULL AND n < :lanes),
    ring(agent, anyones, pin, lane, side, n) AS (
        SELECT agent, anyones, pin, lane, 1, n FROM ahead WHERE lane IS NOT NULL
        UNION ALL SELECT agent, anyones, pin, lane, 2, n FROM behind WHERE lane IS NOT NULL),
    open(agent, anyones, pin, lane, side, n) AS (SELECT * FROM ring WHERE NOT ({barred})),
    depth(d) AS (SELECT :heaviest + (:wanted - 1) / max(1, (
        SELECT min(c) FROM (SELECT count(*) AS c FROM open GROUP BY agent) AS counted))),
    beneath(p) AS (SELECT {top("(SELECT p FROM level)")} FROM asked)
    """  # noqa: S608 - constants


def _of_lane(pin: str) -> str:
    return f"""SELECT * FROM (SELECT e.id, e.created_at FROM {_SQLITE_TABLE} WHERE {_READY}
        AND e.agent_type = open.agent AND {_PIN} = {pin} AND e.priority = (SELECT p FROM level)
        AND {_LANE} = open.lane ORDER BY e.created_at, e.id LIMIT (SELECT d FROM depth))"""  # noqa: S608 - constants


_SQLITE_TABLE: Final = "agent_executions e INDEXED BY agent_executions_ready"
_SQLITE_SERVED: Final = "json_extract(w.serves, '$.\"' || e.agent_type || '\"')"
SQLITE_LOOK: Final = (
    _walk(  # noqa: S608 - constants
        table=_SQLITE_TABLE,
        me="SELECT serves, drains_since IS NOT NULL FROM agent_workers WHERE id = :worker AND lease_until > :at",
        each="SELECT value ->> 0 AS agent, value ->> 1 AS start FROM json_each(:agents)",
        served="json_extract(me.serves, '$.\"' || one.agent || '\"')",
        barred="lane IN (SELECT value FROM json_each(:barred))",
    )
    + f"""
    SELECT json_object(
        'priority', (SELECT p FROM level), 'depth', (SELECT d FROM depth),
        'walked', (SELECT coalesce(max(c), 0) FROM (SELECT count(*) AS c FROM ring GROUP BY agent)),
        'lower', (SELECT count(p) FROM beneath),
        'due', EXISTS (SELECT 1 FROM agent_executions WHERE status = 'pending' AND wake_at <= :at
            AND EXISTS (SELECT 1 FROM me)),
        'lanes', (SELECT json_group_array(json_array(agent, lane, json(ids))) FROM (
            SELECT agent, lane, (
                SELECT json_group_array(id) FROM (
                    SELECT id FROM ({_of_lane("open.anyones")} UNION ALL {_of_lane("open.pin")})
                    ORDER BY created_at, id LIMIT (SELECT d FROM depth))) AS ids
            FROM open ORDER BY side, n)))
    """  # noqa: S608 - constants
)
SQLITE_OLDEST: Final = f"""
    SELECT {_LANE} FROM agent_executions e INDEXED BY agent_executions_claim
    WHERE {_READY} AND e.agent_type = ?1 AND (e.pinned_to IS NULL OR e.pinned_to = (
        SELECT {_SQLITE_SERVED} FROM agent_workers w WHERE w.id = ?2))
    ORDER BY e.priority DESC, e.created_at, e.id LIMIT 1
"""  # noqa: S608 - constants
SQLITE_READY: Final = """
    UPDATE agent_executions SET wake_at = NULL WHERE id IN (
        SELECT id FROM agent_executions WHERE status = 'pending' AND wake_at <= ? ORDER BY wake_at LIMIT ?)
"""
SQLITE_RUNNING: Final = """
    SELECT json_group_array(json_array(agent_type, lane, n)) FROM (
        SELECT agent_type, coalesce(user_id, '') AS lane, count(*) AS n FROM agent_executions
        WHERE status = 'running' GROUP BY 1, 2)
"""
SQLITE_ONE: Final = f"""
    SELECT json_group_array(id) FROM (
        SELECT id FROM agent_executions e
        WHERE EXISTS (SELECT 1 FROM agent_workers w WHERE w.id = ?1 AND w.lease_until > ?2 AND CASE
            WHEN e.pinned_to IS NULL THEN w.drains_since IS NULL ELSE e.pinned_to = {_SQLITE_SERVED} END)
        AND id IN (
            WITH RECURSIVE family(id) AS (
                SELECT ?3 UNION SELECT e.id FROM family JOIN agent_executions e ON e.parent_id = family.id
                WHERE e.parent_id IS NOT NULL)
            SELECT id FROM family)
        AND status = 'pending' AND agent_type IN (SELECT value FROM json_each(?4))
        AND (wake_at IS NULL OR wake_at <= ?5) ORDER BY id LIMIT ?6)
"""  # noqa: S608 - constants
SQLITE_LATE: Final = """
    SELECT json_group_array(id) FROM (SELECT id FROM agent_executions
        WHERE due_by <= ? AND completed_at IS NULL AND status IN ('pending', 'awaiting_review') LIMIT ?)
"""

POSTGRES_LOOK: Final = (
    _walk(  # noqa: S608 - constants
        table="agent_executions e",
        me="SELECT serves, drains_since IS NOT NULL FROM agent_workers"
        " WHERE id = %(worker)s AND lease_until > clock_timestamp()",
        each="SELECT * FROM unnest(%(agents)s::text[], %(starts)s::text[]) AS given(agent, start)",
        served="me.serves ->> one.agent",
        barred="lane = ANY(%(barred)s)",
    )
    .replace("max(1, (", "greatest(1, (")
    .replace(":below", "%(below)s::bigint")
    .replace(":lanes", "%(lanes)s::int")
    .replace(":heaviest", "%(heaviest)s::int")
    .replace(":wanted", "%(wanted)s::int")
    + """
    SELECT 0, NULL, NULL, NULL, NULL, (SELECT p FROM level), (SELECT d FROM depth),
        (SELECT coalesce(max(c), 0) FROM (SELECT count(*) AS c FROM ring GROUP BY agent) AS counted),
        (SELECT max(p) IS NOT NULL FROM beneath),
        EXISTS (SELECT 1 FROM agent_executions WHERE status = 'pending' AND wake_at <= %(at)s::timestamptz
            AND EXISTS (SELECT 1 FROM me))
    UNION ALL
    SELECT side * 100000 + n, agent, lane, anyones, pin, NULL, NULL, NULL, NULL, NULL FROM open ORDER BY 1
    """
)
POSTGRES_TAKE: Final = f"""
    SELECT lane.n, found.created_at, found.id
    FROM unnest(%s::int[], %s::text[], %s::text[], %s::text[]) AS lane(n, agent, name, pin)
    CROSS JOIN LATERAL (
        SELECT e.created_at, e.id FROM agent_executions e WHERE {_READY} AND e.agent_type = lane.agent
        AND {_PIN} = lane.pin AND e.priority = %s AND {_LANE} = lane.name
        ORDER BY e.created_at, e.id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED) AS found
"""  # noqa: S608 - constants
POSTGRES_OLDEST: Final = f"""
    SELECT {_LANE} FROM agent_executions e WHERE {_READY} AND e.agent_type = %s AND (e.pinned_to IS NULL
        OR e.pinned_to = (SELECT w.serves ->> e.agent_type FROM agent_workers w WHERE w.id = %s))
    ORDER BY e.priority DESC, e.created_at, e.id LIMIT 1
"""  # noqa: S608 - constants
POSTGRES_READY: Final = """
    UPDATE agent_executions SET wake_at = NULL WHERE id IN (
        SELECT id FROM agent_executions WHERE status = 'pending' AND wake_at <= %s::timestamptz
        ORDER BY wake_at LIMIT %s FOR NO KEY UPDATE SKIP LOCKED)
"""
POSTGRES_RUNNING: Final = """
    SELECT agent_type, coalesce(user_id, ''), count(*) FROM agent_executions WHERE status = 'running' GROUP BY 1, 2
"""
POSTGRES_ONE_AT_A_TIME: Final = "SELECT pg_advisory_xact_lock(7306011843)"
"""Between two processes that count what runs before they claim, one counts what the other has claimed."""
