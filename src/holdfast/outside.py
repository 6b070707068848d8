"""What comes from outside: answers by channel or mail link, verified, decided once, or refused on the record."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Literal

import structlog

from holdfast.answers import Answers
from holdfast.composition import Parts
from holdfast.errors import (
    AlreadyDecided,
    DeliveryFailed,
    ForgedAnswer,
    JournalBroken,
    NotEntitled,
    NotFound,
    Refused,
    UsageError,
)
from holdfast.notify.inbound import hook, links
from holdfast.notify.inbound.links import Invitation
from holdfast.notify.inbound.once import refuse_replay
from holdfast.notify.inbound.reading import Answered, Interactive, Read, Reading, Unfit, Wanted
from holdfast.notify.message import verdict
from holdfast.notify.people import People
from holdfast.ports import Channel
from holdfast.refusals import Refusals
from holdfast.trail.letters import card_of
from holdfast.trail.subscriptions import SubscriptionSide
from holdfast.trail.trail import Trail
from holdfast.types import Approval, Card, Closed, Execution

log = structlog.get_logger("holdfast.outside")

_REMEMBERED: Final = timedelta(days=30)
"""For how long a post counts as delivered whose sender signs no time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What came of something that somebody sent."""

    outcome: Literal["decided", "late", "refused", "unfit", "asked", "ignored"]
    """`late`: somebody was faster; `refused`: it is not theirs to decide; `unfit`: it is no answer to this; `asked`:
    they are asked for more."""
    text: str = ""
    """For the person."""
    channel: str = ""
    reply_to: str | None = None
    """Where `tell` says it; `None`: in the response."""
    field: str | None = None
    """The field of a Slack modal that it is about."""
    approval: Approval | None = None


class Outside:
    """Takes answers in. Made by `app.outside()`.

    Args:
        parts: The app's.
        answers: What decides.
        trail: Where used answers are remembered, and refused ones recorded.
        channels: To ask back and to tell how it went.
        readers: What verifies and reads, by channel.
    """

    def __init__(
        self,
        parts: Parts,
        answers: Answers,
        *,
        trail: Trail,
        channels: Mapping[str, Channel],
        readers: Mapping[str, Read],
    ) -> None:
        self._parts, self._answers, self._trail = parts, answers, trail
        self._channels, self._readers = channels, readers
        self.refusals = Refusals(trail.note, clock=parts.clock)
        """What was refused, on its way to the operators' record."""

    @property
    def subscriptions(self) -> SubscriptionSide:
        """Where clients of protocols want to be told of executions."""
        return self._trail

    async def receive(self, channel: str, body: bytes, *, headers: Mapping[str, str]) -> Taken:
        """Take in what a channel's service posts.

        Args:
            channel: `slack`, `telegram` or `webhook`.
            body: As it came.
            headers: With names in any case.

        Raises:
            NotFound: That channel is not configured.
            ForgedAnswer: It is not from the service, too old, played again, or from nobody we know; on the record.
            StoreError: The database is away: the service should send it again.
        """
        if (read := self._readers.get(channel)) is None:
            raise NotFound(f"channel {channel!r} is not configured")
        async with self.refusals.of(channel):
            return await self._heed(read(body, headers=headers, now=self._parts.clock.now()))

    async def hook(self, name: str, body: bytes, *, headers: Mapping[str, str]) -> Execution:
        """Start what a signed post asks for; delivered again, it is the same execution.

        Args:
            name: Of `[hooks.NAME]`.
            body: As it came.
            headers: With names in any case.

        Raises:
            NotFound: There is no such hook, or this app has no such agent.
            ForgedAnswer: It is not from the sender, too old, or somebody's copy of an earlier one; on the record.
            StoreError: The database is away: the sender should deliver it again.
        """
        if (settings := self._parts.settings.hooks.get(name)) is None:
            raise NotFound("there is no such hook")
        key_of = f"hook:{name}"
        now = self._parts.clock.now()
        async with self.refusals.of(key_of):
            posted = hook.read(body, headers=headers, settings=settings, now=now)
            key = f"{key_of}:{posted.id}"
            once = f"{key_of}:{posted.once}"
            if posted.once and await self._trail.was_used(once) and not await self._trail.has_key(settings.agent, key):
                raise ForgedAnswer("replayed", "a post that was delivered before, under another id")
        new = self._parts.new_execution(
            settings.agent, posted.asked, user=settings.user, priority=settings.priority, idempotency_key=key,
            origin={"hook": name, "delivery": posted.id},
        )  # fmt: skip
        execution = await self._trail.start(new)
        if posted.once:
            await self._trail.use(once, until=now + _REMEMBERED)
        return execution

    async def invited(self, token: str) -> tuple[Invitation, Approval]:
        """Whom a mail's link is for, and the question as it stands. Decides nothing.

        Raises:
            ForgedAnswer: The link is forged, altered or too old, or its person is gone; on the record.
            NotFound: There is no such approval, or links are not configured.
        """
        if (key := self._parts.settings.link_key) is None:
            raise NotFound("links to answer by are not configured: set link_key")
        async with self.refusals.of("email"):
            invitation = links.opened(token, key=key, now=self._parts.clock.now())
            self._people().behind("email", invitation.person)
        return invitation, await self._trail.approval(invitation.approval_id)

    async def take(self, answered: Answered) -> Taken:
        """Decide what a verified person answered.

        Raises:
            ForgedAnswer: It was played again, or nobody knows the person; on the record.
        """
        async with self.refusals.of(answered.channel):
            return await self._decide(answered)

    async def tell(self, taken: Taken) -> None:
        """Say to whoever answered how it went. It is only said: what was decided stands either way."""
        channel = self._channels.get(taken.channel)
        if taken.reply_to is None or not taken.text or not isinstance(channel, Interactive):
            return
        try:
            await channel.reply(taken.reply_to, taken.text)
        except DeliveryFailed as failed:
            log.warning("not_told", channel=taken.channel, error=str(failed))

    async def close(self) -> None:
        """Write down what was refused, and let go of connections."""
        await self.refusals.close()
        for channel in self._channels.values():
            await channel.close()

    async def _heed(self, reading: Reading) -> Taken:
        match reading:
            case None:
                return Taken(outcome="ignored")
            case Answered():
                return await self._decide(reading)
            case Wanted():
                return await self._ask(reading)
            case Unfit(channel=channel, identity=identity, text=text, reply_to=reply_to, field=field):
                self._people().behind(channel, identity)
                return Taken(outcome="unfit", text=text, channel=channel, reply_to=reply_to, field=field)

    async def _ask(self, wanted: Wanted) -> Taken:
        """Open what takes the words that a pressed button needs."""
        self._people().behind(wanted.channel, wanted.identity)
        channel = self._channels[wanted.channel]
        if not isinstance(channel, Interactive):
            return Taken(outcome="unfit", text="This channel cannot ask.", channel=wanted.channel)
        approval = await self._trail.approval(wanted.approval_id)
        try:
            await channel.ask(wanted, arguments=approval.arguments)
        except DeliveryFailed as failed:
            log.warning("not_asked", channel=wanted.channel, error=str(failed))
        return Taken(outcome="asked", channel=wanted.channel)

    async def _decide(self, answered: Answered) -> Taken:
        person = self._people().behind(answered.channel, answered.identity)
        await refuse_replay(answered, self._trail)
        try:
            approval = await self._answers.decide(
                answered.approval_id, answered.answer, by=person.name, note=answered.note, edit=answered.edit
            )
        except AlreadyDecided as late:
            return _said(answered, "late", str(late))
        except NotEntitled as error:
            await self.refusals.record(answered.channel, "not_entitled", str(error))
            return _said(answered, "refused", str(error))
        except (UsageError, Refused, JournalBroken) as error:
            return _said(answered, "unfit", str(error))
        # After the decision: an answer that is marked first and then lost in a crash could never be given again.
        await self._trail.use(answered.once, until=answered.until)
        return _said(answered, "decided", _standing(approval), approval)

    def _people(self) -> People:
        """Who is known now: somebody taken out of the file a minute ago is nobody."""
        return People.configured(self._parts.people_settings())


@asynccontextmanager
async def open_to_outside(parts: Parts, answers: Answers) -> AsyncGenerator[Outside]:
    """What takes answers in, while the block runs."""
    from holdfast.notify.routing import make_channels, make_readers  # noqa: PLC0415 - HTTP clients

    settings = parts.settings
    opened = Outside(
        parts,
        answers,
        trail=await parts.trail(),
        channels=make_channels(settings, clock=parts.clock),
        readers=make_readers(settings),
    )
    try:
        yield opened
    finally:
        await opened.close()


def shown(approval: Approval) -> Card:
    """A question as people see it."""
    return card_of(approval, group=approval.reviewers)


def became(approval: Approval) -> str:
    """What became of a question: `Approved by Ada at 10:32 UTC`."""
    at = approval.decided_at or approval.expires_at
    return verdict(
        Closed(
            card=shown(approval),
            status=approval.status,
            at=at,
            by=approval.decided_by,
            edited=approval.edit is not None,
        )
    )


def _standing(approval: Approval) -> str:
    if approval.status != "open":
        return became(approval)
    yes = sum(vote.answer == "approve" for vote in approval.votes)
    return f"Your yes counts: {yes} of {approval.quorum}. It waits for others."


def _said(
    answered: Answered,
    outcome: Literal["decided", "late", "refused", "unfit"],
    text: str,
    approval: Approval | None = None,
) -> Taken:
    return Taken(
        outcome=outcome,
        text=text[:1].upper() + text[1:],
        channel=answered.channel,
        reply_to=answered.reply_to,
        field=answered.field,
        approval=approval,
    )
