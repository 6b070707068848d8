"""A link in a mail is good for one person, one question and a while, and cannot be made without the key."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from holdfast.errors import ForgedAnswer
from holdfast.notify.inbound.links import Invitation, answered, opened, token
from holdfast.testing.clock import START
from tests.notify.deliveries import APPROVAL

KEY = SecretStr("k" * 32)
INVITATION = Invitation(approval_id=APPROVAL, person="Ada Ünal", expires_at=START + timedelta(hours=1))


def reason(given: str, *, key: SecretStr = KEY, later_s: float = 0) -> str:
    """Why it is refused."""
    with pytest.raises(ForgedAnswer) as refused:
        opened(given, key=key, now=START + timedelta(seconds=later_s))
    return refused.value.reason


def test_a_link_leads_back_to_its_invitation():
    """And is the same every time: a mail that is sent again has the same link."""
    assert opened(token(INVITATION, KEY), key=KEY, now=START) == INVITATION
    assert token(INVITATION, KEY) == token(INVITATION, KEY)


def test_another_key_is_refused():
    """Changing `link_key` makes all earlier links worthless."""
    assert reason(token(INVITATION, KEY), key=SecretStr("j" * 32)) == "bad_signature"


def test_an_expired_link_is_refused():
    """It ends with its question."""
    assert reason(token(INVITATION, KEY), later_s=3_600) == "stale"


def test_another_name_under_the_same_seal_is_refused():
    """A link cannot be made over to somebody else."""
    other = token(Invitation(approval_id=APPROVAL, person="Eve", expires_at=INVITATION.expires_at), SecretStr("x" * 32))
    assert reason(other.partition(".")[0] + "." + token(INVITATION, KEY).partition(".")[2]) == "bad_signature"


@given(st.text(max_size=60) | st.from_regex(r"[A-Za-z0-9_-]{0,40}\.[A-Za-z0-9_-]{0,50}", fullmatch=True))
def test_no_other_text_opens_anything(given: str):
    """Whatever is tried is refused with a reason, never with a crash."""
    assert reason(given) in {"malformed", "bad_signature"}


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_no_altered_link_opens_anything(place: int, change: int):
    """One character is enough, also one that spells the same bytes otherwise."""
    real = token(INVITATION, KEY)
    at = place % len(real)
    altered = real[:at] + chr((ord(real[at]) + change) % 256) + real[at + 1 :]
    assert altered == real or reason(altered) in {"malformed", "bad_signature"}


def test_another_spelling_of_a_link_opens_nothing():
    """Base64 has several for one value; each link has exactly one, so that a list of used ones can be trusted."""
    real = token(INVITATION, KEY)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    respelt = real[:-1] + alphabet[alphabet.index(real[-1]) + 1]
    assert reason(respelt) == "malformed"
    assert reason(f"{real}=") == "malformed"


def test_what_the_form_posts_is_the_persons_answer():
    """The key is the question, the person and the answer: another mail about it gives no second one."""
    said = answered(INVITATION, "reject", note="no")
    assert (said.channel, said.identity, said.answer, said.note) == ("email", "Ada Ünal", "reject", "no")
    assert said.once == f"email:{APPROVAL}:Ada Ünal:reject"
