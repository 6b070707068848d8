"""Run by Alembic: applies the steps on the connection that `trail.migrate` opened."""

from alembic import context

from holdfast.trail.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    transaction_per_migration=False,
)
context.run_migrations()
