"""Beginning an attempt: only when effects may begin, however long ago the last one was."""

import asyncio

import pytest

from holdfast.errors import RetryLater
from holdfast.tools.tool import tool
from tests.tools.kit import recover, run


class Gate:
    """Lets attempts begin, and notes it among what the tool does."""

    def __init__(self) -> None:
        self.story: list[str] = []

    async def __call__(self) -> None:
        self.story.append("ready")


@pytest.mark.parametrize("trouble", [RetryLater(1), ConnectionError("cut")])
def test_each_attempt_waits_until_effects_may_begin(trouble: Exception):
    """A worker that lost its lease during the pause between two attempts does not make the second one."""
    gate = Gate()

    @tool(effect="idempotent")
    async def act() -> str:
        gate.story.append("act")
        if gate.story.count("act") == 1:
            raise trouble
        return "ok"

    assert asyncio.run(run(act, ready=gate)).status == "completed"
    assert gate.story == ["ready", "act", "ready", "act"]


def test_after_a_probe_an_attempt_waits_too():
    """A worker that lost its lease while the probe was asked does not act on the answer."""
    gate = Gate()

    @tool(effect="irreversible")
    async def act() -> str:
        gate.story.append("act")
        return "ok"

    @act.probe
    async def asked() -> None:
        gate.story.append("probe")

    assert asyncio.run(recover(act, ready=gate)).status == "completed"
    assert gate.story == ["probe", "ready", "act"]
