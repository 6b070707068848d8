"""Configured channels are made, and questions go where their people are."""

import asyncio
import base64
from typing import Any

import pytest

from holdfast.config import Settings
from holdfast.errors import ForgedAnswer
from holdfast.notify.inbound.reading import Interactive
from holdfast.notify.routing import make_channels, make_readers, routes
from holdfast.testing import FakeClock
from holdfast.testing.clock import START
from holdfast.types import Address

EVERYTHING: dict[str, Any] = {
    "public_url": "https://h.example",
    "link_key": "k" * 32,
    "slack": {"token": "xoxb", "signing_secret": "s", "channel": "C1"},
    "telegram": {"token": "4711:AA", "secret_token": "s" * 32, "chat": -100},
    "email": {"host": "mail.example", "sender": "h@corp.example", "to": "team@corp.example"},
    "webhook": {"url": "https://corp.example/hook", "secret": "whsec_" + base64.b64encode(b"x" * 32).decode()},
    "people": {
        "Ada": {"groups": ["lead"], "email": "ada@corp.example"},
        "Bob": {"email": "bob@corp.example"},
        "Cem": {"slack": "U3"},
    },
}


def settings(**changes: Any) -> Settings:
    """Everything configured, but for the changes."""
    return Settings.model_validate({**EVERYTHING, **changes})


def test_what_is_configured_is_made():
    """One channel for each table, by its name; making them opens nothing."""
    channels = make_channels(settings(), clock=FakeClock())
    assert list(channels) == ["slack", "telegram", "email", "webhook"]
    assert {channel.name for channel in channels.values()} == set(channels)
    asyncio.run(channels["slack"].close())


def test_what_asks_back_can_be_told_apart():
    """Slack and Telegram can; a mail and a webhook cannot."""
    channels = make_channels(settings(), clock=FakeClock())
    assert [name for name, channel in channels.items() if isinstance(channel, Interactive)] == ["slack", "telegram"]


@pytest.mark.parametrize("name", ["slack", "telegram", "webhook"])
def test_what_comes_in_unsigned_is_refused_everywhere(name: str):
    """Each configured service has its reader, and each wants its proof."""
    with pytest.raises(ForgedAnswer) as refused:
        make_readers(settings())[name](b"{}", headers={}, now=START)
    assert refused.value.reason == "missing_signature"


def test_without_configuration_there_are_no_channels():
    """The console and the command line need none."""
    assert make_channels(Settings(), clock=FakeClock()) == {}
    assert list(routes(Settings())("lead")) == []


def test_a_question_to_a_group_goes_to_its_members_by_mail():
    """To the channels' own places, to each member's address, and to the lists."""
    assert list(routes(settings())("lead")) == [
        Address(channel="slack"),
        Address(channel="telegram"),
        Address(channel="webhook"),
        Address(channel="email", to="Ada"),
        Address(channel="email", to="team@corp.example"),
    ]


def test_a_question_to_nobody_in_particular_goes_to_everybody():
    """Who has an address gets a mail."""
    mailed = [address.to for address in routes(settings())(None) if address.channel == "email"]
    assert mailed == ["Ada", "Bob", "team@corp.example"]
