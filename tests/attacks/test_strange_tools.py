"""Tools that raise, wait or answer what nobody expects: each is an outcome, none breaks the worker."""

from pathlib import Path

import pytest

from holdfast import Agent, App, Call, RetryLater, Say, never_ask, tool
from holdfast.testing import ScriptedModel
from holdfast.types import Execution


def run_with(path: Path, *tools: object, steps: tuple[object, ...] = (Call("act"), Say("done"))) -> Execution:
    """One execution that calls a tool named `act` and then ends."""
    agent = Agent(name="clerk", models=[ScriptedModel(steps)], tools=tools)
    return App([agent], str(path / "holdfast.db")).run_sync("clerk", "go", timeout_s=30)


class Abort(BaseException):
    """An error that is no Exception, as some libraries have."""


@pytest.mark.parametrize("kind", [Abort, KeyboardInterrupt, GeneratorExit, SystemExit])
@pytest.mark.parametrize("threaded", [False, True])
def test_errors_that_are_no_exceptions_are_outcomes(tmp_path: Path, kind: type, threaded: bool) -> None:
    """Whatever a tool raises, its call fails and the execution goes on."""

    def thrown() -> str:
        raise kind("no")

    async def thrown_async() -> str:
        raise kind("no")

    act = tool(thrown if threaded else thrown_async, effect="read", retries=0, name="act")
    ended = run_with(tmp_path, act)
    assert (ended.status, ended.tool_calls[0].status) == ("completed", "failed")
    assert kind.__name__ in (ended.tool_calls[0].error or "")


def test_a_wait_that_is_no_number_is_the_longest_wait(tmp_path: Path) -> None:
    """What a tool says about its wait cannot break the activation."""

    @tool(effect="read", name="act")
    async def act() -> str:
        later = RetryLater(1, "later")
        later.seconds = "soon"
        raise later

    agent = Agent(name="clerk", models=[ScriptedModel([Call("act"), Say("done")])], tools=[act])
    app = App([agent], str(tmp_path / "holdfast.db"))
    with pytest.raises(TimeoutError):
        app.run_sync("clerk", "go", timeout_s=1)


@pytest.mark.parametrize(
    "value",
    [4111111111111111, {"card": [4111111111111111]}, {"password": 7}, 10**5000],
    ids=["card", "nested", "key", "digits"],
)
def test_a_result_with_a_secret_number_is_recorded_as_json(tmp_path: Path, value: object) -> None:
    """Redacting a number in a result leaves a result that can be read, and runs nothing again."""
    ran: list[int] = []

    @tool(effect="irreversible", review=never_ask)
    async def act() -> object:
        ran.append(1)
        return value

    ended = run_with(tmp_path, act)
    assert (ended.status, ended.tool_calls[0].status, ran) == ("completed", "completed", [1])
    assert "41111111" not in str(ended)
