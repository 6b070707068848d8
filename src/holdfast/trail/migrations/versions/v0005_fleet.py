"""What a fleet needs: workers that say what they serve, executions bound to a version, records that were pruned."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

DATA = sa.Text().with_variant(postgresql.JSONB(), "postgresql")
MOMENT = sa.String(32).with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")


def upgrade() -> None:
    """Add it. Code of version 0004 goes on working beside this until the deploy is over: it binds no execution."""
    op.add_column("agent_workers", sa.Column("version", sa.Text(), nullable=False, server_default=""))
    op.add_column("agent_workers", sa.Column("app_version", sa.Text(), nullable=False, server_default=""))
    op.add_column("agent_workers", sa.Column("serves", DATA, nullable=False, server_default="{}"))
    op.add_column("agent_workers", sa.Column("capacity", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("agent_workers", sa.Column("drains_since", MOMENT))
    op.add_column("agent_executions", sa.Column("pinned_to", sa.Text()))
    op.add_column("agent_executions", sa.Column("pruned_at", MOMENT))
    _what_was_pruned()
    _whose_turn_it_is()


def _whose_turn_it_is() -> None:
    """Turns among those that a worker can take. Code of version 0004 finds what waits by the same index, slower."""
    pinned = sa.text("pinned_to IS NOT NULL AND completed_at IS NULL")
    op.create_index(
        "agent_executions_pinned",
        "agent_executions",
        ["agent_type", "pinned_to", "id"],
        sqlite_where=pinned,
        postgresql_where=pinned,
    )
    ready = sa.text("status = 'pending' AND wake_at IS NULL")
    op.drop_index("agent_executions_ready", "agent_executions")
    op.create_index(
        "agent_executions_ready",
        "agent_executions",
        [
            "agent_type",
            sa.text("coalesce(pinned_to, '')"),
            sa.text("priority DESC"),
            sa.text("coalesce(user_id, '')"),
            "created_at",
            "id",
        ],
        sqlite_where=ready,
        postgresql_where=ready,
    )


def _what_was_pruned() -> None:
    """Which executions were pruned, and what finds those that can be. Code of version 0004 never looks at them."""
    op.create_table(
        "agent_pruned",
        sa.Column("execution_id", sa.Text(), nullable=False),
        sa.Column("entry", sa.BigInteger(), nullable=False),
        sa.Column("last_seq", sa.BigInteger(), nullable=False),
        sa.Column("last_hash", sa.Text(), nullable=False),
        sa.Column("remains", sa.Text()),
        sa.PrimaryKeyConstraint("execution_id", "entry"),
    )
    op.create_index("agent_pruned_entry", "agent_pruned", ["entry"])
    op.create_index("agent_feedback_execution", "agent_feedback", ["execution_id"])
    op.create_index("agent_tool_cache_execution", "agent_tool_cache", ["execution_id"])
    prunable = sa.text("completed_at IS NOT NULL AND parent_id IS NULL AND pruned_at IS NULL")
    op.create_index(
        "agent_executions_past",
        "agent_executions",
        ["completed_at", "id"],
        sqlite_where=prunable,
        postgresql_where=prunable,
    )
