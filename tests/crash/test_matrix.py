"""The crash matrix: killed around every commit and every tool call, each execution ends as it would have."""

import os
from typing import Any

import pytest

from tests.crash.driver import drive

FEWEST_POINTS = 150
FEWEST_PLACES = 65
"""Fewer would mean that the story or its crash points were lost."""

DEEP = os.environ.get("HOLDFAST_TEST_DEEP") == "1"
"""Also at points that leave the same behind as another one does."""


def play(place: dict[str, Any], **order: Any) -> tuple[dict[str, list[str]], dict[str, Any]]:
    """What was wrong, by point; and the numbers."""
    *told, numbers = drive("matrix", {"place": place, **order}, timeout_s=570)
    return {line["point"]: line["violations"] for line in told if line["violations"]}, numbers


@pytest.mark.timeout(600)
def test_killed_at_any_instant_every_execution_ends_as_it_would_have(place: dict[str, Any]):
    """P1 and P2 hold at every point there is: the same result, no effect twice, nothing bought twice, nothing stuck."""
    wrong, numbers = play(place, deep=DEEP, twice=30 if DEEP else 15)
    assert wrong == {}
    assert numbers["points"] >= FEWEST_POINTS
    assert numbers["places"] >= (FEWEST_POINTS if DEEP else FEWEST_PLACES)
    assert numbers["killed"] >= numbers["stories"] >= numbers["places"]


@pytest.mark.parametrize(
    ("spoil", "points", "found"),
    [
        ("run_again", ["inside-tool:charge", "inside-tool:refund"], ["P1: charge", "P1: the effect of refund"]),
        ("acknowledge_early", ["inside-tool:refund", "inside-tool:charge"], ["P1: refund"]),
        ("new_keys", ["inside-tool:update_address:1"], ["under several keys"]),
        ("forget_the_last", ["after-commit:10", "after-commit:15"], ["P2: step 5", "P2: refund"]),
    ],
)
def test_the_matrix_finds_what_was_broken_on_purpose(
    sqlite_place: dict[str, Any], spoil: str, points: list[str], found: list[str]
):
    """A check that cannot fail would prove nothing: each of these breaks one promise, and is caught."""
    wrong, _ = play(sqlite_place, spoil=spoil, points=points)
    said = [violation for violations in wrong.values() for violation in violations]
    assert [each for each in found if not any(each in violation for violation in said)] == [], wrong
