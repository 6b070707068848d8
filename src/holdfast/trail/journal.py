"""The trail as a journal: `ports.Journal`."""

from collections.abc import Sequence
from hashlib import sha256

from holdfast.trail import queries
from holdfast.trail.codec import NewBlob
from holdfast.trail.parts import Parts
from holdfast.trail.requests import KeepBlob
from holdfast.types import Append, Appended, Event


class JournalSide:
    """Appends, and reads what was appended."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def append(self, append: Append) -> Appended:
        """Make one step durable: see `ports.Journal.append`."""
        result = await self._parts.write(self._parts.prepare.append(append))
        assert isinstance(result, Appended)  # noqa: S101 - what an append comes to
        return result

    async def events(self, execution_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[Event]:
        """Events with a sequence number above `after`, in order.

        Raises:
            UnknownRecord: One of them was written by a newer Holdfast.
        """
        return await self._parts.reader.run(lambda c: queries.journal(c, execution_id, after=after, limit=limit))

    async def cancel_requested(self, execution_id: str) -> bool:
        """Whether somebody asked to cancel."""
        return await self._parts.patiently(lambda c: queries.cancel_requested(c, execution_id))

    async def blob(self, digest: str) -> bytes:
        """A stored payload by its SHA-256."""
        return await self._parts.reader.run(lambda c: queries.blob(c, digest))

    async def put_blob(self, content: bytes, *, media_type: str) -> str:
        """Store a payload once, durably, and return its SHA-256."""
        digest = sha256(content).hexdigest()
        if not await self._parts.reader.run(lambda c: queries.has_blob(c, digest)):
            blob = NewBlob(digest=digest, content=content, media_type=media_type)
            await self._parts.write(KeepBlob(blob=blob, at=self._parts.prepare.now()))
        return digest
