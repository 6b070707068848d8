"""Finds payloads that nobody refers to any more: every row that may name one is looked at."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Integer, Text, cast, func, literal_column, or_, select

from holdfast.trail.reader import Reader
from holdfast.trail.schema import DATA, blobs, metadata

UNUSED: Final = timedelta(hours=24)
"""A payload that was stored or used again within this time stays: what refers to it may not be written yet."""
_DIGEST: Final = re.compile("[0-9a-f]{64}")
_ROWS: Final = 20_000
"""Rows that one look at a table of a file takes in: a longer one would keep the file's log from being written over."""


def unnamed(reader: Reader) -> set[str]:
    """Digests of payloads that no row names; read outside the event loop. Rows that are written meanwhile do not count.

    Whoever names one meanwhile stores it anew, so that it is not `UNUSED`.
    """
    left = set(reader.now(_digests))
    for table in metadata.sorted_tables:
        named = [cast(column, Text) for column in table.c if column.type is DATA]
        if not left:
            return left
        if not named:
            continue
        hints = or_(*(text.like('%blob"%') for text in named))
        for look in _looks(reader, table.name):
            query = select(*named).select_from(table).where(hints, *look)
            reader.now(lambda connection, query=query: _strike(connection, query, left))
    return left


def _digests(connection: Connection) -> list[str]:
    return list(connection.execute(select(blobs.c.digest)).scalars())


def _looks(reader: Reader, table: str) -> Iterator[list[Any]]:
    """A table in parts; PostgreSQL minds no long look."""
    if not reader.now(lambda connection: connection.dialect.name == "sqlite"):
        yield []
        return
    rowid = literal_column(f"{table}.rowid", Integer)
    last = reader.now(lambda connection: connection.execute(select(func.max(rowid)).select_from(_of(table))).scalar())
    for start in range(0, int(last or 0), _ROWS):
        yield [rowid > start, rowid <= start + _ROWS]


def _of(table: str) -> Any:
    return metadata.tables[table]


def _strike(connection: Connection, query: Any, left: set[str]) -> None:
    """Take away those that rows name: anything that looks like a digest counts."""
    connection.exec_driver_sql("BEGIN")  # PostgreSQL hands rows over in parts only within one
    for row in connection.execute(query.execution_options(yield_per=1_000)):
        for text in row:
            if text is not None:
                left.difference_update(_DIGEST.findall(text))
    connection.exec_driver_sql("ROLLBACK")


def cutoff(now: datetime) -> datetime:
    """Since when a payload must not have been used to be forgotten."""
    return now - UNUSED
