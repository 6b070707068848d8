"""Who answers is known by name, or may not answer."""

import pytest

from holdfast.config import Settings
from holdfast.errors import ForgedAnswer
from holdfast.notify.people import People, Person, may_answer

ADA = Person(name="Ada", groups=frozenset({"lead"}), slack="U1", telegram="42", email="ada@corp.example")
BOB = Person(name="Bob")
PEOPLE = People([ADA, BOB])


@pytest.mark.parametrize(
    ("channel", "identity"), [("slack", "U1"), ("telegram", "42"), ("email", "ada"), ("webhook", "Ada")]
)
def test_a_channels_identity_is_a_person(channel: str, identity: str):
    """Whatever the channel calls them."""
    assert PEOPLE.behind(channel, identity) is ADA


@pytest.mark.parametrize(
    ("channel", "identity"), [("slack", "U2"), ("telegram", "U1"), ("slack", "Bob"), ("slack", "")]
)
def test_a_stranger_may_not_answer(channel: str, identity: str):
    """A real Slack user whom nobody configured is a stranger; a name is no Slack id."""
    with pytest.raises(ForgedAnswer) as refused:
        PEOPLE.behind(channel, identity)
    assert refused.value.reason == "unknown_person"


def test_a_question_to_a_group_is_theirs():
    """A question to no group is everybody's."""
    assert [may_answer(ADA, ["desk", "lead"]), may_answer(BOB, ["desk", "lead"]), may_answer(BOB, [])] == [
        True,
        False,
        True,
    ]


def test_a_group_without_members_is_everybody():
    """A question finds somebody, also when a group is misspelt."""
    assert PEOPLE.of("lead") == [ADA]
    assert PEOPLE.of("lade") == [ADA, BOB]
    assert PEOPLE.of(None) == [ADA, BOB]


def test_people_come_from_configuration():
    """`[people.NAME]` says what they are known by."""
    settings = Settings.model_validate({"people": {"Ada": {"groups": ["lead"], "slack": "U1", "telegram": 42}}})
    assert People.configured(settings).behind("telegram", "42").groups == {"lead"}
