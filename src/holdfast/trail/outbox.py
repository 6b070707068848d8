"""The trail as an outbox: `ports.Outbox` and `ports.UsedAnswers`, and the record of answers that were refused."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, cast

from sqlalchemy import Connection, select

from holdfast.errors import NotFound
from holdfast.trail import letters
from holdfast.trail.codec import stamp
from holdfast.trail.parts import Parts
from holdfast.trail.requests import Delivered, Note, Resend, Row, Take, Undelivered, UseAnswer
from holdfast.trail.schema import controls
from holdfast.types import Letter, LetterStatus, Outgoing

MOST: Final = 100
"""Deliveries that one call hands out at most."""
_SOONEST_S: Final = 0.25
"""Pause when something is due that could not be taken: another courier, or a decision, is at it."""


class OutboxSide:
    """Hands out deliveries to couriers of live workers, and keeps what became of them."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._heard: dict[str, int] = {}
        """By channel: how often mail had been announced when it was last looked for."""

    async def due(self, worker_id: str, *, channel: str, limit: int, hold_s: float) -> Sequence[Outgoing]:
        """Take deliveries that are due: see `ports.Outbox.due`. Who is no registered worker gets none."""
        self._heard[channel] = self._parts.bell.mails
        now = self._parts.clock.now()
        if limit < 1 or not await self._parts.reader.run(lambda c: letters.any_due(c, channel, now)):
            return ()  # a look costs no transaction
        asked = Take(
            worker_id=worker_id,
            channel=channel,
            limit=min(limit, MOST),
            until=stamp(now + timedelta(seconds=hold_s)),
            at=stamp(now),
        )
        taken = cast("tuple[Row, ...]", await self._parts.write(asked))  # what a `Take` comes to
        return await self._parts.patiently(lambda c: letters.outgoing(c, taken)) if taken else ()

    async def sent(self, outgoing_id: str, *, worker_id: str, ref: str | None) -> None:
        """It is delivered; nothing when another worker holds it by now."""
        at = self._parts.prepare.now()
        await self._parts.write(Delivered(id=outgoing_id, worker_id=worker_id, ref=ref, at=at))

    async def failed(self, outgoing_id: str, *, worker_id: str, error: str, next_at: datetime | None) -> None:
        """It was not delivered: due again at `next_at`, or dead; nothing when another worker holds it."""
        await self._parts.write(
            Undelivered(
                id=outgoing_id,
                worker_id=worker_id,
                error=self._parts.prepare.words(error),
                next_at=stamp(next_at) if next_at else None,
                at=self._parts.prepare.now(),
            )
        )

    async def refs(self, approval_id: str, *, channel: str) -> Sequence[str]:
        """References of the delivered messages about an approval, oldest first."""
        return await self._parts.reader.run(lambda c: letters.refs(c, approval_id, channel))

    async def wait_for_mail(self, channel: str, *, timeout_s: float) -> None:
        """Return when a row of the channel may have become due since it was last looked for, or after `timeout_s`."""
        bell = self._parts.bell
        since = self._heard.get(channel, bell.mails)
        due_at = await self._parts.reader.run(lambda c: letters.next_due(c, channel))
        if due_at is not None:
            wait_s = (due_at - self._parts.clock.now()).total_seconds()
            timeout_s = min(timeout_s, max(wait_s, _SOONEST_S))
        await bell.wait_for_mail(since=since, timeout_s=timeout_s)

    # --- for those who look

    async def letters(self, *, status: LetterStatus | None = None, limit: int = 100) -> Sequence[Letter]:
        """How deliveries stand, newest first."""
        return await self._parts.reader.run(lambda c: letters.listed(c, status=status, limit=limit))

    async def resend(self, outgoing_id: str, *, by: str) -> None:
        """Let a delivery that was given up be tried again.

        Raises:
            NotFound: None of that id was given up.
        """
        at = self._parts.prepare.now()
        if not await self._parts.write(Resend(id=outgoing_id, at=at)):
            raise NotFound(f"no delivery {outgoing_id!r} was given up: holdfast outbox --dead lists those that were")
        await self.note("outbox.retried", {"id": outgoing_id, "by": self._parts.prepare.who(by)})

    # --- answers from outside

    async def was_used(self, key: str) -> bool:
        """Whether that answer was accepted before."""
        return await self._parts.reader.run(lambda c: _has_answer(c, key))

    async def use(self, key: str, *, until: datetime) -> None:
        """Remember it, at least until it would be refused for its age."""
        await self._parts.write(UseAnswer(key=key, until=stamp(until)))

    async def note(self, kind: str, data: dict[str, str | int]) -> None:
        """Put something on the operators' record that changes nothing, such as an answer that was refused."""
        clean = {
            key: self._parts.prepare.words(value) if isinstance(value, str) else value for key, value in data.items()
        }
        await self._parts.write(Note(kind=kind, data=clean, at=self._parts.prepare.now()))


def _has_answer(connection: Connection, key: str) -> bool:
    query = select(controls.c.key).where(controls.c.kind == "answer", controls.c.key == key)
    return connection.execute(query).first() is not None
