"""What executions need that start others and wait for them, and what says when work starts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

MOMENT = sa.String(32).with_variant(postgresql.TIMESTAMP(timezone=True), "postgresql")
MONEY = sa.Text().with_variant(sa.Numeric(), "postgresql")


def upgrade() -> None:
    """Add it. Code of version 0003 goes on working beside this until the deploy is over: it starts no children."""
    op.add_column("agent_executions", sa.Column("parent_call", sa.Text()))
    for name in ("waits_for", "descendants"):
        op.add_column("agent_executions", sa.Column(name, sa.Integer(), nullable=False, server_default="0"))
    op.add_column("agent_executions", sa.Column("family_tokens", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("agent_executions", sa.Column("family_usd", MONEY, nullable=False, server_default="0"))
    _when_work_starts()


def _when_work_starts() -> None:
    """Turns and deadlines. Code of version 0003 goes on claiming by age, by the index it has, and knows no deadline."""
    due = sa.text("due_by IS NOT NULL AND completed_at IS NULL")
    op.add_column("agent_executions", sa.Column("due_by", MOMENT))
    op.create_index("agent_executions_due", "agent_executions", ["due_by"], sqlite_where=due, postgresql_where=due)
    ready = sa.text("status = 'pending' AND wake_at IS NULL")
    op.create_index(
        "agent_executions_ready",
        "agent_executions",
        ["agent_type", sa.text("priority DESC"), sa.text("coalesce(user_id, '')"), "created_at", "id"],
        sqlite_where=ready,
        postgresql_where=ready,
    )
