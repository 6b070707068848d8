"""Answers that were refused, on the operators' record: at most one entry a minute for each reason and channel."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final, TypeAlias

import structlog

from holdfast.errors import ForgedAnswer, StoreError
from holdfast.ports import Clock

log = structlog.get_logger("holdfast.outside")

EVERY_S: Final = 60.0
_LONGEST: Final = 300
Note: TypeAlias = Callable[[str, dict[str, str | int]], Awaitable[None]]


@dataclass(slots=True)
class _Gathered:
    """Refusals of one kind since the last entry about them."""

    since: float
    count: int = 0
    detail: str = ""


class Refusals:
    """Records refusals without letting an attacker fill the database.

    The first of a kind is recorded at once; what follows within a minute is counted, and recorded as one entry.

    Args:
        note: Writes an entry.
        clock: Time.
    """

    def __init__(self, note: Note, *, clock: Clock) -> None:
        self._note, self._clock = note, clock
        self._kinds: dict[tuple[str, str], _Gathered] = {}
        self._writing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def of(self, channel: str) -> AsyncGenerator[None]:
        """Record what the block refuses as forged, and let it be refused."""
        try:
            yield
        except ForgedAnswer as forged:
            await self.record(channel, forged.reason, str(forged))
            raise

    async def record(self, channel: str, reason: str, detail: str) -> None:
        """Put a refusal on the record, now or with others of its kind."""
        log.warning("answer_refused", channel=channel, reason=reason, detail=detail[:_LONGEST])
        now, kind = self._clock.monotonic(), (channel, reason)
        known = self._kinds.get(kind)
        if known is not None:
            known.count, known.detail = known.count + 1, detail
            if now >= known.since + EVERY_S:
                await self._write(kind, known)
            return
        self._kinds[kind] = _Gathered(now)
        await self._enter(kind, 1, detail)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_the_rest())

    async def close(self) -> None:
        """Record what is still only counted."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
        for kind, gathered in self._kinds.items():
            await self._write(kind, gathered)

    async def _write_the_rest(self) -> None:
        """While anything was refused lately, record each minute what came since."""
        while self._kinds:
            await self._clock.sleep(EVERY_S)
            now = self._clock.monotonic()
            for kind, gathered in [*self._kinds.items()]:
                if now < gathered.since + EVERY_S:
                    continue
                if gathered.count:
                    await self._write(kind, gathered)
                else:
                    del self._kinds[kind]

    async def _write(self, kind: tuple[str, str], gathered: _Gathered) -> None:
        if gathered.count:
            count, gathered.count, gathered.since = gathered.count, 0, self._clock.monotonic()
            await self._enter(kind, count, gathered.detail)

    async def _enter(self, kind: tuple[str, str], count: int, detail: str) -> None:
        channel, reason = kind
        try:
            await self._note(
                "answer.refused", {"channel": channel, "reason": reason, "count": count, "detail": detail[:_LONGEST]}
            )
        except StoreError as error:  # it is in the log, and refused all the same
            log.warning("refusal_not_recorded", channel=channel, reason=reason, count=count, error=str(error))
