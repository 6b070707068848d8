"""Signed answers of a program are believed when they are fresh and ours, and read strictly."""

import base64
import json
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from holdfast.errors import ForgedAnswer
from holdfast.notify.inbound import webhook
from holdfast.notify.signature import signed
from holdfast.notify.webhook import payload
from holdfast.testing.clock import START
from tests.notify.deliveries import APPROVAL, CARD

SECRET = SecretStr("whsec_" + base64.b64encode(b"x" * 32).decode())
DATA = {"approval_id": APPROVAL, "answer": "reject", "by": "Ada", "note": "too much"}


def post(told: object, *, secret: SecretStr = SECRET) -> tuple[bytes, dict[str, str]]:
    """A message as a program posts it."""
    body = json.dumps(told).encode()
    return body, signed(secret, message_id="msg_1", at=START, body=body)


def reason(body: bytes, headers: dict[str, str], *, later_s: float = 0) -> str:
    """Why it is refused."""
    with pytest.raises(ForgedAnswer) as refused:
        webhook.read(body, headers=headers, secret=SECRET, now=START + timedelta(seconds=later_s))
    return refused.value.reason


def answer(**changes: Any) -> dict[str, Any]:
    """An answer with other parts."""
    return {"type": "approval.answer", "data": {**DATA, **changes}}


def test_the_signature_is_the_standards_own():
    """The example of the specification's libraries comes out the same."""
    secret = SecretStr("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    at = START.fromtimestamp(1614265330, START.tzinfo)
    headers = signed(secret, message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", at=at, body=b'{"test": 2432232314}')
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_signed_answer_is_read():
    """With who, what about, and a key that is the message's id."""
    body, headers = post(answer())
    answered = webhook.read(body, headers=headers, secret=SECRET, now=START)
    assert (answered.identity, answered.approval_id, answered.answer) == ("Ada", APPROVAL, "reject")
    assert (answered.note, answered.once) == ("too much", "webhook:msg_1")


def test_one_of_several_signatures_is_enough():
    """While a secret is being changed a sender signs with both."""
    body, headers = post(answer())
    headers["webhook-signature"] = f"v1a,xyz v1,AAAA {headers['webhook-signature']}"
    assert webhook.read(body, headers=headers, secret=SECRET, now=START).answer == "reject"


def test_another_secret_is_refused():
    """Who does not know the secret cannot answer."""
    assert reason(*post(answer(), secret=SecretStr(base64.b64encode(b"y" * 32).decode()))) == "bad_signature"


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_an_altered_header_is_refused(name: str):
    """Id and time are signed too."""
    body, headers = post(answer())
    assert reason(body, {**headers, name: headers[name] + "1"}) == "bad_signature"


@pytest.mark.parametrize("later_s", [301, -301])
def test_a_stale_answer_is_refused(later_s: float):
    """More than five minutes from now, either way."""
    assert reason(*post(answer()), later_s=later_s) == "stale"


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_an_unsigned_answer_is_refused(name: str):
    """All three headers are needed."""
    body, headers = post(answer())
    assert reason(body, {key: value for key, value in headers.items() if key != name}) == "missing_signature"


@pytest.mark.parametrize(
    "told", [[], {"type": "approval.answer"}, answer(answer="yes"), answer(by=None), answer(approval_id=7)]
)
def test_a_signed_answer_that_is_none_is_refused(told: object):
    """Whatever does not say who, what and how is malformed."""
    assert reason(*post(told)) == "malformed"


def test_our_own_message_sent_back_is_no_answer():
    """One secret signs both ways; what we said is not what was answered."""
    assert reason(*post(payload(CARD, at=START))) == "malformed"
    assert reason(*post({**answer(), "type": "approval.closed"})) == "malformed"
