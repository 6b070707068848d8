"""Telegram's updates are believed when they carry the secret token, and read for what they say."""

from typing import Any

import pytest

from holdfast.errors import ForgedAnswer
from holdfast.notify.inbound import telegram
from holdfast.notify.inbound.reading import Answered, Reading, Unfit, Wanted
from holdfast.notify.mark import Mark
from holdfast.notify.telegram import text
from holdfast.testing.clock import START
from tests.notify.deliveries import APPROVAL, CARD, card
from tests.notify.inbound.senders import TELEGRAM, replied, tapped, telegram_post
from tests.notify.telegram_server import plain

KEY = TELEGRAM.secret_token


def read(update: dict[str, Any]) -> Reading:
    """A real update, read."""
    body, headers = telegram_post(update)
    return telegram.read(body, headers=headers, settings=TELEGRAM, now=START)


def reason(body: bytes, headers: dict[str, str]) -> str:
    """Why it is refused."""
    with pytest.raises(ForgedAnswer) as refused:
        telegram.read(body, headers=headers, settings=TELEGRAM, now=START)
    return refused.value.reason


def prompt(answer: Any, asks: Any) -> str:
    """A prompt of ours, as it comes back."""
    return "Reply to this.\n\n" + Mark(approval_id=APPROVAL, answer=answer, asks=asks).line(KEY)


def test_approve_is_an_answer():
    """With who, what about, and where to tell them."""
    answered = read(tapped(f"approve::{APPROVAL}"))
    assert isinstance(answered, Answered)
    assert (answered.channel, answered.identity, answered.approval_id) == ("telegram", "42", APPROVAL)
    assert (answered.answer, answered.once) == ("approve", "telegram:99")
    assert answered.reply_to == '{"chat": -100, "message": 5, "button": "7"}'


def test_a_note_is_asked_for():
    """The button wants words first."""
    wanted = read(tapped(f"reject:note:{APPROVAL}"))
    assert isinstance(wanted, Wanted)
    assert (wanted.answer, wanted.asks, wanted.approval_id) == ("reject", "note", APPROVAL)


def test_a_reply_to_a_prompt_is_the_note():
    """What the prompt was about comes back with it."""
    answered = read(replied("too much", to=prompt("reject", "note")))
    assert isinstance(answered, Answered)
    assert (answered.answer, answered.note, answered.approval_id) == ("reject", "too much", APPROVAL)


def test_a_reply_to_a_prompt_for_arguments_is_an_edit():
    """The JSON is what would run instead."""
    answered = read(replied('{"amount": "40.00"}', to=prompt("approve", "edit")))
    assert isinstance(answered, Answered)
    assert (answered.edit, answered.note) == ({"amount": "40.00"}, None)


def test_arguments_that_are_no_json_are_said():
    """And may be given again."""
    unfit = read(replied("forty", to=prompt("approve", "edit")))
    assert isinstance(unfit, Unfit)
    assert "not JSON" in unfit.text


def test_a_reply_to_an_agents_question_answers_it():
    """The shortest way: no button needed."""
    shown = plain(text(card(kind="question"), key=KEY))
    answered = read(replied("Tuesday", to=shown))
    assert isinstance(answered, Answered)
    assert (answered.answer, answered.note) == ("answer", "Tuesday")


def test_a_reply_to_a_call_decides_nothing():
    """Words are neither yes nor no."""
    unfit = read(replied("looks good", to=plain(text(CARD, key=KEY))))
    assert isinstance(unfit, Unfit)
    assert "button" in unfit.text


@pytest.mark.parametrize(
    "to",
    [
        "Something else",
        f"[approve note {APPROVAL} 0123456789abcdef]",
        prompt("reject", "note").replace("reject", "approve"),
        prompt("approve", "note") + "\nand more",
    ],
)
def test_a_line_that_only_looks_like_ours_counts_for_nothing(to: str):
    """Text that a model put into a message of ours cannot turn a reply into an answer."""
    assert read(replied("yes", to=to)) is None


def test_a_reply_to_somebody_elses_message_counts_for_nothing():
    """Also when it copies one of ours."""
    assert read(replied("yes", to=prompt("approve", "note"), author=666)) is None


@pytest.mark.parametrize("update", [{}, {"edited_message": {}}, {"message": {"message_id": 1, "text": "hi"}}])
def test_what_is_not_ours_is_left_alone(update: dict[str, Any]):
    """Chatter in the group is nobody's answer."""
    assert read(update) is None


def test_another_token_is_refused():
    """Who does not know the secret cannot answer."""
    assert reason(*telegram_post(tapped(f"approve::{APPROVAL}"), token="guessed")) == "bad_signature"


def test_no_token_is_refused():
    """The header is needed."""
    body, _ = telegram_post(tapped(f"approve::{APPROVAL}"))
    assert reason(body, {}) == "missing_signature"


@pytest.mark.parametrize("data", ["", "approve", "destroy::x", f"approve:all:{APPROVAL}"])
def test_an_update_that_is_none_of_ours_is_refused(data: str):
    """Whatever is not as we made it is malformed, never guessed at."""
    assert reason(*telegram_post(tapped(data))) == "malformed"


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"[" * 100_000, b'{"callback_query": null}'])
def test_a_body_that_is_no_update_is_refused(body: bytes):
    """With a reason, not with a crash."""
    assert reason(body, telegram_post({})[1]) == "malformed"
