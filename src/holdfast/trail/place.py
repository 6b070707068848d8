"""Where the trail is kept: what a `database` setting means."""

import re
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Final, Literal, Self
from urllib.parse import urlsplit, urlunsplit

from holdfast.config import PostgresSettings
from holdfast.errors import MissingExtra, UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class Connections:
    """How a process connects to a PostgreSQL server, beside the one connection that writes."""

    readers: int = 4
    """That only read, at most."""
    pooled: bool = False
    """Whether the address is that of a pooler in transaction mode: then nothing is left to a session."""
    listen_at: str | None = None
    """The server's own address, for the one connection that listens. `None`: the database's, and through a pooler
    nobody listens: new work is looked for once a second."""

    @classmethod
    def of(cls, given: PostgresSettings) -> Self:
        """As it is configured."""
        return cls(
            readers=given.readers,
            pooled=given.pooler == "transaction",
            listen_at=given.listen_url.get_secret_value() if given.listen_url else None,
        )

    @property
    def prepare_after(self) -> int | None:
        """Runs of a statement until the server keeps its plan for the session; `None`: it never does."""
        return None if self.pooled else 5


DIRECT: Final = Connections()
NOTICING: Final = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
"""For libpq: what makes a connection notice within seconds that the server, or the way to it, is gone without a word.
By themselves systems wait for a quarter of an hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A database: a SQLite file or a PostgreSQL server."""

    kind: Literal["sqlite", "postgres"]
    path: str
    """The file, or the URL as libpq reads it."""

    @property
    def shown(self) -> str:
        """For messages: without a password."""
        if self.kind == "sqlite":
            return self.path
        parts = urlsplit(self.path)
        host = parts.netloc
        if parts.password:
            host = host.replace(f":{parts.password}@", ":***@")
        # libpq takes a password behind the question mark, too.
        query = re.sub(r"((?:^|&)(?:ssl)?password=)[^&]+", r"\1***", parts.query)
        return urlunsplit(parts._replace(netloc=host, query=query))

    @property
    def sqlalchemy_url(self) -> str:
        """As SQLAlchemy spells it."""
        if self.kind == "sqlite":
            return f"sqlite:///{self.path}"
        return "postgresql+psycopg://" + self.path.split("://", 1)[1]


def locate(database: str) -> Place:
    """Read a `database` setting: a file path, `sqlite:///path` or `postgresql://...`.

    Raises:
        UsageError: It is none of these.
        MissingExtra: It is PostgreSQL, and the driver is not installed.
    """
    scheme, separator, rest = database.partition("://")
    if not separator:
        return _file(database)
    match scheme:
        case "sqlite":
            return _file(rest.removeprefix("/"))
        case "postgres" | "postgresql" | "postgresql+psycopg":
            if find_spec("psycopg") is None:
                raise MissingExtra("postgres", needed_for="a PostgreSQL database")
            return Place(kind="postgres", path=f"postgresql://{rest}")
        case _:
            raise UsageError(
                f"database {scheme + '://...'!r}: give a file path, 'sqlite:///path' or 'postgresql://user@host/name'"
            )


def _file(path: str) -> Place:
    if path in {"", ":memory:"} or path.startswith("file:"):
        raise UsageError(
            f"database {path!r}: give a file, e.g. '.holdfast/holdfast.db'; a trail must outlive its process"
        )
    return Place(kind="sqlite", path=str(Path(path).expanduser().resolve()))
