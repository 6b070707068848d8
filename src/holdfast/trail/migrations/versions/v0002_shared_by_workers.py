"""What workers share beyond executions: controls, usage by model, audit, feedback, outbox, cached results."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import TypeEngine

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


DATA = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.String(32).with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")
REAL: TypeEngine[float] = sa.Double()
MONEY = sa.Text().with_variant(sa.Numeric(), "postgresql")


def upgrade() -> None:
    """Create them. Code of version 0001 goes on working beside this until the deploy is over."""
    _executions()
    _approvals()
    _controls()
    _model_usage()
    _audit()
    _feedback()
    _outbox()
    _tool_cache()


def _executions() -> None:
    op.add_column("agent_executions", sa.Column("unknown_tokens", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("agent_executions", sa.Column("unknown_usd", MONEY, nullable=False, server_default="0"))


def _approvals() -> None:
    for column in (
        sa.Column("reviewers", sa.Text()),
        sa.Column("quorum", sa.Integer(), nullable=False, server_default="1"),
        sa.Column("requested_by", sa.Text()),
        sa.Column("ladder", DATA),
        sa.Column("votes", DATA),
        sa.Column("attend_at", MOMENT),
    ):
        op.add_column("agent_approvals", column)
    op.execute("UPDATE agent_approvals SET attend_at = expires_at")
    op.drop_index("agent_approvals_expiry", "agent_approvals")
    is_open = sa.text("status = 'open'")
    op.create_index(
        "agent_approvals_attend", "agent_approvals", ["attend_at"], sqlite_where=is_open, postgresql_where=is_open
    )


def _controls() -> None:
    op.create_table(
        "agent_controls",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("data", DATA, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("kind", "key"),
    )
    op.execute(
        "INSERT INTO agent_controls (kind, key, data, updated_at) "
        """VALUES ('version', '', '{"token":"none"}', '2026-01-01T00:00:00.000000+00:00'), """
        """('record', '', '{"hash":"0000000000000000000000000000000000000000000000000000000000000000","seq": 0}', """
        """'2026-01-01T00:00:00.000000+00:00')"""
    )


def _model_usage() -> None:
    op.create_table(
        "agent_model_usage",
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("failed_calls", sa.Integer(), nullable=False),
        sa.Column("input_tokens", sa.BigInteger(), nullable=False),
        sa.Column("output_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_read_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cache_write_tokens", sa.BigInteger(), nullable=False),
        sa.Column("cost_usd", MONEY, nullable=False),
        sa.Column("latency_ms", REAL, nullable=False),
        sa.ForeignKeyConstraint(["execution_id"], ["agent_executions.id"]),
        sa.PrimaryKeyConstraint("execution_id", "model"),
    )


def _audit() -> None:
    op.create_table(
        "agent_audit",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("data", DATA, nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
    )


def _feedback() -> None:
    op.create_table(
        "agent_feedback",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("agent_type", sa.Text(), nullable=False),
        sa.Column("step_number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tool_name", sa.Text()),
        sa.Column("asked", DATA),
        sa.Column("was", DATA),
        sa.Column("should_be", DATA),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text()),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["execution_id"], ["agent_executions.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("agent_feedback_agent", "agent_feedback", ["agent_type", "created_at"])


def _outbox() -> None:
    op.create_table(
        "agent_outbox",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("data", DATA, nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", MOMENT, nullable=False),
        sa.Column("held_by", sa.Text()),
        sa.Column("ref", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("done_at", MOMENT),
        sa.CheckConstraint("status IN ('queued', 'sent', 'dead', 'withdrawn')", name="agent_outbox_status"),
        sa.PrimaryKeyConstraint("id"),
    )
    queued = sa.text("status = 'queued'")
    done = sa.text("status <> 'queued'")
    op.create_index(
        "agent_outbox_due", "agent_outbox", ["channel", "due_at"], sqlite_where=queued, postgresql_where=queued
    )
    dead = sa.text("status = 'dead'")
    op.create_index("agent_outbox_dead", "agent_outbox", ["channel"], sqlite_where=dead, postgresql_where=dead)
    op.create_index("agent_outbox_done", "agent_outbox", ["done_at"], sqlite_where=done, postgresql_where=done)
    op.create_index("agent_outbox_subject", "agent_outbox", ["subject", "kind"])


def _tool_cache() -> None:
    op.create_table(
        "agent_tool_cache",
        sa.Column("tool_name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("schema_hash", sa.Text(), nullable=False),
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("output", DATA),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("tool_name", "digest"),
    )
