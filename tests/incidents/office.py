"""People behind Slack, Telegram, mail and a program of theirs: local services, and what they post back."""

import base64
import json
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from pydantic import SecretStr

from holdfast.app import App
from holdfast.notify.signature import signed
from holdfast.types import Approval, AuditEntry
from tests.incidents.desk import call, to_do
from tests.incidents.place import SHOP, Place, until
from tests.notify import slack_server, telegram_server
from tests.notify.http_server import HttpServer, Reply, Request, serving
from tests.notify.inbound.senders import slack_post, telegram_post
from tests.notify.slack_server import SlackServer
from tests.notify.smtp_server import SmtpServer, mailing
from tests.notify.telegram_server import TelegramServer
from tests.processes import Running

SIGNING_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SECRET_TOKEN = "s" * 32
WEBHOOK_SECRET = "whsec_" + base64.b64encode(b"x" * 32).decode()
LINK_KEY = "k" * 40


@dataclass
class Office:
    """Services that took messages, and a door to post answers to."""

    place: Place
    slack: SlackServer
    telegram: TelegramServer
    mail: SmtpServer
    hook: HttpServer
    config: Path
    http: httpx2.AsyncClient

    # --- what is running

    def worker(self) -> Running:
        return self.place.begin("worker", SHOP, HOLDFAST_CONFIG=self.config, HOLDFAST_LEASE_S=2)

    @asynccontextmanager
    async def door(self) -> AsyncIterator[Running]:
        """`holdfast serve` in a process of its own; ends as asked."""
        running = self.place.begin("serve", SHOP, "--port", "0", "--json", HOLDFAST_CONFIG=self.config)
        try:
            await until(lambda: '"listening"' in running.said or running.code is not None)
            self.http.base_url = json.loads(running.out.read_text().splitlines()[0])["url"]
            yield running
        finally:
            running.end()

    # --- what is asked

    async def ask(self, app: App) -> Approval:
        """A call that waits for a person, opened by a worker."""
        started = await app.start("clerk", to_do(call("send")))
        await app.wait(started.id, 40)
        (approval,) = await app.approvals(execution_id=started.id)
        return approval

    # --- what people do

    async def press(self, approval_id: str, answer: str = "approve", *, at: datetime | None = None, **more: Any):
        """A button in Slack."""
        payload = {
            "type": "block_actions",
            "user": {"id": "U1"},
            "trigger_id": "1.2",
            "response_url": f"{self.slack.url}/respond",
            "actions": [{"action_id": f"holdfast:{answer}:", "value": approval_id}],
        }
        secret = more.pop("secret", SIGNING_SECRET)
        body, headers = slack_post(payload | more, at=at or datetime.now(UTC), secret=secret)
        return await self.http.post("/channels/slack", content=body, headers=headers)

    async def tap(self, approval_id: str, answer: str = "approve", *, number: int = 99, token: str = SECRET_TOKEN):
        """A button in Telegram."""
        message = {"message_id": 1, "chat": {"id": -100}, "from": {"id": 4711}}
        query = {"id": "7", "from": {"id": 42}, "message": message, "data": f"{answer}::{approval_id}"}
        body, headers = telegram_post({"update_id": number, "callback_query": query}, token=token)
        return await self.http.post("/channels/telegram", content=body, headers=headers)

    async def post(self, approval_id: str, answer: str = "approve", **more: Any):
        """A program's answer."""
        data = {"approval_id": approval_id, "answer": answer, "by": more.pop("by", "Ada")}
        body = json.dumps({"type": "approval.answer", "data": data}).encode()
        secret = SecretStr(more.pop("secret", WEBHOOK_SECRET))
        at = more.pop("at", datetime.now(UTC))
        headers = signed(secret, message_id=more.pop("id", "msg_1"), at=at, body=body)
        return await self.http.post("/channels/webhook", content=more.pop("body", body), headers=headers)

    def link(self) -> str:
        """The path of the link in the newest mail."""
        text = self.mail.mails[-1].get_body(("plain",)).get_content()
        return re.search(r"/answer/[\w.-]+", text)[0]


@asynccontextmanager
async def open_office(place: Place) -> AsyncIterator[Office]:
    """Services on free ports, and a configuration that names them."""
    async with AsyncExitStack() as stack:
        slack, telegram, hook = SlackServer(), TelegramServer(), HttpServer(_taken)
        slack.began = int(datetime.now(UTC).timestamp())
        for server in (slack, telegram, hook):
            await stack.enter_async_context(serving(server))
        mail = await stack.enter_async_context(mailing(SmtpServer()))
        http = await stack.enter_async_context(httpx2.AsyncClient(timeout=20))
        config = place.folder / "holdfast.toml"
        config.write_text(_configuration(slack, telegram, hook, mail))
        yield Office(place, slack, telegram, mail, hook, config, http)


def _taken(_: Request) -> Reply:
    return Reply(status=204)


def _configuration(slack: SlackServer, telegram: TelegramServer, hook: HttpServer, mail: SmtpServer) -> str:
    return f"""
public_url = "http://127.0.0.1:9"
link_key = "{LINK_KEY}"
[slack]
token = "{slack_server.TOKEN}"
signing_secret = "{SIGNING_SECRET}"
channel = "C1"
base_url = "{slack.url}"
[telegram]
token = "{telegram_server.TOKEN}"
secret_token = "{SECRET_TOKEN}"
chat = "-100"
base_url = "{telegram.url}"
[webhook]
url = "{hook.url}/hook"
secret = "{WEBHOOK_SECRET}"
[email]
host = "127.0.0.1"
port = {mail.port}
starttls = false
sender = "holdfast@example.com"
[people.Ada]
groups = ["leads"]
slack = "U1"
telegram = "42"
email = "ada@example.com"
"""


async def refused(app: App) -> list[AuditEntry]:
    """What the operators' record says of answers that were refused."""
    return [entry for entry in await app.control.record(limit=1_000) if entry.kind == "answer.refused"]
