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
    op.add_column("agent_workers", sa.Column("serves", DATA, nullable=False, server_default="{}"))
    op.add_column("agent_workers", sa.Column("capacity", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("agent_workers", sa.Column("drains_since", MOMENT))
    op.add_column("agent_executions", sa.Column("pinned_to", sa.Text()))
    op.add_column("agent_executions", sa.Column("pruned_at", MOMENT))
