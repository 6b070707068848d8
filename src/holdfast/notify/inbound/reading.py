"""What was read from a verified message: an answer, a wish to be asked more, or words that are neither."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias, runtime_checkable

from holdfast.notify.message import Asks
from holdfast.types import Answer, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Somebody answered. Whether they may, and whether the question is still open, is to be seen."""

    channel: str
    identity: str
    """Who, as the channel calls them; `People.behind` knows their name."""
    approval_id: str
    answer: Answer
    note: str | None = None
    edit: Json = None
    once: str
    """The same when it is played again: for `UsedAnswers`."""
    until: datetime
    """From when on it would be refused for its age."""
    reply_to: str | None = None
    """Where the channel's `reply` tells the person how it went; `None`: in the response to this request."""
    field: str | None = None
    """The field of a Slack modal that a refusal is shown at (`inbound.slack.refusal`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Somebody pressed what needs words first: open the channel's way to give them, `Slack.ask` or `Telegram.ask`."""

    channel: str
    identity: str
    approval_id: str
    answer: Answer
    asks: Asks
    reply_to: str
    """Slack: the trigger of a modal; Telegram: the chat and the button to acknowledge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfit:
    """Somebody said something that is no answer; tell them what would be."""

    channel: str
    identity: str
    text: str
    reply_to: str | None = None
    field: str | None = None


Reading: TypeAlias = Answered | Wanted | Unfit | None
"""`None`: nothing that concerns us; say 200 and do nothing."""


class Read(Protocol):
    """Verifies a request from a service and reads it."""

    def __call__(self, body: bytes, *, headers: Mapping[str, str], now: datetime) -> Reading:
        """What somebody did.

        Raises:
            ForgedAnswer: It is not from the service, too old, or not as the service makes them.
        """
        ...


@runtime_checkable
class Interactive(Protocol):
    """A channel that can ask back and tell how it went: Slack and Telegram."""

    async def ask(self, wanted: Wanted, *, arguments: Json = None) -> None:
        """Ask for the words that a pressed button needs; `arguments` are the approval's, to begin an edit with.

        Raises:
            DeliveryFailed: The service did not take it; the person may press again.
        """
        ...

    async def reply(self, reply_to: str, text: str) -> None:
        """Tell whoever answered how it went.

        Raises:
            DeliveryFailed: The service did not take it.
        """
        ...


def parsed(text: str) -> Json:
    """JSON that somebody typed.

    Raises:
        ValueError: It is none; the message says where it breaks.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _refuse(constant: str) -> Json:
    raise ValueError(f"{constant} is no number in JSON")
