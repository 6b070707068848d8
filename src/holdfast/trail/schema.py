"""The tables, declared once for both databases.

JSON is JSONB on PostgreSQL and text on SQLite; times are `timestamptz` and fixed-width ISO-8601 text in UTC;
money is `numeric` and text, so that sums are exact. A change here ships with a migration.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.types import TypeEngine

HEAD: Final = "0005"
"""The newest migration; a database that says so needs no look at Alembic."""
VERSION_TABLE: Final = "agent_schema"

DATA: Final = Text().with_variant(JSONB(), "postgresql")
MOMENT: Final = String(32).with_variant(TIMESTAMP(timezone=True), "postgresql")
REAL: Final[TypeEngine[float]] = Double()
MONEY: Final = Text().with_variant(Numeric(), "postgresql")

metadata = MetaData()

executions = Table(
    "agent_executions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("parent_id", Text),
    Column("parent_call", Text),
    Column("waits_for", Integer, nullable=False, server_default="0"),
    Column("descendants", Integer, nullable=False, server_default="0"),
    Column("family_tokens", BigInteger, nullable=False, server_default="0"),
    Column("family_usd", MONEY, nullable=False, server_default="0"),
    Column("thread_id", Text),
    Column("user_id", Text),
    Column("agent_type", Text, nullable=False),
    Column("agent_version", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("status_reason", Text),
    Column("priority", Integer, nullable=False),
    Column("input_data", DATA),
    Column("state", DATA),
    Column("result", DATA),
    Column("error", Text),
    Column("step_count", Integer, nullable=False),
    Column("token_count", BigInteger, nullable=False),
    Column("cost_usd", MONEY, nullable=False),
    Column("reserved_tokens", BigInteger, nullable=False),
    Column("reserved_usd", MONEY, nullable=False),
    Column("unknown_tokens", BigInteger, nullable=False, server_default="0"),
    Column("unknown_usd", MONEY, nullable=False, server_default="0"),
    Column("lease_owner", Text),
    Column("claimed_at", MOMENT),
    Column("fence", BigInteger, nullable=False),
    Column("wake_at", MOMENT),
    Column("deadline", MOMENT),
    Column("due_by", MOMENT),
    Column("pinned_to", Text),
    Column("pruned_at", MOMENT),
    Column("cancel_requested_at", MOMENT),
    Column("idempotency_key", Text),
    Column("last_seq", BigInteger, nullable=False),
    Column("last_hash", Text, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    Column("completed_at", MOMENT),
    CheckConstraint(
        "status IN ('pending', 'running', 'completed', 'failed', 'cancelled', 'awaiting_review')",
        name="agent_executions_status",
    ),
)
_pending = text("status = 'pending'")
_ready = text("status = 'pending' AND wake_at IS NULL")
_waking = text("status = 'pending' AND wake_at IS NOT NULL")
_running = text("status = 'running'")
_due = text("due_by IS NOT NULL AND completed_at IS NULL")
_child = text("parent_id IS NOT NULL")
_pinned = text("pinned_to IS NOT NULL AND completed_at IS NULL")
_threaded = text("thread_id IS NOT NULL")
_ended = text("completed_at IS NOT NULL")
_past = text("completed_at IS NOT NULL AND parent_id IS NULL AND pruned_at IS NULL")
Index(
    "agent_executions_claim",
    executions.c.priority.desc(),
    executions.c.created_at,
    executions.c.id,
    executions.c.wake_at,
    executions.c.agent_type,
    sqlite_where=_pending,
    postgresql_where=_pending,
)
Index(
    "agent_executions_ready",
    executions.c.agent_type,
    text("coalesce(pinned_to, '')"),
    executions.c.priority.desc(),
    text("coalesce(user_id, '')"),
    executions.c.created_at,
    executions.c.id,
    sqlite_where=_ready,
    postgresql_where=_ready,
)
Index(
    "agent_executions_pinned",
    executions.c.agent_type,
    executions.c.pinned_to,
    executions.c.id,
    sqlite_where=_pinned,
    postgresql_where=_pinned,
)
Index("agent_executions_due", executions.c.due_by, sqlite_where=_due, postgresql_where=_due)
Index("agent_executions_wake", executions.c.wake_at, sqlite_where=_waking, postgresql_where=_waking)
Index("agent_executions_lease", executions.c.lease_owner, sqlite_where=_running, postgresql_where=_running)
Index("agent_executions_parent", executions.c.parent_id, sqlite_where=_child, postgresql_where=_child)
Index("agent_executions_recent", executions.c.created_at, executions.c.id)
Index("agent_executions_status_recent", executions.c.status, executions.c.created_at)
Index("agent_executions_agent_recent", executions.c.agent_type, executions.c.created_at)
Index("agent_executions_user_recent", executions.c.user_id, executions.c.created_at)
Index("agent_executions_thread_recent", executions.c.thread_id, executions.c.created_at)
Index(
    "agent_executions_threads",
    executions.c.created_at,
    executions.c.id,
    sqlite_where=_threaded,
    postgresql_where=_threaded,
)
Index(
    "agent_executions_ended",
    executions.c.completed_at,
    executions.c.agent_type,
    executions.c.status,
    sqlite_where=_ended,
    postgresql_where=_ended,
)
Index("agent_executions_past", executions.c.completed_at, executions.c.id, sqlite_where=_past, postgresql_where=_past)
Index("agent_executions_idempotency", executions.c.agent_type, executions.c.idempotency_key, unique=True)

events = Table(
    "agent_events",
    metadata,
    Column("execution_id", Text, ForeignKey("agent_executions.id"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("data", DATA, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("hash", Text, nullable=False),
    PrimaryKeyConstraint("execution_id", "seq"),
)

tool_calls = Table(
    "agent_tool_calls",
    metadata,
    Column("id", Text, nullable=False),
    Column("execution_id", Text, ForeignKey("agent_executions.id"), nullable=False),
    Column("step_number", Integer, nullable=False),
    Column("tool_name", Text, nullable=False),
    Column("tool_input", DATA),
    Column("tool_output", DATA),
    Column("status", Text, nullable=False),
    Column("effect", Text, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("latency_ms", REAL),
    Column("error", Text),
    Column("called_at", MOMENT),
    Column("finished_at", MOMENT),
    # The execution first: its calls lie together and need no second index.
    PrimaryKeyConstraint("execution_id", "id"),
    CheckConstraint(
        "status IN ('pending', 'awaiting_review', 'running', 'completed', 'failed', 'denied', 'in_doubt')",
        name="agent_tool_calls_status",
    ),
)

approvals = Table(
    "agent_approvals",
    metadata,
    Column("id", Text, primary_key=True),
    Column("execution_id", Text, ForeignKey("agent_executions.id"), nullable=False),
    Column("call_id", Text),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("agent_type", Text, nullable=False),
    Column("tool_name", Text),
    Column("arguments", DATA),
    Column("digest", Text, nullable=False),
    Column("schema_hash", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("gate", Text, nullable=False),
    Column("risk", REAL, nullable=False),
    Column("asked_at", MOMENT, nullable=False),
    Column("expires_at", MOMENT, nullable=False),
    Column("decided_at", MOMENT),
    Column("decided_by", Text),
    Column("note", Text),
    Column("edit", DATA),
    Column("edit_digest", Text),
    Column("answer", Text),
    Column("consumed_at", MOMENT),
    Column("reviewers", Text),
    Column("quorum", Integer, nullable=False, server_default="1"),
    Column("requested_by", Text),
    Column("ladder", DATA),
    Column("votes", DATA),
    Column("attend_at", MOMENT),
    CheckConstraint(
        "status IN ('open', 'approved', 'rejected', 'answered', 'expired', 'withdrawn')",
        name="agent_approvals_status",
    ),
)
_open = text("status = 'open'")
Index("agent_approvals_attend", approvals.c.attend_at, sqlite_where=_open, postgresql_where=_open)
Index("agent_approvals_execution", approvals.c.execution_id)
Index("agent_approvals_asked", approvals.c.status, approvals.c.asked_at)
_closed = text("status <> 'open'")
Index("agent_approvals_decided", approvals.c.decided_at, approvals.c.id, sqlite_where=_closed, postgresql_where=_closed)

blobs = Table(
    "agent_blobs",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("content", LargeBinary, nullable=False),
    Column("media_type", Text, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("created_at", MOMENT, nullable=False),
)

workers = Table(
    "agent_workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", MOMENT, nullable=False),
    Column("lease_until", MOMENT, nullable=False),
    Column("version", Text, nullable=False, server_default=""),
    Column("app_version", Text, nullable=False, server_default=""),
    Column("serves", DATA, nullable=False, server_default="{}"),
    Column("capacity", Integer, nullable=False, server_default="0"),
    Column("drains_since", MOMENT),
)

controls = Table(
    "agent_controls",
    metadata,
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("data", DATA, nullable=False),
    Column("updated_at", MOMENT, nullable=False),
    PrimaryKeyConstraint("kind", "key"),
)

model_usage = Table(
    "agent_model_usage",
    metadata,
    Column("execution_id", Text, ForeignKey("agent_executions.id"), nullable=False),
    Column("model", Text, nullable=False),
    Column("provider", Text, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("failed_calls", Integer, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cache_read_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("cost_usd", MONEY, nullable=False),
    Column("latency_ms", REAL, nullable=False),
    PrimaryKeyConstraint("execution_id", "model"),
)

audit = Table(
    "agent_audit",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("data", DATA, nullable=False),
    Column("at", MOMENT, nullable=False),
    Column("hash", Text, nullable=False),
)

feedback = Table(
    "agent_feedback",
    metadata,
    Column("id", Text, primary_key=True),
    Column("execution_id", Text, ForeignKey("agent_executions.id"), nullable=False),
    Column("agent_type", Text, nullable=False),
    Column("step_number", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("tool_name", Text),
    Column("asked", DATA),
    Column("was", DATA),
    Column("should_be", DATA),
    Column("given_by", Text, nullable=False),
    Column("why", Text),
    Column("created_at", MOMENT, nullable=False),
)
Index("agent_feedback_agent", feedback.c.agent_type, feedback.c.created_at)
Index("agent_feedback_execution", feedback.c.execution_id)

outbox = Table(
    "agent_outbox",
    metadata,
    Column("id", Text, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("data", DATA, nullable=False),
    Column("status", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("due_at", MOMENT, nullable=False),
    Column("held_by", Text),
    Column("ref", Text),
    Column("error", Text),
    Column("created_at", MOMENT, nullable=False),
    Column("done_at", MOMENT),
    CheckConstraint("status IN ('queued', 'sent', 'dead', 'withdrawn')", name="agent_outbox_status"),
)
_queued = text("status = 'queued'")
_done = text("status <> 'queued'")
_dead = text("status = 'dead'")
Index("agent_outbox_due", outbox.c.channel, outbox.c.due_at, sqlite_where=_queued, postgresql_where=_queued)
Index("agent_outbox_dead", outbox.c.channel, sqlite_where=_dead, postgresql_where=_dead)
Index("agent_outbox_done", outbox.c.done_at, sqlite_where=_done, postgresql_where=_done)
Index("agent_outbox_subject", outbox.c.subject, outbox.c.kind)

tool_cache = Table(
    "agent_tool_cache",
    metadata,
    Column("tool_name", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("schema_hash", Text, nullable=False),
    Column("execution_id", Text, nullable=False),
    Column("output", DATA),
    Column("content", Text, nullable=False),
    Column("at", MOMENT, nullable=False),
    PrimaryKeyConstraint("tool_name", "digest"),
)
Index("agent_tool_cache_execution", tool_cache.c.execution_id)

credentials = Table(
    "agent_credentials",
    metadata,
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("user_id", Text),
    Column("agents", DATA),
    Column("hash", Text, nullable=False),
    Column("parent_id", Text),
    Column("created_at", MOMENT, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", MOMENT),
    Column("last_used_at", MOMENT),
    Column("revoked_at", MOMENT),
    CheckConstraint("kind IN ('key', 'link', 'session')", name="agent_credentials_kind"),
)
Index("agent_credentials_parent", credentials.c.parent_id)

subscriptions = Table(
    "agent_subscriptions",
    metadata,
    Column("execution_id", Text, ForeignKey("agent_executions.id"), nullable=False),
    Column("id", Text, nullable=False),
    Column("data", DATA, nullable=False),
    Column("told_seq", BigInteger, nullable=False),
    Column("created_at", MOMENT, nullable=False),
    PrimaryKeyConstraint("execution_id", "id"),
)

pruned = Table(
    "agent_pruned",
    metadata,
    Column("execution_id", Text, nullable=False),
    Column("entry", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("last_hash", Text, nullable=False),
    Column("remains", Text),
    PrimaryKeyConstraint("execution_id", "entry"),
)
"""What was pruned, by which entry of the operators' record: no journal ends without a word of who ended it."""
Index("agent_pruned_entry", pruned.c.entry)
