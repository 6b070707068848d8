"""Reads what is committed, on connections and threads of its own."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    QueuePool,
    Select,
    Table,
    Text,
    cast,
    create_engine,
    func,
    select,
)
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from holdfast.errors import StoreError, StoreUnavailable
from holdfast.trail.codec import blob_refs, resolve, stamp
from holdfast.trail.place import DIRECT, NOTICING, Connections, Place
from holdfast.trail.readable import reading_uri
from holdfast.trail.schema import DATA, blobs
from holdfast.types import Json

T = TypeVar("T")


class Reader:
    """A small pool of threads, each with a connection that only reads.

    Args:
        place: The database.
        connections: How a server is connected to. Default: as a server's own address allows.
    """

    def __init__(self, place: Place, connections: Connections = DIRECT) -> None:
        self._place = place
        self._engine = _reading_engine(place, connections)
        self._pool = ThreadPoolExecutor(connections.readers, thread_name_prefix="holdfast-reader")

    async def run(self, read: Callable[[Connection], T]) -> T:
        """Run a query on a thread of the pool.

        Raises:
            StoreUnavailable: The database is away.
        """
        return await asyncio.get_running_loop().run_in_executor(self._pool, self.now, read)

    def now(self, read: Callable[[Connection], T]) -> T:
        """Run a query on this thread."""
        try:
            with self._engine.connect() as connection:
                return read(connection)
        except DBAPIError as error:
            if _is_away(error):
                raise StoreUnavailable(f"the database is away: {error.orig}") from error
            raise StoreError(f"the database refused a query: {error.orig}{_advice(error)}") from error

    def close(self) -> None:
        """Let the running queries end, then let go."""
        self._pool.shutdown(wait=True)
        self._engine.dispose()


def columns(table: Table) -> Sequence[ColumnElement[Any]]:
    """A table's columns, with JSON as its text on both databases."""
    return [cast(c, Text).label(c.name) if c.type is DATA else c for c in table.c]


def rows(
    connection: Connection, query: Select[*tuple[Any, ...]], values: Mapping[str, object] | None = None
) -> list[Mapping[str, Any]]:
    """The rows of a query by column name.

    SQLite hands them over as one JSON text: a row at a time would mean one fight for the interpreter lock each.
    """
    if connection.dialect.name != "sqlite":
        return [dict(row) for row in connection.execute(query, values).mappings()]
    whole, names = _as_one_text(query)
    listed = connection.execute(whole, values).scalar_one()
    return [dict(zip(names, found, strict=True)) for found in json.loads(listed)]


@lru_cache(maxsize=256)
def _as_one_text(query: Select[*tuple[Any, ...]]) -> tuple[Select[str], Sequence[str]]:
    """The query with all its rows in one value, made once: making it costs more than running it."""
    inner = query.subquery()
    return select(func.json_group_array(func.json_array(*inner.c))), tuple(inner.c.keys())


def moment(value: str | datetime | None) -> datetime | None:
    """A time as the database gave it."""
    if value is None:
        return None
    return sure(value)


def sure(value: str | datetime) -> datetime:
    """A time that is always there."""
    return (datetime.fromisoformat(value) if isinstance(value, str) else value).astimezone(UTC)


def as_stored(connection: Connection, at: datetime) -> Any:
    """A time as the database compares it: SQLite has texts."""
    return at if connection.dialect.name == "postgresql" else stamp(at)


def money(value: str | Decimal) -> Decimal:
    """An amount as the database gave it."""
    return value if isinstance(value, Decimal) else Decimal(value)


class Restorer:
    """Turns stored JSON back into values, with the blobs it refers to in their places."""

    def __init__(self, connection: Connection, texts: Iterable[str | None]) -> None:
        referring = [text for text in texts if text is not None and '$blob"' in text]
        wanted = set[str]().union(*(blob_refs(json.loads(text)) for text in referring))
        self._blobs = contents(connection, wanted)

    def value(self, text: str | None) -> Json:
        """The value that was stored."""
        if text is None:
            return None
        value: Json = json.loads(text)
        return resolve(value, self._blobs) if '$blob"' in text else value


def contents(connection: Connection, digests: Iterable[str]) -> dict[str, bytes]:
    """Payloads by digest."""
    wanted = sorted(digests)
    if not wanted:
        return {}
    found = connection.execute(select(blobs.c.digest, blobs.c.content).where(blobs.c.digest.in_(wanted)))
    return {digest: bytes(content) for digest, content in found}


def _reading_engine(place: Place, connections: Connections) -> Engine:
    if place.kind == "postgres":
        return create_engine(
            place.sqlalchemy_url,
            pool_size=connections.readers,
            max_overflow=0,
            pool_pre_ping=True,
            connect_args={"prepare_threshold": connections.prepare_after, **NOTICING},
            isolation_level="AUTOCOMMIT",
        )
    return create_engine(
        "sqlite://",
        creator=lambda: _open(place.path),
        poolclass=QueuePool,
        pool_size=connections.readers,
        max_overflow=0,
        isolation_level="AUTOCOMMIT",
    )


def _open(path: str) -> sqlite3.Connection:
    """For reading alone; never makes a file."""
    connection = sqlite3.connect(reading_uri(path), uri=True, timeout=5, check_same_thread=False)
    connection.execute("PRAGMA query_only = ON").close()
    return connection


_OF_A_POOLER: Final = {"26000", "42P05"}
"""A prepared statement that is not there, or is there already: the session is another one than before."""


def _advice(error: DBAPIError) -> str:
    """What to do about it, where that is known."""
    if getattr(error.orig, "sqlstate", None) in _OF_A_POOLER:
        return "; its address is that of a pooler: say so with [postgres] pooler = 'transaction'"
    return ""


def _is_away(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.OperationalError):
        return error.orig.sqlite_errorcode != sqlite3.SQLITE_ERROR
    return error.connection_invalidated or isinstance(error, OperationalError | InterfaceError)
