"""Telegram shows what would run, with buttons, and asks for words where an answer needs them."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from typing import get_args

import pytest

from holdfast.config import TelegramSettings
from holdfast.errors import DeliveryFailed
from holdfast.notify.inbound.reading import Wanted
from holdfast.notify.message import Asks
from holdfast.notify.telegram import Telegram
from holdfast.types import Answer, ApprovalKind
from tests.notify.deliveries import APPROVAL, CARD, CLOSED, NOTICE, card, outgoing
from tests.notify.http_server import Reply, serving
from tests.notify.telegram_server import TOKEN, TelegramServer, plain


def chat(story: Callable[[TelegramServer, Telegram], Awaitable[None]], *, token: str = TOKEN) -> None:
    """Run a story against a chat."""

    async def told() -> None:
        async with serving(TelegramServer()) as server:
            assert isinstance(server, TelegramServer)
            settings = TelegramSettings.model_validate(
                {"token": token, "secret_token": "s" * 32, "chat": -100, "base_url": server.url}
            )
            telegram = Telegram(settings)
            try:
                await story(server, telegram)
            finally:
                await telegram.close()

    asyncio.run(told())


def labels(message: dict[str, object]) -> list[str]:
    """The labels one can press."""
    markup = message.get("reply_markup")
    return [b["text"] for row in markup["inline_keyboard"] for b in row] if isinstance(markup, dict) else []


def test_a_question_shows_what_would_run():
    """The message has the question, the reason and the arguments, and a button for each answer."""

    async def story(server: TelegramServer, telegram: Telegram) -> None:
        ref = await telegram.send(outgoing())
        assert json.loads(ref or "") == {"chat": -100, "message": 1}
        seen = plain(server.messages[1]["text"])
        assert all(words in seen for words in ("May support run refund?", "above 100", '"amount": "120.00"'))
        assert labels(server.messages[1]) == ["Approve", "Edit", "Reject", "Reject, with note"]

    chat(story)


def test_the_longest_question_fits():
    """Whatever the parts are, the message stays under 4,096 UTF-16 units and each button under 64 bytes."""

    async def story(server: TelegramServer, telegram: Telegram) -> None:
        long = "😀<&>" * 3_000
        link = "https://holdfast.example/" + "x" * 300
        given = card(
            question=long, reason=long, agent=long, tool=long, gate=long, arguments=long, group=long, link=link
        )
        await telegram.send(outgoing(given))
        assert labels(server.messages[1]) == ["Reject", "Reject, with note"]

    chat(story)


@pytest.mark.parametrize("kind", get_args(ApprovalKind))
def test_every_kind_of_question_can_be_answered(kind: ApprovalKind):
    """Each kind has its buttons, all within Telegram's limits."""

    async def story(server: TelegramServer, telegram: Telegram) -> None:
        await telegram.send(outgoing(card(kind=kind)))
        assert len(labels(server.messages[1])) >= 2

    chat(story)


def test_words_of_a_model_are_never_markup():
    """Tags in arguments and reasons are shown as they are."""

    async def story(server: TelegramServer, telegram: Telegram) -> None:
        trap = '<a href="https://evil.example">Open</a>'
        await telegram.send(outgoing(card(question=trap, reason=trap, arguments=trap, link=None)))
        assert "<a " not in server.messages[1]["text"]

    chat(story)


def test_a_decision_takes_the_buttons_away():
    """The message says who decided and when; saying it twice is no failure."""

    async def story(server: TelegramServer, telegram: Telegram) -> None:
        ref = await telegram.send(outgoing())
        assert ref
        await telegram.update(ref, CLOSED)
        await telegram.update(ref, CLOSED)
        assert "Approved by Ada at 10:32 UTC" in server.messages[1]["text"]
        assert labels(server.messages[1]) == []

    chat(story)


def test_an_update_of_a_deleted_message_is_done():
    """A message that somebody deleted cannot be out of date."""

    async def story(server: TelegramServer, telegram: Telegram) -> None:
        await telegram.update('{"chat": -100, "message": 9}', CLOSED)
        assert server.messages == {}

    chat(story)


def test_an_alert_is_sent():
    """Alerts come as title and body, without buttons."""

    async def story(server: TelegramServer, telegram: Telegram) -> None:
        await telegram.send(outgoing(NOTICE))
        assert plain(server.messages[1]["text"]).startswith("Global budget at 80 %")
        assert labels(server.messages[1]) == []

    chat(story)


def test_a_rate_limit_says_how_long_to_wait():
    """429 with `retry_after` in the body is told as such."""

    async def story(server: TelegramServer, telegram: Telegram) -> None:
        body = {"ok": False, "error_code": 429, "description": "Too Many Requests", "parameters": {"retry_after": 17}}
        server.next.append(Reply(body, status=429))
        with pytest.raises(DeliveryFailed) as failed:
            await telegram.send(outgoing())
        assert failed.value.retry_after_s == 17

    chat(story)


def test_a_cut_connection_is_a_failure_without_the_token():
    """Telegram wants the token in the address; no error and no log shows it."""

    async def story(server: TelegramServer, telegram: Telegram) -> None:
        server.next.append(Reply(cut=True))
        with pytest.raises(DeliveryFailed) as failed:
            await telegram.send(outgoing())
        assert "AAtest" not in str(failed.value)
        assert failed.value.__cause__ is None

    chat(story)


def test_no_log_shows_the_token(caplog: pytest.LogCaptureFixture):
    """Also when somebody turns the HTTP library's logs on."""

    async def story(server: TelegramServer, telegram: Telegram) -> None:
        await telegram.send(outgoing())

    with caplog.at_level(logging.DEBUG):
        chat(story)
    assert "/sendMessage" in caplog.text
    assert "AAtest" not in caplog.text


def test_a_note_is_asked_for_by_a_prompt():
    """The button is acknowledged, and a message asks for a reply."""

    async def story(server: TelegramServer, telegram: Telegram) -> None:
        await telegram.ask(wanted("reject", "note"))
        assert server.acknowledged[0]["callback_query_id"] == "7"
        assert server.messages[1]["reply_markup"] == {"force_reply": True, "selective": True}

    chat(story)


def test_an_edit_begins_with_the_arguments():
    """The prompt shows them as JSON."""

    async def story(server: TelegramServer, telegram: Telegram) -> None:
        await telegram.ask(wanted("approve", "edit"), arguments=CARD.arguments)
        assert '"amount": "120.00"' in plain(server.messages[1]["text"])

    chat(story)


def test_an_old_press_is_answered_all_the_same():
    """Telegram forgets presses; that only costs the little window."""

    async def story(server: TelegramServer, telegram: Telegram) -> None:
        await telegram.reply('{"chat": -100, "message": 1, "button": "old"}', "already decided")
        assert server.acknowledged == []

    chat(story)


def test_set_up_tells_telegram_the_secret():
    """`connect` gives the address and the secret token by which answers are known."""

    async def story(server: TelegramServer, telegram: Telegram) -> None:
        await telegram.connect("https://holdfast.example/inbound/telegram")
        assert server.webhook["secret_token"] == "s" * 32
        assert server.webhook["allowed_updates"] == ["callback_query", "message"]

    chat(story)


def wanted(answer: Answer, asks: Asks) -> Wanted:
    """A press that needs words."""
    place = json.dumps({"chat": -100, "message": 5, "button": "7"})
    return Wanted(
        channel="telegram",
        identity="42",
        approval_id=APPROVAL,
        answer=answer,
        asks=asks,
        reply_to=place,
    )
