"""Refused answers on the operators' record: the first at once, the rest counted."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from holdfast.errors import ForgedAnswer, StoreUnavailable
from holdfast.refusals import EVERY_S, Refusals
from holdfast.testing import FakeClock


class Record:
    """What was written."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, int]] = []
        self.away = False

    async def note(self, kind: str, data: dict) -> None:
        if self.away:
            raise StoreUnavailable("away")
        assert kind == "answer.refused"
        self.entries.append((data["channel"], data["reason"], data["count"]))


def told(story: Callable[[Refusals, Record, FakeClock], Awaitable[None]]) -> None:
    async def whole() -> None:
        clock, record = FakeClock(), Record()
        refusals = Refusals(record.note, clock=clock)
        async with asyncio.timeout(20):
            await story(refusals, record, clock)
            await refusals.close()

    asyncio.run(whole())


def test_the_first_is_recorded_at_once_and_the_rest_of_the_minute_as_a_number():
    """A thousand forged answers are two entries."""

    async def story(refusals: Refusals, record: Record, clock: FakeClock) -> None:
        for _ in range(1_000):
            await refusals.record("slack", "bad_signature", "x")
        assert record.entries == [("slack", "bad_signature", 1)]
        await clock.until_sleeping()
        clock.advance(EVERY_S)
        await clock.until_sleeping()
        assert record.entries == [("slack", "bad_signature", 1), ("slack", "bad_signature", 999)]

    told(story)


def test_each_reason_and_channel_is_counted_by_itself():
    """A flood of one kind hides no other."""

    async def story(refusals: Refusals, record: Record, clock: FakeClock) -> None:
        for channel, reason in (("slack", "stale"), ("slack", "stale"), ("slack", "replayed"), ("email", "stale")):
            await refusals.record(channel, reason, "x")
        assert record.entries == [("slack", "stale", 1), ("slack", "replayed", 1), ("email", "stale", 1)]

    told(story)


def test_what_was_only_counted_is_recorded_when_the_door_closes():
    """Nothing of it is lost in an orderly stop."""

    async def story(refusals: Refusals, record: Record, clock: FakeClock) -> None:
        for _ in range(3):
            await refusals.record("slack", "stale", "x")
        await refusals.close()
        assert record.entries == [("slack", "stale", 1), ("slack", "stale", 2)]

    told(story)


def test_what_is_refused_is_refused_also_while_the_database_is_away():
    """It is in the log then."""

    async def story(refusals: Refusals, record: Record, clock: FakeClock) -> None:
        record.away = True
        with pytest.raises(ForgedAnswer):
            async with refusals.of("slack"):
                raise ForgedAnswer("stale")
        assert record.entries == []

    told(story)
