"""Which corrections a model is told, and in which words."""

import asyncio
from datetime import UTC, datetime

import pytest

from holdfast.memory.guidance import KEPT_S, TOLD, Lessons, most_alike, told
from holdfast.testing import FakeClock
from holdfast.types import Feedback, Json


def row(asked: Json, number: int = 1, **changes: object) -> Feedback:
    values = {
        "id": f"f{number}", "execution_id": "e", "agent_type": "a", "step_number": 1, "kind": "arguments",
        "tool_name": "refund", "asked": asked, "was": {"amount": 120, "to": "mia"},
        "should_be": {"amount": 80, "to": "mia"}, "given_by": "Ada", "why": "too much",
        "created_at": datetime(2026, 11, 21, tzinfo=UTC),
    }  # fmt: skip
    return Feedback(**(values | changes))


def test_the_most_alike_come_first_and_few():
    """Of many corrections those whose input has most words in common are told."""
    rows = [row("broken lamp", 1), row("late parcel", 2), *(row("my lamp is broken again", n) for n in range(3, 9))]
    chosen = most_alike(rows, "the lamp is broken")
    assert [one.id for one in chosen] == ["f1", "f3", "f4"][:TOLD]


@pytest.mark.parametrize("asked", ["late parcel", "", None, 7, {"lamp": "parcel"}])
def test_what_has_nothing_in_common_is_not_told(asked: Json):
    """An unlike input brings no guidance; keys of an input are no words of it."""
    assert most_alike([row("broken lamp")], asked) == []


def test_only_what_changed_is_told():
    """The rest of the arguments may be about somebody else."""
    said = told(row("x"))
    assert said == (
        "From earlier work like this: a person corrected a call of refund: amount should have been 80. Why: too much"
    )
    assert "mia" not in said


def test_a_no_is_told_with_its_reason():
    """What nobody wanted is worth knowing too."""
    said = told(row("x", kind="rejection", should_be=None, why="never twice"))
    assert said == "From earlier work like this: a person said no to a call of refund. Why: never twice"


def test_an_endless_correction_is_cut():
    """A novel does not fill the context."""
    assert len(told(row("x", why="w" * 10_000))) < 500


def test_corrections_are_read_once_in_a_while():
    """Many executions that start at once read them once; somebody's new correction counts at once."""
    asked: list[str] = []
    clock = FakeClock()

    async def read(agent: str, limit: int) -> list[Feedback]:
        asked.append(agent)
        return []

    async def story() -> None:
        lessons = Lessons(read, clock=clock)
        await lessons.of("a")
        await lessons.of("a")
        assert asked == ["a"]
        lessons.forget()
        await lessons.of("a")
        clock.advance(KEPT_S + 1)
        await lessons.of("a")
        assert asked == ["a"] * 3

    asyncio.run(story())
