"""The trail as a journal: `ports.Journal`."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from hashlib import sha256

from holdfast.trail import queries
from holdfast.trail.codec import NewBlob, canonical, stamp
from holdfast.trail.parts import Parts
from holdfast.trail.requests import KeepBlob, KeepResult
from holdfast.trail.shared import Shared
from holdfast.types import Append, Appended, Event, GoodResult

_LATELY = timedelta(hours=1)
"""A payload that was stored before is stored again, so that it counts as new: pruning leaves it alone."""


class JournalSide:
    """Appends, and reads what was appended."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._news: Shared[Sequence[Event]] = Shared()
        self.on_append: list[Callable[[Append, Appended], None]] = []
        """Who hears of each step that this process made durable, right after the commit. They raise nothing."""

    async def append(self, append: Append) -> Appended:
        """Make one step durable: see `ports.Journal.append`."""
        result = await self._parts.write(self._parts.prepare.append(append))
        assert isinstance(result, Appended)  # noqa: S101 - what an append comes to
        for hear in self.on_append:
            hear(append, result)
        return result

    async def events(self, execution_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[Event]:
        """Events with a sequence number above `after`, in order.

        Raises:
            UnknownRecord: One of them was written by a newer Holdfast.
        """
        return await self._parts.reader.run(lambda c: queries.journal(c, execution_id, after=after, limit=limit))

    async def news(self, execution_id: str, *, after: int, limit: int) -> Sequence[Event]:
        """As `events`, read once for all who follow the execution and are as far."""
        return await self._news.ask(
            (execution_id, after, limit), lambda: self.events(execution_id, after=after, limit=limit)
        )

    async def cancel_requested(self, execution_id: str) -> bool:
        """Whether somebody asked to cancel."""
        return await self._parts.patiently(lambda c: queries.cancel_requested(c, execution_id))

    async def blob(self, digest: str) -> bytes:
        """A stored payload by its SHA-256."""
        return await self._parts.reader.run(lambda c: queries.blob(c, digest))

    async def put_blob(self, content: bytes, *, media_type: str) -> str:
        """Store a payload once, durably, and return its SHA-256."""
        digest = sha256(content).hexdigest()
        lately = self._parts.clock.now() - _LATELY
        if not await self._parts.reader.run(lambda c: queries.has_blob(c, digest, since=lately)):
            blob = NewBlob(digest=digest, content=content, media_type=media_type)
            await self._parts.write(KeepBlob(blob=blob, at=self._parts.prepare.now()))
        return digest

    async def keep_result(self, result: GoodResult, *, max_age_s: float) -> None:
        """Keep a tool's good result: see `ports.Journal.keep_result`."""
        now = self._parts.clock.now()
        row = (
            result.tool, result.key, result.schema_hash, result.execution_id,
            None if result.output is None else canonical(result.output), result.content, stamp(now),
        )  # fmt: skip
        await self._parts.write(KeepResult(row=row, stale_before=stamp(now - timedelta(seconds=max_age_s))))

    async def last_result(self, tool: str, key: str, *, schema_hash: str, max_age_s: float) -> GoodResult | None:
        """The kept result of a tool under a key, unless it is older or of another version of the tool."""
        found = await self._parts.patiently(lambda c: queries.good_result(c, tool, key, now=self._parts.clock.now()))
        if found is None or found.schema_hash != schema_hash or found.age_s > max_age_s:
            return None
        return found
