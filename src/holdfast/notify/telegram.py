"""Questions and alerts in a Telegram chat, with buttons, and prompts for the words that some answers need.

Telegram has no key by which it would recognise a message that comes again, and a bot cannot look back: after a crash
between a message and its record the message may come twice, and either one works.
"""

import json
import logging
import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Final, cast

from pydantic import SecretStr

from holdfast.config import TelegramSettings
from holdfast.errors import DeliveryFailed
from holdfast.notify.inbound.reading import Wanted
from holdfast.notify.mark import Mark
from holdfast.notify.message import Choice, as_text, choices, clipped, elsewhere, facts, headline, verdict
from holdfast.notify.service import Service
from holdfast.types import Card, Closed, Delivery, Json, Notice, Outgoing

_HEADLINE_LIMIT: Final = 600
_WORDS_LIMIT: Final = 400
_ARGUMENTS_LIMIT: Final = 1_800
_LINE_LIMIT: Final = 80
"""UTF-16 units of each part. With what else there is they stay under the 4,096 that Telegram takes after it has read
the markup (https://core.telegram.org/bots/api#sendmessage)."""
_DATA_LIMIT: Final = 64
"""Bytes that a button can carry."""
_TOKEN: Final = re.compile(r"/bot[^/\s\"']+")
_CHATTY: Final = ("httpx2", "httpcore2.http11", "httpcore2.http2", "httpcore2.connection", "httpcore2.proxy")
_MOOT: Final = ("message is not modified", "message to edit not found")
"""What an edit is told that was made before, or whose message somebody deleted."""
_NEVER: Final = ("message can't be edited", "message is too long", "can't parse entities")


class Telegram:
    """The port `Channel` for a Telegram bot.

    Args:
        settings: `[telegram]`.
    """

    name = "telegram"

    def __init__(self, settings: TelegramSettings) -> None:
        self._settings = settings
        self._service = Service("Telegram")
        _hide_tokens()

    async def send(self, outgoing: Outgoing) -> str | None:
        """Send a message.

        Returns:
            `{"chat": ..., "message": ...}`.

        Raises:
            DeliveryFailed: Telegram did not take it.
        """
        said = await self._call(
            "sendMessage",
            chat_id=self._settings.chat,
            text=text(outgoing.delivery, key=self._settings.secret_token),
            parse_mode="HTML",
            link_preview_options={"is_disabled": True},
            **_keyboard(outgoing.delivery),
        )
        message = cast("Mapping[str, Mapping[str, Json]]", said["result"])
        return json.dumps({"chat": message["chat"]["id"], "message": message["message_id"]})

    async def update(self, ref: str, closed: Closed) -> None:
        """Take a message's buttons away and say what became of its question.

        Raises:
            DeliveryFailed: Telegram did not take it.
        """
        where = cast("Mapping[str, Json]", json.loads(ref))
        await self._call(
            "editMessageText",
            chat_id=where["chat"],
            message_id=where["message"],
            text=text(closed, key=self._settings.secret_token),
            parse_mode="HTML",
            link_preview_options={"is_disabled": True},
        )

    async def ask(self, wanted: Wanted, *, arguments: Json = None) -> None:
        """Ask for the words that a pressed button needs; whoever replies to the prompt answers.

        Args:
            wanted: What was pressed.
            arguments: The approval's, to begin an edit with.

        Raises:
            DeliveryFailed: Telegram did not take it; the person may press again.
        """
        place = cast("Mapping[str, Json]", json.loads(wanted.reply_to))
        await self._acknowledge(str(place["button"]), "")
        await self._call(
            "sendMessage",
            chat_id=place["chat"],
            text=_prompt(wanted, arguments, key=self._settings.secret_token),
            parse_mode="HTML",
            reply_parameters={"message_id": place["message"], "allow_sending_without_reply": True},
            reply_markup={"force_reply": True, "selective": True},
        )

    async def reply(self, reply_to: str, text: str) -> None:
        """Tell whoever pressed a button, or wrote, how it went.

        Raises:
            DeliveryFailed: Telegram did not take it.
        """
        place = cast("Mapping[str, Json]", json.loads(reply_to))
        if button := place.get("button"):
            await self._acknowledge(str(button), text)
            return
        await self._call(
            "sendMessage",
            chat_id=place["chat"],
            text=clipped(text, _WORDS_LIMIT),
            reply_parameters={"message_id": place["message"], "allow_sending_without_reply": True},
        )

    async def connect(self, url: str) -> None:
        """Tell Telegram where answers go, and the secret token by which we shall know them. Once, at set-up.

        Raises:
            DeliveryFailed: Telegram did not take it; it wants a public `https://` address.
        """
        await self._call(
            "setWebhook",
            url=url,
            secret_token=self._settings.secret_token.get_secret_value(),
            allowed_updates=["callback_query", "message"],
        )

    async def close(self) -> None:
        """Let go of connections."""
        await self._service.close()

    async def _acknowledge(self, button: str, text: str) -> None:
        """Stop a button's spinner. Telegram forgets a press after a while; then nobody looks at the spinner either."""
        try:
            await self._call("answerCallbackQuery", callback_query_id=button, text=clipped(text, 200))
        except DeliveryFailed as failed:
            if "query is too old" not in str(failed):
                raise

    async def _call(self, method: str, **arguments: Json) -> Mapping[str, Json]:
        response = await self._service.post(
            f"{self._settings.base_url}/bot{self._settings.token.get_secret_value()}/{method}",
            content=json.dumps(arguments, ensure_ascii=False).encode(),
            headers={"content-type": "application/json"},
        )
        said = response.json()
        if said.get("ok") is True:
            return said
        why = str(said.get("description") or f"status {response.status}")
        if any(known in why for known in _MOOT):
            return said
        raise DeliveryFailed(f"Telegram refused {method}: {why}", permanent=any(known in why for known in _NEVER))


def text(delivery: Delivery, *, key: SecretStr) -> str:
    """A message as Telegram's HTML. A question's last line says what a reply to it would be about."""
    match delivery:
        case Card():
            shown, whole = _arguments(delivery)
            known = [f"{label}: {clipped(words, _LINE_LIMIT)}" for label, words in facts(delivery)]
            answered = "answer" if delivery.kind == "question" else "press"
            return _lines(
                _bold(headline(delivery)),
                _words(delivery.reason),
                shown,
                "" if whole else _words(elsewhere(delivery)),
                escape("\n".join(known)),
                _link(delivery.link),
                Mark(approval_id=delivery.approval_id, answer=answered).line(key),
            )
        case Closed(card=card, note=note):
            shown, _ = _arguments(card)
            return _lines(_bold(headline(card)), shown, _bold(verdict(delivery)), _words(note or ""), _link(card.link))
        case Notice(body=body):
            return _lines(_bold(headline(delivery)), escape(_short(body, 3_000)), _link(delivery.link))


def _keyboard(delivery: Delivery) -> Mapping[str, Json]:
    if not isinstance(delivery, Card):
        return {}
    _, whole = _arguments(delivery)
    row = [button for choice in choices(delivery, whole=whole) for button in _buttons(choice, delivery)]
    return {"reply_markup": {"inline_keyboard": [row[start : start + 2] for start in range(0, len(row), 2)]}}


def _buttons(choice: Choice, card: Card) -> Sequence[Mapping[str, Json]]:
    """A choice with its words where it needs them; else also as it is, because a quick no is better than none."""
    needed = choice.asks == "edit" or choice.answer == "answer"
    if choice.asks is None or needed:
        return [_button(choice.label, f"{choice.answer}:{choice.asks or ''}:{card.approval_id}")]
    return [
        _button(choice.label, f"{choice.answer}::{card.approval_id}"),
        _button(f"{choice.label}, with {choice.asks}", f"{choice.answer}:{choice.asks}:{card.approval_id}"),
    ]


def _button(label: str, data: str) -> Mapping[str, Json]:
    if len(data.encode()) > _DATA_LIMIT:
        raise DeliveryFailed(f"the approval's id is too long for a button of Telegram: {data}", permanent=True)
    return {"text": label, "callback_data": data}


def _prompt(wanted: Wanted, arguments: Json, *, key: SecretStr) -> str:
    """A message to be replied to; its last line brings back what the reply is about."""
    asked = {
        "note": "Reply to this message with your words.",
        "edit": "Reply to this message with the arguments as JSON; the call runs with exactly these. Now they are:",
        "result": "Reply to this message with what the call returned, as JSON.",
    }[wanted.asks]
    shown = f"<pre>{escape(as_text(arguments))}</pre>" if wanted.asks == "edit" else ""
    mark = Mark(approval_id=wanted.approval_id, answer=wanted.answer, asks=wanted.asks)
    return _lines(asked, shown, mark.line(key))


def _arguments(card: Card) -> tuple[str, bool]:
    """The arguments as far as there is room, and whether that is all there is to see."""
    full = as_text(card.arguments)
    cut = _short(full, _ARGUMENTS_LIMIT)
    whole = cut == full and _units(headline(card)) <= _HEADLINE_LIMIT
    return (f"<pre>{escape(cut)}</pre>" if cut else ""), whole


def _short(text: str, units: int) -> str:
    """Text in at most so many UTF-16 units, which is how Telegram counts."""
    if _units(text) <= units:
        return text
    return text.encode("utf-16-le", "replace")[: (units - 1) * 2].decode("utf-16-le", "ignore") + "…"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "replace")) // 2


def _bold(words: str) -> str:
    return f"<b>{escape(_short(words, _HEADLINE_LIMIT))}</b>"


def _words(words: str) -> str:
    return escape(_short(words.strip(), _WORDS_LIMIT))


def _link(link: str | None) -> str:
    return f'<a href="{escape(link)}">Open in the console</a>' if link else ""


def _lines(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)


class _HideTokens(logging.Filter):
    """Telegram wants the bot's token in the address, and HTTP libraries log addresses."""

    def filter(self, record: logging.LogRecord) -> bool:
        said = record.getMessage()
        if "/bot" in said:
            record.msg, record.args = _TOKEN.sub("/bot[redacted:bot_token]", said), None
        return True


def _hide_tokens() -> None:
    for name in _CHATTY:
        logger = logging.getLogger(name)
        if not any(isinstance(known, _HideTokens) for known in logger.filters):
            logger.addFilter(_HideTokens())
