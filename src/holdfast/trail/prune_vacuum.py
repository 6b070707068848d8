"""Gives the free space of a SQLite file back to the disk."""

from datetime import UTC, datetime

from holdfast.errors import IllegalTransition, StoreUnavailable, UsageError
from holdfast.trail.codec import stamp
from holdfast.trail.place import locate
from holdfast.trail.queries import live_workers
from holdfast.trail.reader import Reader
from holdfast.trail.sqlite import connect


def vacuum(database: str) -> None:
    """Write the file anew without its free pages; everybody else waits, so nobody may work.

    Pruning alone makes no file smaller: what is free is used for what comes.

    Raises:
        UsageError: It is PostgreSQL, which looks after its free space itself.
        IllegalTransition: A worker is alive.
        StoreUnavailable: Somebody is writing, or the disk has no room for a second copy.
    """
    place = locate(database)
    if place.kind != "sqlite":
        raise UsageError("--vacuum is for a SQLite file: PostgreSQL's autovacuum makes room for what comes")
    reader = Reader(place)
    try:
        working = reader.now(lambda connection: live_workers(connection, stamp(datetime.now(UTC))))
    finally:
        reader.close()
    if working:
        raise IllegalTransition(f"{len(working)} workers are alive and would wait: stop them before --vacuum")
    connection = connect(place.path, busy_ms=5_000)
    try:
        connection.execute("VACUUM").close()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").close()
    except Exception as error:
        raise StoreUnavailable(f"the file could not be written anew: {error}") from error
    finally:
        connection.close()
