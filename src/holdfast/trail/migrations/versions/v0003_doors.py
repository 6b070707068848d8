"""What doors need: credentials of people and programs, and where clients asked to be told of their tasks."""

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
