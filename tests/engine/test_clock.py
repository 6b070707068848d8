"""Ids sort by time and never repeat."""

import threading
import time
import uuid

from holdfast.engine.clock import SystemClock, new_id


def test_an_id_is_a_uuid_of_now():
    """An id is a well-formed UUIDv7 that tells when it was made."""
    before = time.time_ns() // 1_000_000
    identity = uuid.UUID(new_id())
    assert (identity.version, identity.variant) == (7, uuid.RFC_4122)
    assert before <= identity.int >> 80 <= time.time_ns() // 1_000_000 + 1


def test_ids_grow():
    """Ids made one after the other sort in that order, as text."""
    ids = [new_id() for _ in range(20_000)]
    assert ids == sorted(set(ids))


def test_threads_share_one_order():
    """Threads that make ids at once never make one twice."""
    made: list[list[str]] = [[] for _ in range(4)]

    def make(ids: list[str]) -> None:
        ids.extend(new_id() for _ in range(2_000))

    threads = [threading.Thread(target=make, args=(ids,)) for ids in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({identity for ids in made for identity in ids}) == 8_000
    assert all(ids == sorted(ids) for ids in made)


def test_the_wall_clock_knows_its_zone():
    """Times carry UTC, so that nobody guesses."""
    assert SystemClock().now().utcoffset().total_seconds() == 0  # type: ignore[union-attr]
