"""`holdfast channels`: which ways to people are configured, and whether they work."""

from datetime import UTC, datetime
from typing import Literal

from holdfast.config import Settings
from holdfast.doors import exits
from holdfast.doors.logs import write_logs
from holdfast.doors.options import COMMON, Common
from holdfast.doors.screen import emit, note, say
from holdfast.engine.clock import SystemClock, new_id
from holdfast.errors import NotFound, UsageError
from holdfast.notify.routing import make_channels
from holdfast.notify.telegram import Telegram
from holdfast.ports import Channel
from holdfast.types import Address, Notice, Outgoing


async def channels(
    action: Literal["list", "test", "connect"] = "list", name: str | None = None, /, *, common: Common = COMMON
) -> int:
    """List the configured channels, send a test message to one, or tell Telegram where answers go.

    Args:
        action: list; test sends a message; connect tells Telegram its webhook, once.
        name: slack, telegram, email or webhook.
        common: What every command takes.
    """
    settings = Settings.load()
    write_logs(settings)
    found = make_channels(settings, clock=SystemClock())
    try:
        if action == "list":
            return _listed(found, common)
        channel = _named(found, name)
        if action == "connect":
            return await _connected(channel, settings, common)
        await channel.send(_test(channel.name))
        return _done(f"{channel.name} took a test message", {"tested": channel.name}, common)
    finally:
        for channel in found.values():
            await channel.close()


def _listed(found: dict[str, Channel], common: Common) -> int:
    if common.json:
        for name in found:
            emit({"channel": name})
    elif found:
        say(*found)
    else:
        note("no channel is configured: add [slack], [telegram], [email] or [webhook] to holdfast.toml")
    return exits.OK


def _named(found: dict[str, Channel], name: str | None) -> Channel:
    if name is None:
        raise UsageError(f"which channel? configured are: {', '.join(found) or 'none'}")
    if name not in found:
        raise NotFound(f"channel {name!r} is not configured; configured are: {', '.join(found) or 'none'}")
    return found[name]


async def _connected(channel: Channel, settings: Settings, common: Common) -> int:
    if not isinstance(channel, Telegram):
        raise UsageError(f"{channel.name} needs no connecting; telegram does")
    if settings.public_url is None:
        raise UsageError(
            "Telegram has to know where answers go: set public_url to the https:// address of holdfast serve"
        )
    url = f"{settings.public_url}/channels/telegram"
    await channel.connect(url)
    return _done(f"Telegram posts answers to {url}", {"connected": "telegram", "url": url}, common)


def _test(name: str) -> Outgoing:
    now = datetime.now(UTC)
    notice = Notice(
        key="test", title="A test of Holdfast", body="This channel works.", severity="info", state="firing", at=now
    )
    return Outgoing(id=new_id(), address=Address(channel=name), delivery=notice, attempts=1, queued_at=now)


def _done(told: str, record: object, common: Common) -> int:
    if common.json:
        emit(record)
    else:
        say(told)
    return exits.OK
