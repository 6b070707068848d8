"""Services and attackers that post answers."""

import hashlib
import hmac
import json
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from pydantic import SecretStr

from holdfast.config import TelegramSettings
from tests.notify.deliveries import APPROVAL

SLACK_SECRET = SecretStr("8f742231b10e8888abcd99yyyzzz85a5")
TELEGRAM = TelegramSettings.model_validate({"token": "4711:AAtest", "secret_token": "s" * 32, "chat": "-100"})


def slack_post(payload: dict[str, Any], *, at: datetime, secret: str | None = None) -> tuple[bytes, dict[str, str]]:
    """An interaction as Slack posts it."""
    body = urlencode({"payload": json.dumps(payload)}).encode()
    timestamp = str(int(at.timestamp()))
    key = (secret or SLACK_SECRET.get_secret_value()).encode()
    seal = hmac.new(key, f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    return body, {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={seal}"}


def pressed(action_id: str, **more: Any) -> dict[str, Any]:
    """A button was pressed in Slack."""
    return {
        "type": "block_actions",
        "user": {"id": "U1", "username": "ada"},
        "trigger_id": "12466734323.1395872398",
        "response_url": "https://hooks.slack.com/actions/T1/2/3",
        "actions": [{"type": "button", "action_id": action_id, "value": APPROVAL, "action_ts": "1767225600.1"}],
        **more,
    }


def submitted(answer: str, asks: str, text: str | None) -> dict[str, Any]:
    """A modal was submitted in Slack."""
    return {
        "type": "view_submission",
        "user": {"id": "U1"},
        "view": {
            "callback_id": "holdfast",
            "private_metadata": json.dumps({"approval": APPROVAL, "answer": answer, "asks": asks}),
            "state": {"values": {asks: {"text": {"type": "plain_text_input", "value": text}}}},
        },
    }


def telegram_post(update: dict[str, Any], *, token: str = "s" * 32) -> tuple[bytes, dict[str, str]]:
    """An update as Telegram posts it."""
    return json.dumps({"update_id": 99, **update}).encode(), {"X-Telegram-Bot-Api-Secret-Token": token}


def tapped(data: str) -> dict[str, Any]:
    """A button was pressed in Telegram."""
    message = {"message_id": 5, "chat": {"id": -100}, "from": {"id": 4711}}
    return {"callback_query": {"id": "7", "from": {"id": 42}, "message": message, "data": data}}


def replied(text: str, *, to: str, author: int = 4711) -> dict[str, Any]:
    """Somebody replied to a message in Telegram."""
    original = {"message_id": 5, "chat": {"id": -100}, "from": {"id": author, "is_bot": True}, "text": to}
    message = {"message_id": 6, "chat": {"id": -100}, "from": {"id": 42}, "text": text, "reply_to_message": original}
    return {"message": message}
