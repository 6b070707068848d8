"""The statements behind fair claims, for both databases.

What is ready (pending, with no time to wait for) stands in an index by agent, priority, user and age. A look finds the
highest priority, walks from user to user by one step of that index each, and reads a few ids of each: its cost grows
with the users and ids it is asked for, not with what waits. What was parked and is due is made ready first, so nobody
steps over thousands of executions that wait for later.
"""

from typing import Final

_READY: Final = "e.status = 'pending' AND e.wake_at IS NULL"
_LANE: Final = "coalesce(e.user_id, '')"


def _walk(*, table: str, each: str, text: str) -> str:
    """The look; `each` unrolls the agents, `text` makes one text of a lane's ids."""
    from_lane = f"FROM {table} WHERE {_READY} AND e.agent_type = {{agent}} AND e.priority = (SELECT p FROM level)"  # noqa: S608 - constants
    ahead, behind = f"{_LANE} >= asked.start", f"{_LANE} < asked.start"
    order = f"ORDER BY {_LANE} LIMIT 1"
    first = from_lane.format(agent="asked.agent")
    further = from_lane.format(agent="{walk}.agent")
    return f"""
    WITH RECURSIVE asked(agent, start) AS ({each}),
    tops(p) AS (
        SELECT (SELECT e.priority FROM {table} WHERE {_READY} AND e.agent_type = asked.agent
            AND e.priority < :below ORDER BY e.priority DESC LIMIT 1) FROM asked
        WHERE :alive),
    level(p) AS (SELECT max(p) FROM tops),
    ahead(agent, lane, n) AS (
        SELECT asked.agent, (SELECT {_LANE} {first} AND {ahead} {order}), 1 FROM asked
        UNION ALL
        SELECT ahead.agent, (SELECT {_LANE} {further.format(walk="ahead")} AND {_LANE} > ahead.lane {order}), n + 1
        FROM ahead WHERE ahead.lane IS NOT NULL AND n < :lanes),
    behind(agent, lane, start, n) AS (
        SELECT asked.agent, (SELECT {_LANE} {first} AND {behind} {order}), asked.start, 1 FROM asked
        WHERE asked.start <> ''
        UNION ALL
        SELECT behind.agent, (SELECT {_LANE} {further.format(walk="behind")} AND {_LANE} > behind.lane
            AND {_LANE} < behind.start {order}), behind.start, n + 1
        FROM behind WHERE behind.lane IS NOT NULL AND n < :lanes),
    ring(agent, lane, side, n) AS (
        SELECT agent, lane, 1, n FROM ahead WHERE lane IS NOT NULL
        UNION ALL SELECT agent, lane, 2, n FROM behind WHERE lane IS NOT NULL),
    open(agent, lane, side, n) AS (SELECT agent, lane, side, n FROM ring WHERE NOT ({text})),
    depth(d) AS (SELECT :heaviest + (:wanted - 1) / max(1, (
        SELECT min(c) FROM (SELECT count(*) AS c FROM open GROUP BY agent) AS counted)))
    """  # noqa: S608 - constants


_SQLITE_TABLE: Final = "agent_executions e INDEXED BY agent_executions_ready"
SQLITE_LOOK: Final = (
    _walk(  # noqa: S608 - constants
        table=_SQLITE_TABLE,
        each="SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(:agents)",
        text="lane IN (SELECT value FROM json_each(:barred))",
    ).replace(":alive", "EXISTS (SELECT 1 FROM agent_workers WHERE id = :worker AND lease_until > :at)")
    + f"""
    SELECT json_object(
        'priority', (SELECT p FROM level), 'depth', (SELECT d FROM depth),
        'walked', (SELECT coalesce(max(c), 0) FROM (SELECT count(*) AS c FROM ring GROUP BY agent)),
        'lower', (SELECT count(1) FROM (SELECT (
            SELECT 1 FROM {_SQLITE_TABLE} WHERE {_READY} AND e.agent_type = asked.agent
            AND e.priority < (SELECT p FROM level) LIMIT 1) AS one FROM asked) WHERE one = 1),
        'due', EXISTS (SELECT 1 FROM agent_executions WHERE status = 'pending' AND wake_at <= :at
            AND EXISTS (SELECT 1 FROM agent_workers WHERE id = :worker AND lease_until > :at)),
        'lanes', (SELECT json_group_array(json_array(agent, lane, json(ids))) FROM (
            SELECT agent, lane, (
                SELECT json_group_array(id) FROM (
                    SELECT e.id FROM {_SQLITE_TABLE} WHERE {_READY} AND e.agent_type = open.agent
                    AND e.priority = (SELECT p FROM level) AND {_LANE} = open.lane
                    ORDER BY e.created_at, e.id LIMIT (SELECT d FROM depth))) AS ids
            FROM open ORDER BY side, n)))
    """  # noqa: S608 - constants
)
SQLITE_OLDEST: Final = f"""
    SELECT {_LANE} FROM agent_executions e INDEXED BY agent_executions_claim
    WHERE {_READY} AND e.agent_type = ? ORDER BY e.priority DESC, e.created_at, e.id LIMIT 1
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
SQLITE_ONE: Final = """
    SELECT json_group_array(id) FROM (
        SELECT id FROM agent_executions
        WHERE EXISTS (SELECT 1 FROM agent_workers WHERE id = ?1 AND lease_until > ?2)
        AND id IN (
            WITH RECURSIVE family(id) AS (
                SELECT ?3 UNION SELECT e.id FROM family JOIN agent_executions e ON e.parent_id = family.id
                WHERE e.parent_id IS NOT NULL)
            SELECT id FROM family)
        AND status = 'pending' AND agent_type IN (SELECT value FROM json_each(?4))
        AND (wake_at IS NULL OR wake_at <= ?5) ORDER BY id LIMIT ?6)
"""
SQLITE_LATE: Final = """
    SELECT json_group_array(id) FROM (SELECT id FROM agent_executions
        WHERE due_by <= ? AND completed_at IS NULL AND status IN ('pending', 'awaiting_review') LIMIT ?)
"""

POSTGRES_LOOK: Final = (
    _walk(  # noqa: S608 - constants
        table="agent_executions e",
        each="SELECT * FROM unnest(%(agents)s::text[], %(starts)s::text[])",
        text="lane = ANY(%(barred)s)",
    )
    .replace("max(1, (", "greatest(1, (")
    .replace(":alive", "EXISTS (SELECT 1 FROM agent_workers WHERE id = %(worker)s AND lease_until > clock_timestamp())")
    .replace(":below", "%(below)s::bigint")
    .replace(":lanes", "%(lanes)s::int")
    .replace(":heaviest", "%(heaviest)s::int")
    .replace(":wanted", "%(wanted)s::int")
    + f"""
    SELECT 0, NULL, NULL, (SELECT p FROM level), (SELECT d FROM depth),
        (SELECT coalesce(max(c), 0) FROM (SELECT count(*) AS c FROM ring GROUP BY agent) AS counted),
        (SELECT bool_or((
            SELECT true FROM agent_executions e WHERE {_READY} AND e.agent_type = asked.agent
            AND e.priority < (SELECT p FROM level) ORDER BY e.priority DESC LIMIT 1)) FROM asked),
        EXISTS (SELECT 1 FROM agent_executions WHERE status = 'pending' AND wake_at <= %(at)s::timestamptz
            AND EXISTS (SELECT 1 FROM agent_workers WHERE id = %(worker)s AND lease_until > clock_timestamp()))
    UNION ALL
    SELECT side * 100000 + n, agent, lane, NULL, NULL, NULL, NULL, NULL FROM open ORDER BY 1
    """  # noqa: S608 - constants
)
POSTGRES_TAKE: Final = f"""
    SELECT lane.n, found.id FROM unnest(%s::text[], %s::text[]) WITH ORDINALITY AS lane(agent, name, n)
    CROSS JOIN LATERAL (
        SELECT e.id FROM agent_executions e WHERE {_READY} AND e.agent_type = lane.agent
        AND e.priority = %s AND {_LANE} = lane.name
        ORDER BY e.created_at, e.id LIMIT %s FOR NO KEY UPDATE SKIP LOCKED) AS found
"""  # noqa: S608 - constants
POSTGRES_OLDEST: Final = f"""
    SELECT {_LANE} FROM agent_executions e WHERE {_READY} AND e.agent_type = %s
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
