"""Every table of the first release."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


DATA = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.String(32).with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")
REAL: TypeEngine[float] = sa.Double()
MONEY = sa.Text().with_variant(sa.Numeric(), "postgresql")


def upgrade() -> None:
    """Create them."""
    _blobs()
    _executions()
    _workers()
    _approvals()
    _events()
    _tool_calls()


def _blobs() -> None:
    op.create_table(
        "agent_blobs",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )


def _executions() -> None:
    op.create_table("agent_executions", *_asked(), *_progress())
    _execution_indexes()


def _asked() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("parent_id", sa.Text()),
        sa.Column("thread_id", sa.Text()),
        sa.Column("user_id", sa.Text()),
        sa.Column("agent_type", sa.Text(), nullable=False),
        sa.Column("agent_version", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("status_reason", sa.Text()),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("input_data", DATA),
    ]


def _progress() -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("state", DATA),
        sa.Column("result", DATA),
        sa.Column("error", sa.Text()),
        sa.Column("step_count", sa.Integer(), nullable=False),
        sa.Column("token_count", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd", MONEY, nullable=False),
        sa.Column("reserved_tokens", sa.BigInteger(), nullable=False),
        sa.Column("reserved_usd", MONEY, nullable=False),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("claimed_at", MOMENT),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("wake_at", MOMENT),
        sa.Column("deadline", MOMENT),
        sa.Column("cancel_requested_at", MOMENT),
        sa.Column("idempotency_key", sa.Text()),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_hash", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.Column("completed_at", MOMENT),
        sa.CheckConstraint(
            "status IN ('pending', 'running', 'completed', 'failed', 'cancelled', 'awaiting_review')",
            name="agent_executions_status",
        ),
        sa.PrimaryKeyConstraint("id"),
    ]


def _execution_indexes() -> None:
    op.create_index("agent_executions_agent_recent", "agent_executions", ["agent_type", "created_at"])
    op.create_index(
        "agent_executions_claim",
        "agent_executions",
        [sa.literal_column("priority DESC"), "created_at", "id", "wake_at", "agent_type"],
        sqlite_where=sa.text("status = 'pending'"),
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("agent_executions_idempotency", "agent_executions", ["agent_type", "idempotency_key"], unique=True)
    op.create_index(
        "agent_executions_lease",
        "agent_executions",
        ["lease_owner"],
        sqlite_where=sa.text("status = 'running'"),
        postgresql_where=sa.text("status = 'running'"),
    )
    op.create_index(
        "agent_executions_parent",
        "agent_executions",
        ["parent_id"],
        sqlite_where=sa.text("parent_id IS NOT NULL"),
        postgresql_where=sa.text("parent_id IS NOT NULL"),
    )
    op.create_index("agent_executions_recent", "agent_executions", ["created_at", "id"])
    op.create_index("agent_executions_status_recent", "agent_executions", ["status", "created_at"])
    op.create_index("agent_executions_thread_recent", "agent_executions", ["thread_id", "created_at"])
    op.create_index("agent_executions_user_recent", "agent_executions", ["user_id", "created_at"])
    op.create_index(
        "agent_executions_wake",
        "agent_executions",
        ["wake_at"],
        sqlite_where=sa.text("status = 'pending' AND wake_at IS NOT NULL"),
        postgresql_where=sa.text("status = 'pending' AND wake_at IS NOT NULL"),
    )


def _workers() -> None:
    op.create_table(
        "agent_workers",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", MOMENT, nullable=False),
        sa.Column("lease_until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )


def _approvals() -> None:
    op.create_table(
        "agent_approvals",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Text()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("agent_type", sa.Text(), nullable=False),
        sa.Column("tool_name", sa.Text()),
        sa.Column("arguments", DATA),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("schema_hash", sa.Text(), nullable=False),
        sa.Column("question", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("gate", sa.Text(), nullable=False),
        sa.Column("risk", REAL, nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("decided_at", MOMENT),
        sa.Column("decided_by", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.Column("edit", DATA),
        sa.Column("edit_digest", sa.Text()),
        sa.Column("answer", sa.Text()),
        sa.Column("consumed_at", MOMENT),
        sa.CheckConstraint(
            "status IN ('open', 'approved', 'rejected', 'answered', 'expired', 'withdrawn')",
            name="agent_approvals_status",
        ),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["agent_executions.id"],
        ),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("agent_approvals_asked", "agent_approvals", ["status", "asked_at"])
    op.create_index("agent_approvals_execution", "agent_approvals", ["execution_id"])
    op.create_index(
        "agent_approvals_expiry",
        "agent_approvals",
        ["expires_at"],
        sqlite_where=sa.text("status = 'open'"),
        postgresql_where=sa.text("status = 'open'"),
    )


def _events() -> None:
    op.create_table(
        "agent_events",
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("data", DATA, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["agent_executions.id"],
        ),
        sa.PrimaryKeyConstraint("execution_id", "seq"),
    )


def _tool_calls() -> None:
    op.create_table(
        "agent_tool_calls",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("step_number", sa.Integer(), nullable=False),
        sa.Column("tool_name", sa.Text(), nullable=False),
        sa.Column("tool_input", DATA),
        sa.Column("tool_output", DATA),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("latency_ms", REAL),
        sa.Column("error", sa.Text()),
        sa.Column("called_at", MOMENT),
        sa.Column("finished_at", MOMENT),
        sa.CheckConstraint(
            "status IN ('pending', 'awaiting_review', 'running', 'completed', 'failed', 'denied', 'in_doubt')",
            name="agent_tool_calls_status",
        ),
        sa.ForeignKeyConstraint(
            ["execution_id"],
            ["agent_executions.id"],
        ),
        sa.PrimaryKeyConstraint("execution_id", "id"),
    )
