"""As much of Slack's Web API as we use, with its limits: what breaks them is refused as Slack refuses it."""

import json
from typing import Any
from urllib.parse import parse_qsl

from tests.notify.http_server import HttpServer, Reply, Request

TOKEN = "xoxb-test-token"


class SlackServer(HttpServer):
    """A workspace with one channel, `C1`."""

    def __init__(self) -> None:
        super().__init__(self._handle)
        self.messages: dict[str, dict[str, Any]] = {}
        self.views: list[dict[str, Any]] = []
        self.may_look = True
        self.began = 1767225600
        """When its first message comes, in seconds."""
        self.told: list[dict[str, Any]] = []

    def _handle(self, request: Request) -> Reply:
        method = request.path.strip("/")
        reads = method == "conversations.history"
        if reads != request.headers["content-type"].endswith("urlencoded"):
            return _no("invalid_arguments")  # as Slack: methods that read take forms, those that write JSON
        asked = dict(parse_qsl(request.body.decode())) if reads else request.json
        if method == "respond":
            self.told.append(asked)
            return Reply()
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return _no("invalid_auth")
        if "blocks" in asked and (why := _unfit(asked["blocks"])):
            return _no(why)
        return getattr(self, "_" + method.replace(".", "_"))(asked)

    def _chat_postMessage(self, asked: dict[str, Any]) -> Reply:  # noqa: N802 - Slack's name
        if asked["channel"] != "C1":
            return _no("channel_not_found")
        ts = f"{self.began + len(self.messages)}.000100"
        self.messages[ts] = asked
        return Reply({"ok": True, "channel": "C1", "ts": ts})

    def _chat_update(self, asked: dict[str, Any]) -> Reply:
        if asked["ts"] not in self.messages:
            return _no("message_not_found")
        self.messages[asked["ts"]] |= asked
        return Reply({"ok": True})

    def _conversations_history(self, asked: dict[str, Any]) -> Reply:
        if not self.may_look:
            return _no("missing_scope")
        shown = [{"ts": ts, "metadata": said["metadata"]} for ts, said in self.messages.items() if ts > asked["oldest"]]
        return Reply({"ok": True, "messages": shown})

    def _views_open(self, asked: dict[str, Any]) -> Reply:
        if asked["trigger_id"] == "old":
            return _no("expired_trigger_id")
        self.views.append(asked["view"])
        return Reply({"ok": True})


def _no(error: str) -> Reply:
    return Reply({"ok": False, "error": error})


def _unfit(blocks: list[dict[str, Any]]) -> str | None:
    """What Slack would say against these blocks."""
    if len(blocks) > 50:
        return "invalid_blocks"
    if len(json.dumps(blocks, ensure_ascii=False)) > 20_000 or len("".join(texts(blocks))) > 11_000:
        return "msg_blocks_too_long"
    headers = [block["text"]["text"] for block in blocks if block["type"] == "header"]
    if any(len(text) > 150 for text in headers) or any(not 0 < len(text) <= 3_000 for text in texts(blocks)):
        return "invalid_blocks"
    return None


def texts(shown: Any) -> list[str]:
    """Every text in blocks."""
    if isinstance(shown, list):
        return [text for part in shown for text in texts(part)]
    if isinstance(shown, dict):
        own = [shown["text"]] if isinstance(shown.get("text"), str) else []
        return own + [text for part in shown.values() if isinstance(part, dict | list) for text in texts(part)]
    return []
