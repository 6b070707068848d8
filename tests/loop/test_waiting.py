"""Time that an execution waits: it is not the execution's own."""

import asyncio
from pathlib import Path

from holdfast import App
from holdfast.testing import Call, FakeClock, Say
from tests.loop.desk import World


def test_waiting_for_a_person_is_no_activity(tmp_path: Path):
    """An answer that takes longer than `total_timeout_s` does not use it up."""
    clock = FakeClock(auto=True)
    agent = World(tmp_path).agent([Call("send", {"to": "Ann"}), Say("Sent.")])

    async def story() -> str:
        async with App([agent], str(tmp_path / "holdfast.db"), clock=clock) as app:
            asked = await app.run("clerk", "Write to Ann.", timeout_s=20)
            (question,) = await app.approvals()
            clock.advance(3_600)
            await app.decide(question.id, "approve", by="Ada")
            clock.advance(3_600)
            return (await app.resume(asked.id, timeout_s=20)).status

    assert asyncio.run(story()) == "completed"
