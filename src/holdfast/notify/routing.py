"""Which channels are configured, where a question to a group goes, and how what comes in is read."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

from holdfast.config import Settings
from holdfast.notify.email import Email
from holdfast.notify.inbound import slack, telegram, webhook
from holdfast.notify.inbound.reading import Read
from holdfast.notify.people import People
from holdfast.notify.slack import Slack
from holdfast.notify.telegram import Telegram
from holdfast.notify.webhook import Webhook
from holdfast.ports import Channel, Clock
from holdfast.types import Address

Routes: TypeAlias = Callable[[str | None], Sequence[Address]]
"""Where a delivery to a group (`None`: to everybody) goes: one row of the outbox for each address."""


def make_channels(settings: Settings, *, clock: Clock) -> dict[str, Channel]:
    """The configured channels by name. Opens nothing yet."""
    people = People.configured(settings)
    channels: list[Channel] = []
    if settings.slack:
        channels.append(Slack(settings.slack, people=people))
    if settings.telegram:
        channels.append(Telegram(settings.telegram))
    if settings.email and settings.public_url and settings.link_key:
        channels.append(
            Email(settings.email, people=people, public_url=settings.public_url, link_key=settings.link_key)
        )
    if settings.webhook:
        channels.append(Webhook(settings.webhook, clock=clock))
    return {channel.name: channel for channel in channels}


def routes(settings: Settings) -> Routes:
    """Where deliveries go, as it is configured: each channel's own place, and by mail to each person of the group."""
    people = People.configured(settings)
    places = [Address(channel=name) for name in ("slack", "telegram", "webhook") if getattr(settings, name)]
    lists = [Address(channel="email", to=to) for to in settings.email.to] if settings.email else []

    def of(group: str | None) -> Sequence[Address]:
        if settings.email is None:
            return places
        mailed = [Address(channel="email", to=person.name) for person in people.of(group) if person.email]
        return [*places, *mailed, *lists]

    return of


def make_readers(settings: Settings) -> dict[str, Read]:
    """How requests from the configured services are read, by the channel's name. Links are read by `inbound.links`."""
    readers: dict[str, Read] = {}
    if settings.slack:
        readers["slack"] = partial(slack.read, signing_secret=settings.slack.signing_secret)
    if settings.telegram:
        readers["telegram"] = partial(telegram.read, settings=settings.telegram)
    if settings.webhook:
        readers["webhook"] = partial(webhook.read, secret=settings.webhook.secret)
    return readers
