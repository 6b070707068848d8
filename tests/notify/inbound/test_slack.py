"""Slack's interactions are believed when Slack signed them, just now, and read for what they say."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from holdfast.errors import ForgedAnswer
from holdfast.notify.inbound import slack
from holdfast.notify.inbound.reading import Answered, Reading, Unfit, Wanted
from holdfast.testing.clock import START
from tests.notify.deliveries import APPROVAL
from tests.notify.inbound.senders import SLACK_SECRET, pressed, slack_post, submitted


def read(payload: dict[str, Any]) -> Reading:
    """A real interaction, read."""
    body, headers = slack_post(payload, at=START)
    return slack.read(body, headers=headers, signing_secret=SLACK_SECRET, now=START)


def reason(body: bytes, headers: dict[str, str], *, later_s: float = 0) -> str:
    """Why it is refused."""
    with pytest.raises(ForgedAnswer) as refused:
        slack.read(body, headers=headers, signing_secret=SLACK_SECRET, now=START + timedelta(seconds=later_s))
    return refused.value.reason


def test_the_signature_is_slacks_own():
    """The example of Slack's documentation verifies."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    headers = {
        "x-slack-request-timestamp": "1531420618",
        "x-slack-signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
    }
    secret = SecretStr("8f742231b10e8888abcd99yyyzzz85a5")
    now = START.fromtimestamp(1531420618, START.tzinfo)
    with pytest.raises(ForgedAnswer, match="without a payload"):  # a slash command: signed well, and no interaction
        slack.read(body, headers=headers, signing_secret=secret, now=now)


def test_approve_is_an_answer():
    """With who, what about, and where to tell them."""
    answered = read(pressed("holdfast:approve:"))
    assert isinstance(answered, Answered)
    assert (answered.channel, answered.identity, answered.approval_id) == ("slack", "U1", APPROVAL)
    assert (answered.answer, answered.note, answered.edit) == ("approve", None, None)
    assert answered.reply_to == "https://hooks.slack.com/actions/T1/2/3"


def test_reject_wants_words_first():
    """The modal's trigger is at hand."""
    wanted = read(pressed("holdfast:reject:note"))
    assert isinstance(wanted, Wanted)
    assert (wanted.answer, wanted.asks, wanted.reply_to) == ("reject", "note", "12466734323.1395872398")


def test_a_submitted_note_is_an_answer():
    """The words are the note."""
    answered = read(submitted("reject", "note", " too much "))
    assert isinstance(answered, Answered)
    assert (answered.answer, answered.note, answered.field) == ("reject", "too much", "note")


def test_an_empty_note_is_none():
    """A no needs no words."""
    answered = read(submitted("reject", "note", None))
    assert isinstance(answered, Answered)
    assert answered.note is None


def test_submitted_arguments_are_an_edit():
    """The JSON is what would run instead."""
    answered = read(submitted("approve", "edit", '{"amount": "40.00"}'))
    assert isinstance(answered, Answered)
    assert answered.edit == {"amount": "40.00"}


@pytest.mark.parametrize("text", ["{amount: 40}", "NaN", "[" * 100_000])
def test_arguments_that_are_no_json_are_said_in_the_modal(text: str):
    """It stays open and says what is wrong."""
    unfit = read(submitted("approve", "edit", text))
    assert isinstance(unfit, Unfit)
    assert unfit.field == "edit"
    errors = slack.refusal("edit", unfit.text)["errors"]
    assert errors == {"edit": unfit.text}


@pytest.mark.parametrize(
    "payload",
    [pressed("other:approve:"), {"type": "shortcut"}, {"type": "view_submission", "view": {"callback_id": "x"}}],
)
def test_what_is_not_ours_is_left_alone(payload: dict[str, Any]):
    """Other parts of the same app may have buttons too."""
    assert read(payload) is None


def test_another_secret_is_refused():
    """Who does not know the secret cannot answer."""
    assert reason(*slack_post(pressed("holdfast:approve:"), at=START, secret="guessed")) == "bad_signature"


def test_an_altered_body_is_refused():
    """One byte is enough."""
    body, headers = slack_post(pressed("holdfast:reject:"), at=START)
    assert reason(body.replace(b"reject", b"approv"), headers) == "bad_signature"


def test_another_time_is_refused():
    """The time is signed too: a recorded answer does not become fresh."""
    body, headers = slack_post(pressed("holdfast:approve:"), at=START)
    later = str(int(START.timestamp()) + 600)
    assert reason(body, {**headers, "X-Slack-Request-Timestamp": later}, later_s=600) == "bad_signature"


@pytest.mark.parametrize("later_s", [301, -301])
def test_a_stale_answer_is_refused(later_s: float):
    """More than five minutes from now, either way."""
    assert reason(*slack_post(pressed("holdfast:approve:"), at=START), later_s=later_s) == "stale"


@pytest.mark.parametrize("name", ["X-Slack-Signature", "X-Slack-Request-Timestamp"])
def test_an_unsigned_answer_is_refused(name: str):
    """Both headers are needed."""
    body, headers = slack_post(pressed("holdfast:approve:"), at=START)
    assert reason(body, {key: value for key, value in headers.items() if key != name}) == "missing_signature"


@pytest.mark.parametrize(
    "payload",
    [
        pressed("holdfast:destroy:"),
        pressed("holdfast:approve"),
        pressed("holdfast:approve:", actions=[]),
        pressed("holdfast:approve:", user=None),
        {"type": "block_actions"},
        submitted("approve", "", "x"),
    ],
)
def test_a_signed_answer_that_is_none_is_refused(payload: dict[str, Any]):
    """Whatever is not as we made it is malformed, never guessed at."""
    assert reason(*slack_post(payload, at=START)) == "malformed"


def test_the_same_answer_played_again_has_the_same_key():
    """Another press has another one."""
    first, again = read(pressed("holdfast:approve:")), read(pressed("holdfast:approve:"))
    other = read(pressed("holdfast:approve:", trigger_id="2"))
    assert isinstance(first, Answered)
    assert isinstance(again, Answered)
    assert isinstance(other, Answered)
    assert first.once == again.once != other.once
    assert first.until == START + timedelta(minutes=5)
