"""Questions and alerts in a Slack channel, and the modals that some answers need.

Slack has no key by which it would recognise a message that comes again. Each message carries ours as metadata, and a
second attempt first looks in the channel for what the first one may have left.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final, cast
from urllib.parse import urlencode, urlsplit

from holdfast.config import SlackSettings
from holdfast.errors import DeliveryFailed
from holdfast.notify import blocks
from holdfast.notify.inbound.reading import Wanted
from holdfast.notify.people import People
from holdfast.notify.service import Service
from holdfast.types import Card, Closed, Delivery, Json, Outgoing

_METADATA: Final = "holdfast_delivery"
_CLOCKS_APART_S: Final = 300
_TOO_LONG: Final = frozenset({"invalid_blocks", "msg_blocks_too_long", "msg_too_long"})
_NEVER: Final = frozenset({
    "cant_update_message", "edit_window_closed", "invalid_blocks", "invalid_blocks_format", "invalid_metadata_format",
    "metadata_too_large", "msg_blocks_too_long", "msg_too_long", "no_text",
})  # fmt: skip
"""Errors by which the same message is refused for ever; the others an operator or time can set right."""


class Slack:
    """The port `Channel` for a Slack app.

    Args:
        settings: `[slack]`.
        people: Who is notified of a question to their group.
    """

    name = "slack"

    def __init__(self, settings: SlackSettings, *, people: People) -> None:
        self._settings, self._people = settings, people
        self._service = Service("Slack")

    async def send(self, outgoing: Outgoing) -> str | None:
        """Post a message; where an earlier attempt may have, look for its message first.

        Returns:
            `{"channel": ..., "ts": ...}`.

        Raises:
            DeliveryFailed: Slack did not take it.
        """
        if outgoing.attempts > 1 and (found := await self._find(outgoing)):
            return found
        delivery = outgoing.delivery
        mentions = self._mentions(delivery) if isinstance(delivery, Card) else ()
        said = await self._show(
            "chat.postMessage",
            delivery,
            mentions=mentions,
            channel=self._settings.channel,
            metadata={"event_type": _METADATA, "event_payload": {"id": outgoing.id}},
            unfurl_links=False,
            unfurl_media=False,
        )
        return json.dumps({"channel": said.get("channel"), "ts": said.get("ts")})

    async def update(self, ref: str, closed: Closed) -> None:
        """Take a message's buttons away and say what became of its question.

        Raises:
            DeliveryFailed: Slack did not take it.
        """
        where = cast("Mapping[str, Json]", json.loads(ref))
        try:
            await self._show("chat.update", closed, channel=where["channel"], ts=where["ts"])
        except _Refused as refused:
            if refused.error != "message_not_found":  # somebody deleted it: nothing is left to be out of date
                raise

    async def ask(self, wanted: Wanted, *, arguments: Json = None) -> None:
        """Open the modal that a pressed button needs. Slack allows three seconds for it.

        Args:
            wanted: What was pressed.
            arguments: The approval's, to begin an edit with.

        Raises:
            DeliveryFailed: Slack did not open it; the person may press again.
        """
        view = blocks.modal(wanted.approval_id, wanted.answer, wanted.asks, arguments=arguments)
        await self._call("views.open", trigger_id=wanted.reply_to, view=view)

    async def reply(self, reply_to: str, text: str) -> None:
        """Tell whoever pressed a button something that only they see.

        Raises:
            DeliveryFailed: Slack did not take it, or `reply_to` is no address of Slack.
        """
        if urlsplit(reply_to)[:2] not in (("https", "hooks.slack.com"), urlsplit(self._settings.base_url)[:2]):
            raise DeliveryFailed("the address to reply to is not Slack's", permanent=True)
        body = {"response_type": "ephemeral", "replace_original": False, "text": blocks.escaped(text)}
        content = json.dumps(body).encode()
        response = await self._service.post(reply_to, content=content, headers={"content-type": "application/json"})
        if response.status >= 400:
            raise DeliveryFailed(f"Slack answered {response.status}", permanent=True)

    async def close(self) -> None:
        """Let go of connections."""
        await self._service.close()

    def _mentions(self, card: Card) -> Sequence[str]:
        """Who is notified: the group that is asked. A question to everybody notifies as the channel is set to."""
        if card.group is None:
            return ()
        return [person.slack for person in self._people.of(card.group) if person.slack and card.group in person.groups]

    async def _find(self, outgoing: Outgoing) -> str | None:
        """The message of an earlier attempt, if it got there and we may look."""
        try:
            said = await self._look(
                "conversations.history",
                channel=self._settings.channel,
                oldest=f"{outgoing.queued_at.timestamp() - _CLOCKS_APART_S:.6f}",
                include_all_metadata="true",
                limit="999",
            )
        except _Refused:
            return None  # without the scope to look, a message that comes twice beats one that does not come
        for message in cast("Sequence[Mapping[str, Json]]", said.get("messages") or ()):
            metadata = cast("Mapping[str, Mapping[str, Json]]", message.get("metadata") or {})
            if metadata.get("event_payload", {}).get("id") == outgoing.id:
                return json.dumps({"channel": self._settings.channel, "ts": message.get("ts")})
        return None

    async def _show(
        self, method: str, delivery: Delivery, *, mentions: Sequence[str] = (), **arguments: Json
    ) -> Mapping[str, Json]:
        """Put a delivery into a message, in brief if it is too long for Slack: how Slack counts is not documented."""
        text = blocks.fallback(delivery)
        full = blocks.blocks(delivery, mentions=mentions)
        try:
            return await self._call(method, text=text, blocks=full, **arguments)
        except _Refused as refused:
            if refused.error not in _TOO_LONG:
                raise
            brief = blocks.blocks(delivery, mentions=mentions, brief=True)
            return await self._call(method, text=text, blocks=brief, **arguments)

    async def _call(self, method: str, **arguments: Json) -> Mapping[str, Json]:
        """A method that writes: those take JSON."""
        content = json.dumps(arguments, ensure_ascii=False).encode()
        return await self._said(method, content, "application/json; charset=utf-8")

    async def _look(self, method: str, **arguments: str) -> Mapping[str, Json]:
        """A method that reads: those take forms only."""
        return await self._said(method, urlencode(arguments).encode(), "application/x-www-form-urlencoded")

    async def _said(self, method: str, content: bytes, media_type: str) -> Mapping[str, Json]:
        """What Slack says. It says 200 to nearly everything; `ok` tells."""
        token = self._settings.token.get_secret_value()
        headers = {"content-type": media_type, "authorization": f"Bearer {token}"}
        response = await self._service.post(f"{self._settings.base_url}/{method}", content=content, headers=headers)
        said = response.json()
        if said.get("ok") is True:
            return said
        raise _Refused(method, str(said.get("error") or f"status {response.status}"))


class _Refused(DeliveryFailed):
    """Slack understood, and said no."""

    def __init__(self, method: str, error: str) -> None:
        super().__init__(f"Slack refused {method}: {error}", permanent=error in _NEVER)
        self.error = error
