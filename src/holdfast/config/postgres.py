"""The table of `holdfast.toml` that says how a PostgreSQL server is connected to."""

from typing import Literal

from pydantic import Field, SecretStr

from holdfast.config.sections import Section


class PostgresSettings(Section):
    """`[postgres]`: connections of each process; one that writes, one that listens, and these."""

    readers: int = Field(default=4, ge=1, le=100)
    """Connections that only read, at most."""
    pooler: Literal["none", "transaction"] = "none"
    """`transaction`: the database's address is that of a pooler in transaction mode, such as PgBouncer."""
    listen_url: SecretStr | None = None
    """The server's own address, for the one connection that listens; behind a pooler in transaction mode nobody can.
    Left out there: new work is looked for once a second."""
