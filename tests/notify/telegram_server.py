"""As much of Telegram's Bot API as we use, with its limits."""

import html
import re
from typing import Any

from tests.notify.http_server import HttpServer, Reply, Request

TOKEN = "4711:AAtest-token"


class TelegramServer(HttpServer):
    """A bot in one chat, `-100`."""

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.messages: dict[int, dict[str, Any]] = {}
        self.acknowledged: list[dict[str, Any]] = []
        self.webhook: dict[str, Any] = {}

    def _handle(self, request: Request) -> Reply:
        _, bot, method = request.path.split("/")
        if bot != f"bot{TOKEN}":
            return _no(401, "Unauthorized")
        asked = request.json
        if "text" in asked and method != "answerCallbackQuery" and (why := _unfit(asked)):
            return _no(400, f"Bad Request: {why}")
        return getattr(self, f"_{method}")(asked)

    def _sendMessage(self, asked: dict[str, Any]) -> Reply:  # noqa: N802 - Telegram's name
        if str(asked["chat_id"]) != "-100":
            return _no(400, "Bad Request: chat not found")
        number = len(self.messages) + 1
        self.messages[number] = asked
        return Reply({"ok": True, "result": {"message_id": number, "chat": {"id": -100}}})

    def _editMessageText(self, asked: dict[str, Any]) -> Reply:  # noqa: N802 - Telegram's name
        number = asked["message_id"]
        if number not in self.messages:
            return _no(400, "Bad Request: message to edit not found")
        if self.messages[number]["text"] == asked["text"]:
            return _no(400, "Bad Request: message is not modified")
        self.messages[number] = asked
        return Reply({"ok": True, "result": {}})

    def _answerCallbackQuery(self, asked: dict[str, Any]) -> Reply:  # noqa: N802 - Telegram's name
        if asked["callback_query_id"] == "old":
            return _no(400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        self.acknowledged.append(asked)
        return Reply({"ok": True, "result": True})

    def _setWebhook(self, asked: dict[str, Any]) -> Reply:  # noqa: N802 - Telegram's name
        self.webhook = asked
        return Reply({"ok": True, "result": True})


def plain(text: str) -> str:
    """A message as people see it, and as it comes back in a reply."""
    return html.unescape(re.sub(r"<[^>]+>", "", text)).strip()


def _no(status: int, why: str) -> Reply:
    return Reply({"ok": False, "error_code": status, "description": why}, status=status)


def _unfit(asked: dict[str, Any]) -> str | None:
    text = plain(asked["text"]) if asked.get("parse_mode") else asked["text"]
    if len(text.encode("utf-16-le")) // 2 > 4_096:
        return "message is too long"
    buttons = [button for row in asked.get("reply_markup", {}).get("inline_keyboard", []) for button in row]
    return "BUTTON_DATA_INVALID" if any(len(button["callback_data"].encode()) > 64 for button in buttons) else None
