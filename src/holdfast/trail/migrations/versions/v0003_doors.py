"""What doors need: credentials, where clients asked to be told of their tasks, how agents do."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


DATA = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.String(32).with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    """Create them. Code of version 0002 goes on working beside this until the deploy is over."""
    _credentials()
    _subscriptions()
    _ended_index()
    _threads_index()
    _decided_index()
    _health_metrics()


def _credentials() -> None:
    op.create_table(
        "agent_credentials",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text()),
        sa.Column("agents", DATA),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text()),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", MOMENT),
        sa.Column("last_used_at", MOMENT),
        sa.Column("revoked_at", MOMENT),
        sa.CheckConstraint("kind IN ('key', 'link', 'session')", name="agent_credentials_kind"),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("agent_credentials_parent", "agent_credentials", ["parent_id"])


def _subscriptions() -> None:
    op.create_table(
        "agent_subscriptions",
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("data", DATA, nullable=False),
        sa.Column("told_seq", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["execution_id"], ["agent_executions.id"]),
        sa.PrimaryKeyConstraint("execution_id", "id"),
    )


def _decided_index() -> None:
    closed = sa.text("status <> 'open'")
    op.create_index(
        "agent_approvals_decided",
        "agent_approvals",
        ["decided_at", "id"],
        sqlite_where=closed,
        postgresql_where=closed,
    )


def _ended_index() -> None:
    """Finds what ended since a time, and how, without a look at any other execution."""
    is_ended = sa.text("completed_at IS NOT NULL")
    op.create_index(
        "agent_executions_ended",
        "agent_executions",
        ["completed_at", "agent_type", "status"],
        sqlite_where=is_ended,
        postgresql_where=is_ended,
    )


def _threads_index() -> None:
    """Finds the newest conversations among executions that belong to none."""
    is_threaded = sa.text("thread_id IS NOT NULL")
    op.create_index(
        "agent_executions_threads",
        "agent_executions",
        ["created_at", "id"],
        sqlite_where=is_threaded,
        postgresql_where=is_threaded,
    )


def _health_metrics() -> None:
    """What each execution that ended came to, and what that adds up to by agent: the same numbers on both databases."""
    statements = _POSTGRES if op.get_bind().dialect.name == "postgresql" else _SQLITE
    for statement in statements:
        op.get_bind().exec_driver_sql(statement)


# A call that an earlier step had completed with the same arguments adds nothing; questions that were open at the same
# time are one wait.
_WAITED = """coalesce((
        SELECT sum({most}(0, till - {most}(asked, coalesce(seen, asked)))) FROM (
            SELECT asked, till,
                max(till) OVER (ORDER BY asked, till ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS seen
            FROM (
                SELECT {asked} AS asked, {least}({decided}, {completed}) AS till FROM agent_approvals a
                WHERE a.execution_id = e.id AND a.decided_at IS NOT NULL
            ) AS waits
        ) AS in_order
    ), 0)"""


def _us_sqlite(column: str) -> str:
    """A time as whole microseconds: SQLite's own functions round them away."""
    whole = f"CAST(strftime('%s', substr({column}, 1, 19)) AS INTEGER)"
    return f"({whole} * 1000000 + CAST(substr({column}, 21, 6) AS INTEGER))"


def _us_postgres(column: str) -> str:
    return f"(extract(epoch FROM {column}) * 1000000)::bigint"


_SQLITE = (
    f"""
CREATE VIEW agent_ended_executions AS
SELECT e.id AS execution_id, e.agent_type, e.status, e.status_reason, e.completed_at, e.step_count AS steps,
    min(e.step_count, (
        SELECT count(DISTINCT step) FROM (
            SELECT min(c.step_number) AS step FROM agent_tool_calls c
            WHERE c.execution_id = e.id AND c.status = 'completed' GROUP BY c.tool_name, c.tool_input
            UNION ALL SELECT e.step_count WHERE e.status = 'completed'
        )
    )) AS useful_steps,
    (SELECT count(*) FROM agent_tool_calls c WHERE c.execution_id = e.id AND c.status = 'completed') AS calls_completed,
    (SELECT count(*) FROM agent_tool_calls c WHERE c.execution_id = e.id AND c.status IN ('failed', 'in_doubt'))
        AS calls_failed,
    EXISTS (SELECT 1 FROM agent_approvals a WHERE a.execution_id = e.id) AS reviewed,
    e.token_count AS tokens, e.cost_usd,
    ({_us_sqlite("e.completed_at")} - {_us_sqlite("e.created_at")}) / 1e6 AS elapsed_s,
    {
        _WAITED.format(
            most="max",
            least="min",
            asked=_us_sqlite("a.asked_at"),
            decided=_us_sqlite("a.decided_at"),
            completed=_us_sqlite("e.completed_at"),
        )
    } / 1e6 AS waited_s
FROM agent_executions e WHERE e.completed_at IS NOT NULL
""",  # noqa: S608 - constants
    """
CREATE VIEW agent_health_metrics AS
WITH ended AS (SELECT * FROM agent_ended_executions),
failures AS (
    SELECT agent_type, json_group_object(reason, how_many) AS by_reason FROM (
        SELECT agent_type, coalesce(status_reason, 'FAILED') AS reason, count(*) AS how_many
        FROM ended WHERE status = 'failed' GROUP BY 1, 2
    ) GROUP BY agent_type
),
ranked AS (
    SELECT agent_type, elapsed_s - waited_s AS duration_s, count(*) OVER (PARTITION BY agent_type) AS how_many,
        row_number() OVER (PARTITION BY agent_type ORDER BY elapsed_s - waited_s) AS place
    FROM ended WHERE status = 'completed'
),
durations AS (
    SELECT agent_type, min(CASE WHEN place >= 0.5 * how_many THEN duration_s END) AS p50,
        min(CASE WHEN place >= 0.95 * how_many THEN duration_s END) AS p95
    FROM ranked GROUP BY agent_type
),
sums AS (
    SELECT agent_type, count(*) AS executions, sum(status = 'completed') AS completed, sum(status = 'failed') AS failed,
        sum(status = 'cancelled') AS cancelled, sum(steps) AS steps, sum(useful_steps) AS useful_steps,
        sum(calls_completed) AS calls_completed, sum(calls_failed) AS calls_failed, sum(reviewed) AS reviewed,
        sum(tokens) AS tokens, sum(CAST(round(CAST(cost_usd AS REAL) * 1e12) AS INTEGER)) AS pico_usd
    FROM ended GROUP BY agent_type
)
SELECT s.agent_type, executions, completed, failed, cancelled,
    completed * 1.0 / nullif(completed + failed, 0) AS completion_rate,
    steps * 1.0 / executions AS average_steps,
    useful_steps * 1.0 / nullif(steps, 0) AS step_efficiency,
    calls_completed * 1.0 / nullif(calls_completed + calls_failed, 0) AS tool_success_rate,
    reviewed * 1.0 / executions AS human_review_rate,
    tokens, (pico_usd + 500) / 1000 / 1e9 AS cost_usd,
    tokens * 1.0 / nullif(completed, 0) AS tokens_per_completion,
    (2 * pico_usd + 1000 * completed) / nullif(2000 * completed, 0) / 1e9 AS cost_per_completion_usd,
    d.p50 AS p50_duration_s, d.p95 AS p95_duration_s, coalesce(f.by_reason, '{}') AS failures
FROM sums s LEFT JOIN durations d ON d.agent_type = s.agent_type LEFT JOIN failures f ON f.agent_type = s.agent_type
""",
)
_POSTGRES = (
    f"""
CREATE VIEW agent_ended_executions AS
SELECT e.id AS execution_id, e.agent_type, e.status, e.status_reason, e.completed_at, e.step_count AS steps,
    least(e.step_count, t.useful) AS useful_steps, t.completed AS calls_completed, t.failed AS calls_failed,
    EXISTS (SELECT 1 FROM agent_approvals a WHERE a.execution_id = e.id) AS reviewed,
    e.token_count AS tokens, e.cost_usd,
    ({_us_postgres("e.completed_at")} - {_us_postgres("e.created_at")}) / 1e6::float8 AS elapsed_s,
    {
        _WAITED.format(
            most="greatest",
            least="least",
            asked=_us_postgres("a.asked_at"),
            decided=_us_postgres("a.decided_at"),
            completed=_us_postgres("e.completed_at"),
        )
    }::float8 / 1e6::float8 AS waited_s
FROM agent_executions e CROSS JOIN LATERAL (
    SELECT count(DISTINCT step) AS useful, coalesce(sum(completed), 0)::bigint AS completed,
        coalesce(sum(failed), 0)::bigint AS failed
    FROM (
        SELECT min(c.step_number) FILTER (WHERE c.status = 'completed') AS step,
            count(*) FILTER (WHERE c.status = 'completed') AS completed,
            count(*) FILTER (WHERE c.status IN ('failed', 'in_doubt')) AS failed
        FROM agent_tool_calls c WHERE c.execution_id = e.id GROUP BY c.tool_name, c.tool_input::text
        UNION ALL SELECT e.step_count, 0, 0 WHERE e.status = 'completed'
    ) AS by_call
) AS t
WHERE e.completed_at IS NOT NULL
""",  # noqa: S608 - constants
    """
CREATE FUNCTION agent_health_metrics(agent text DEFAULT NULL, since timestamptz DEFAULT NULL) RETURNS TABLE (
    agent_type text, executions bigint, completed bigint, failed bigint, cancelled bigint, completion_rate float8,
    average_steps float8, step_efficiency float8, tool_success_rate float8, human_review_rate float8, tokens bigint,
    cost_usd numeric, tokens_per_completion float8, cost_per_completion_usd numeric, p50_duration_s float8,
    p95_duration_s float8, failures jsonb
) LANGUAGE sql STABLE AS $$
WITH ended AS (
    SELECT * FROM agent_ended_executions v
    WHERE (agent IS NULL OR v.agent_type = agent) AND v.completed_at >= coalesce(since, '-infinity')
),
failures AS (
    SELECT r.agent_type, jsonb_object_agg(r.reason, r.how_many) AS by_reason FROM (
        SELECT n.agent_type, coalesce(n.status_reason, 'FAILED') AS reason, count(*) AS how_many
        FROM ended n WHERE n.status = 'failed' GROUP BY 1, 2
    ) AS r GROUP BY r.agent_type
),
sums AS (
    SELECT n.agent_type, count(*) AS executions, count(*) FILTER (WHERE n.status = 'completed') AS completed,
        count(*) FILTER (WHERE n.status = 'failed') AS failed,
        count(*) FILTER (WHERE n.status = 'cancelled') AS cancelled, sum(n.steps)::float8 AS steps,
        sum(n.useful_steps)::float8 AS useful_steps, sum(n.calls_completed)::float8 AS calls_completed,
        sum(n.calls_failed)::float8 AS calls_failed, count(*) FILTER (WHERE n.reviewed) AS reviewed,
        sum(n.tokens)::bigint AS tokens, sum(n.cost_usd) AS cost_usd,
        percentile_disc(0.5) WITHIN GROUP (ORDER BY n.elapsed_s - n.waited_s) FILTER (WHERE n.status = 'completed')
            AS p50,
        percentile_disc(0.95) WITHIN GROUP (ORDER BY n.elapsed_s - n.waited_s) FILTER (WHERE n.status = 'completed')
            AS p95
    FROM ended n GROUP BY n.agent_type
)
SELECT s.agent_type, s.executions, s.completed, s.failed, s.cancelled,
    s.completed::float8 / nullif(s.completed + s.failed, 0),
    s.steps / s.executions,
    s.useful_steps / nullif(s.steps, 0),
    s.calls_completed / nullif(s.calls_completed + s.calls_failed, 0),
    s.reviewed::float8 / s.executions,
    s.tokens, round(s.cost_usd, 9),
    s.tokens::float8 / nullif(s.completed, 0),
    round(s.cost_usd / nullif(s.completed, 0), 9),
    s.p50, s.p95, coalesce(f.by_reason, '{}')
FROM sums s LEFT JOIN failures f ON f.agent_type = s.agent_type
$$
""",
)
