"""Ranking tools by words, and how a shortlist is drawn up and grows."""

import os
import subprocess
import sys

import pytest

from bench.company_tools import QUESTIONS, tools
from holdfast import tool
from holdfast.tools.router import drawn_up, grown
from holdfast.tools.router_words import Words

MANY = tools()
WORDS = Words(MANY)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("refund_payment", "refund_payment"),
        ("refundPayment", "refund_payment"),
        ("Refunding payments", "refund_payment"),
        ("my money back", "refund_payment"),
        ("tracking_number", "track_parcel"),
    ],
)
def test_a_tool_is_found_by_its_words_in_any_form(said: str, wanted: str) -> None:
    """By name, as a name in another style, inflected, in everyday words, and by an argument."""
    assert WORDS.ranked(said)[0] == wanted


def test_what_shares_no_word_is_not_ranked() -> None:
    """Nothing is guessed."""
    assert WORDS.ranked("zxqv") == []
    assert WORDS.ranked("") == []


def test_newer_words_count_more() -> None:
    """The last text is the newest."""
    assert WORDS.ranked("hotel", "weather")[0] == "weather"
    assert WORDS.ranked("weather", "hotel")[0] == "book_hotel"


@pytest.mark.parametrize("word", ["παραγγελία", "Größe", "zażółć", "заказ"])
def test_words_of_other_languages_are_words(word: str) -> None:
    """Whole ones: no part of them is taken for a word of its own."""

    @tool(effect="read", description=f"{word} 7")
    def find(number: int) -> str:
        return ""

    assert Words([find, *MANY]).ranked(f"{word}?") == ["find"]


def test_every_process_comes_to_the_same_order() -> None:
    """Whatever order its sets have: two workers that take turns show the same tools."""
    script = (
        "from bench.company_tools import QUESTIONS, tools; from holdfast.tools.router_words import Words;"
        "words = Words(tools()); print([words.ranked(asked) for asked in QUESTIONS])"
    )
    command, other = [sys.executable, "-c", script], {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONHASHSEED": "1"}
    came = subprocess.run(command, env=other, capture_output=True, text=True, check=True).stdout
    assert came == f"{[WORDS.ranked(asked) for asked in QUESTIONS]}\n"


def test_a_list_is_filled_up_with_what_fits_best() -> None:
    """Behind what must be on it; nothing stands there twice."""
    drawn = drawn_up(4, {"always": ["a"], "used": ["b", "a"]}, ["b", "c", "d", "e"])
    assert drawn.names == ["a", "b", "c", "d"]


def test_what_must_be_on_a_list_may_be_more_than_it_holds() -> None:
    """A tool in use is never taken away to save tokens."""
    assert drawn_up(1, {"used": ["a", "b"]}, ["c"]).names == ["a", "b"]


def test_a_list_stays_while_what_fits_best_is_on_it() -> None:
    """Each change costs what the provider has cached."""
    assert grown(["a", "b"], 4, {}, ["a", "c", "d"]) is None


def test_a_list_grows_by_what_fits_the_newest_words_better_than_all_on_it() -> None:
    """And what comes next after that, up to three, but to no more than twice its size."""
    assert grown(["a", "b"], 4, {}, ["c", "a", "d", "e"]).names == ["c", "d"]
    assert grown(["a", "b", "c"], 2, {}, ["d", "e", "f"]).names == ["d"]
    assert grown(["a", "b", "c", "d"], 2, {}, ["e"]) is None


def test_what_was_asked_for_joins_a_full_list() -> None:
    """Whoever keeps it draws it up anew then."""
    assert grown(["a", "b"], 1, {"found": ["c", "a"]}, []).added == {"found": ["c"]}
