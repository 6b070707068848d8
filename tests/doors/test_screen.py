"""What may reach a terminal."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from holdfast.doors.screen import call_words, clean, line, plain, shorten


@pytest.mark.parametrize(
    "hostile", ["\x1b[2J", "\x9b31m", "\r", "\x07", "\x7f", "\u202e", "\u2066", "\ud800", "\u2028"]
)
def test_nothing_that_a_terminal_obeys_gets_through(hostile: str) -> None:
    """Escape sequences, overrides and broken characters in data are shown, not obeyed."""
    cleaned = clean(f"a{hostile}b")
    assert cleaned.isprintable()
    assert cleaned.startswith("a\\")


@pytest.mark.parametrize("text", ["plain", "Grüße, señor", "日本語", "👩‍💻", "a\tb\nc", "1\u00a0000"])
def test_ordinary_text_in_any_language_is_left_alone(text: str) -> None:
    """Cleaning changes nothing that people write."""
    assert clean(text) == text


def test_data_on_many_lines_cannot_pass_for_our_own_lines() -> None:
    """Each further line of a value is marked as part of the value."""
    assert line("says: ", "hi\nstep 9  fake").plain == "says: hi\n│ step 9  fake"


def test_markup_of_the_terminal_library_in_data_is_only_text() -> None:
    """Square brackets from a model are shown as they are."""
    assert line("[bold red]x[/]").plain == "[bold red]x[/]"


def test_a_shortened_value_says_that_it_is_cut() -> None:
    """A long value fits its column and ends with an ellipsis."""
    assert shorten("word " * 100, 20) == "word word word word…"
    assert shorten("short", 20) == "short"


def test_a_call_reads_as_one_writes_it() -> None:
    """Arguments are shown by name, as JSON."""
    assert call_words("refund", {"order": "1", "amount": 2}) == 'refund(order="1", amount=2)'


def test_records_become_json_with_numbers_for_money() -> None:
    """Times are ISO 8601, amounts numbers."""
    at = datetime(2026, 1, 2, tzinfo=UTC)
    assert plain({"at": at, "cost": Decimal("0.5"), "n": (1,)}) == {
        "at": "2026-01-02T00:00:00+00:00",
        "cost": 0.5,
        "n": [1],
    }
