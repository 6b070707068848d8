"""Following a journal misses nothing, however the reading falls."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from holdfast import Agent, App, Conversation, Say
from holdfast.trail import events as kinds
from holdfast.trail.follow import follow_events
from holdfast.types import Event


class Reading:
    """A record whose first reading is over just before something happens."""

    def __init__(self, record: Any, happens: Callable[[], Awaitable[object]]) -> None:
        self._record, self._happens = record, happens

    async def news(self, execution_id: str, *, after: int, limit: int) -> Sequence[Event]:
        found = await self._record.events(execution_id, after=after, limit=limit)
        if self._happens:
            happens, self._happens = self._happens, None
            await happens()
        return found

    def __getattr__(self, name: str) -> Any:
        return getattr(self._record, name)


def says(_: Conversation) -> Say:
    return Say("done")


def test_an_end_right_after_the_first_reading_is_told(sqlite_database: str) -> None:
    """Who resumes behind the newest event gets what came while it was looked up."""

    async def story() -> list[str]:
        async with App([Agent(name="helper", models=[says])], sqlite_database) as app:
            execution = await app.start("helper", "hello")
            record = Reading(await app._open(), lambda: app.resume(execution.id))
            followed = follow_events(record, execution.id, after=execution.last_seq, follow=True)
            async with asyncio.timeout(20):
                return [event.kind async for event in followed]

    assert asyncio.run(story())[-1] == kinds.COMPLETED
