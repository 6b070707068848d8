"""A person's answer about an effect of unknown outcome, as the model and the record see it."""

import asyncio
from pathlib import Path

import pytest

from holdfast import Agent, App, never_ask, tool
from holdfast.testing import Call, Say, ScriptedModel
from holdfast.types import Execution, Json


@tool(effect="irreversible", review=never_ask)
async def pay(order: str) -> dict[str, str]:
    """Pay, over a line that dies."""
    raise ConnectionError("the line went dead")


def settled(path: Path, found: Json) -> Execution:
    """A payment in doubt, and a person who looked and found this."""
    model = ScriptedModel([Call("pay", {"order": "7"}), Say("Paid.")])
    app = App([Agent(name="clerk", models=[model], tools=[pay])], str(path / "holdfast.db"))

    async def story() -> Execution:
        async with app:
            asked = await app.run("clerk", "Pay order 7.", timeout_s=20)
            (question,) = await app.approvals()
            await app.decide(question.id, "happened", by="Ada", edit=found)
            return await app.resume(asked.id, timeout_s=20)

    return asyncio.run(story())


@pytest.mark.parametrize("found", [{"receipt": "r-7"}, ["r-7"], 7, True, "r-7", None])
def test_what_a_person_found_becomes_the_result_of_the_call(tmp_path: Path, found: Json):
    """Whatever JSON the person gives, the execution goes on with it as the call's result."""
    execution = settled(tmp_path, found)
    assert execution.status == "completed"
    (call,) = execution.tool_calls
    assert (call.status, call.tool_output) == ("completed", found)
