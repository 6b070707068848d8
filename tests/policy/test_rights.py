"""Who may decide."""

import pytest

from holdfast.policy.rights import Rights
from holdfast.types import Answer

PEOPLE = Rights.of({"Ada": ["finance"], "Bob": ["lead"]})


def may(by: str, answer: Answer = "approve", *, rights: Rights = PEOPLE, groups=("finance",), user=None) -> bool:
    return rights.objection(by, answer, groups=groups, requested_by=user) is None


def test_members_of_the_group_may():
    """However their name is written."""
    assert may("Ada")
    assert may(" ada ")
    assert not may("Bob")
    assert not may("Mallory")


def test_a_group_it_was_escalated_to_may_too():
    """Any of the groups asked so far."""
    assert may("Bob", groups=("finance", "lead"))


def test_a_question_to_nobody_special_is_everybodys():
    """Without reviewers, anybody may answer."""
    assert may("Mallory", groups=())


@pytest.mark.parametrize(("answer", "allowed"), [("approve", False), ("run", False), ("reject", True), ("skip", True)])
def test_ones_own_request(answer: Answer, allowed: bool):
    """Nobody agrees to what they asked for themselves; anybody may stop it."""
    assert may("Ada", answer, user="ada") is allowed


def test_ones_own_request_where_the_settings_allow_it():
    """For those who work alone."""
    assert may("Ada", rights=Rights.of({"Ada": ["finance"]}, allow_self_approval=True), user="ada")


def test_the_first_of_several_voters_who_lost_the_right_is_named():
    """A quorum is only as good as each of its members."""
    why = PEOPLE.first_objection(["Ada", "Bob"], "approve", groups=("finance",), requested_by=None)
    assert why == "Bob is not in finance, which is asked: ada may decide"
