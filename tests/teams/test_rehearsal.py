"""`check_workflow`: whether a workflow's code comes to the same each time it runs."""

import random
from datetime import UTC, datetime

import pytest

from holdfast import Agent, Conversation, Final, Flow, workflow
from holdfast.testing import NotDeterministic, check_workflow


def assess(_: Conversation) -> Final:
    return Final("low")


ASSESSOR = Agent(name="assessor", models=[assess])


@workflow
async def sound(flow: Flow, name: str) -> str:
    risk, _ = await flow.parallel(flow.agent("assess", ASSESSOR, name), flow.step("look", len, name, effect="read"))
    await flow.sleep("a month", 30 * 86_400)
    signed = await flow.wait_for("signed", timeout_s=3_600)
    if await flow.approve("sign off", question="May it?", about={"signed": signed, "at": flow.now().isoformat()}):
        return f"{risk} {flow.random() < 2}"
    return "refused"


def test_a_sound_workflow_passes_without_waiting() -> None:
    """It runs to its end, a month of sleep included, and its code comes to the same again."""
    assert check_workflow(sound, "Mia", signals={"signed": True}).result == "low True"
    assert check_workflow(sound, "Mia", signals={"signed": True}, answers={"sign off": "reject"}).result == "refused"


def test_hidden_chance_in_arguments_is_found() -> None:
    """A number that is another one the second time shows in what a step is given."""
    draw = random.random

    @workflow
    async def onboard(flow: Flow) -> float:
        return await flow.step("round", round, draw(), 12, effect="read")

    with pytest.raises(NotDeterministic, match=r"step 'round' was given .*put the rest into steps"):
        check_workflow(onboard)


def test_hidden_chance_in_branches_and_results_is_found() -> None:
    """Another step, or another result, the second time."""
    turns: list[int] = []

    @workflow
    async def branching(flow: Flow) -> None:
        turns.append(1)
        await flow.step("odd" if len(turns) % 2 else "even", lambda: 1, effect="read")

    @workflow
    async def counting(flow: Flow) -> int:
        turns.append(1)
        return len(turns)

    with pytest.raises(NotDeterministic, match="the journal has step 'odd', the code step 'even'"):
        check_workflow(branching)
    with pytest.raises(NotDeterministic, match="its result was 3, and the second time 4"):
        check_workflow(counting)


def test_what_depends_on_who_is_faster_is_found() -> None:
    """Branches that share something in memory come to another order."""

    @workflow
    async def onboard(flow: Flow) -> list[str]:
        came: list[str] = []

        async def branch(name: str) -> None:
            came.append(await flow.step(name, lambda: name, effect="read"))

        await flow.parallel(branch("a"), branch("b"))
        return came

    with pytest.raises(NotDeterministic, match=r"its result was \['a', 'b'\], and the second time \['b', 'a'\]"):
        check_workflow(onboard)


def test_clock_and_chance_in_its_own_code_are_named_with_their_line() -> None:
    """Also where they happen to come to the same in a test; inside of a step's function they are fine."""

    @workflow
    async def onboard(flow: Flow) -> bool:
        await flow.step("date", lambda: datetime.now(UTC), effect="read")
        return datetime.now(UTC).year > 2000

    with pytest.raises(NotDeterministic, match=r"line \d+ calls datetime.now\(\).*use flow.now\(\)"):
        check_workflow(onboard)


def test_two_steps_of_one_name_are_named() -> None:
    """As in production, with the fix."""

    @workflow
    async def onboard(flow: Flow) -> None:
        await flow.step("look", lambda: 1, effect="read")
        await flow.step("look", lambda: 2, effect="read")

    with pytest.raises(NotDeterministic, match="two steps are named 'look': give each its own name"):
        check_workflow(onboard)


def test_a_signal_that_nobody_sends_is_named() -> None:
    """It would wait without end."""

    @workflow
    async def onboard(flow: Flow) -> None:
        await flow.wait_for("signed")

    with pytest.raises(AssertionError, match="waits for 'signed': give signals="):
        check_workflow(onboard)
