"""Turns, worked out without a database."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from holdfast.trail.controls.share import Terms
from holdfast.trail.fair import Lane, Load, Turns
from holdfast.types import Share


def lanes(**waiting):
    return [Lane("clerk", user, [f"{user}-{n}" for n in range(count)]) for user, count in waiting.items()]


def user_of(execution_id):
    return execution_id.partition("-")[0]


def test_whoever_was_served_last_is_served_last_again():
    """The ring goes on where it stood."""
    turns = Turns()
    first = turns.pick(lanes(ann=3, bob=3, cem=3), 2, Load(Terms()))
    second = turns.pick(lanes(bob=3, cem=3, ann=3), 2, Load(Terms()))
    assert [user_of(i) for i in (*first, *second)] == ["ann", "bob", "cem", "ann"]


def test_an_agent_that_rested_does_not_make_up_for_it():
    """It begins level with the others."""
    turns = Turns()
    turns.pick([Lane("a", "u", [str(n) for n in range(100)]), Lane("b", "u", ["x"])], 100, Load(Terms()))
    found = turns.pick([Lane(a, "u", [f"{a}{n}" for n in range(10)]) for a in "ab"], 6, Load(Terms()))
    assert 2 <= Counter(i[0] for i in found)["a"] <= 3


@given(
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 30), min_size=1),
    st.integers(1, 60),
    st.integers(1, 5),
)
def test_nobody_gets_two_more_than_another_who_still_waits(waiting, wanted, weight):
    """In one claim, whoever is left with work had at most one turn less than anybody."""
    load = Load(Terms.of([Share(name="w", scope="user", weight=weight)]))
    found = Counter(map(user_of, Turns().pick(lanes(**waiting), wanted, load)))
    assert found.total() == min(wanted, sum(waiting.values()))
    for user, count in waiting.items():
        if found[user] < count:
            assert max(found.values()) - found[user] <= weight


@given(st.dictionaries(st.sampled_from("abcd"), st.integers(1, 9), min_size=1), st.integers(1, 4), st.integers(1, 9))
def test_no_pick_goes_beyond_a_limit(waiting, each, together):
    """Of a user and of all, counting what runs already."""
    terms = Terms.of([Share(name="u", scope="user", limit=each), Share(name="g", scope="global", limit=together)])
    load = Load.of(terms, [("clerk", "a", 1)])
    found = Counter(map(user_of, Turns().pick(lanes(**waiting), 99, load)))
    assert found.total() <= together - 1
    assert all(count <= each - (user == "a") for user, count in found.items())
