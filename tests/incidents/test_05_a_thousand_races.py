"""Incident 5, a thousand times: two processes answer the same approvals at the same moment."""

import asyncio
from collections import Counter

import pytest

from holdfast import Agent, App, Conversation, Limits, ask_always, tool
from holdfast.config import Settings
from holdfast.testing import Call, Say
from holdfast.types import Reply
from tests.conformance.test_processes import begin, other

ROUNDS = 1_000


def payer(ran: list[str]) -> Agent:
    """Pays once for each execution, and says so."""

    @tool(effect="irreversible", review=ask_always)
    async def pay(order: int) -> str:
        """Pay."""
        ran.append(str(order))
        return "paid"

    def follow(conversation: Conversation) -> Reply:
        return Say("done") if conversation.calls else Call("pay", {"order": conversation.input})

    return Agent(name="payer", models=[follow], tools=[pay], limits=Limits(repeats=50))


@pytest.mark.timeout(120)
def test_of_two_simultaneous_answers_one_wins_and_the_tool_runs_once(database: str):
    """A thousand rounds: exactly one of two processes wins each, the other is told, and each tool runs once."""
    ran: list[str] = []

    async def story() -> list[str]:
        async with App([payer(ran)], database, settings=Settings(log_level="error")) as app:
            await asyncio.gather(*(app.start("payer", number) for number in range(ROUNDS)))
            await app.work(concurrency=200, drain=True)
            assert (len(await app.approvals()), ran) == (ROUNDS, [])
            both = [other("answer_all", database, name) for name in ("ada", "bob")]
            begin(*both)
            said = [
                line
                for process in await asyncio.gather(*(asyncio.to_thread(it.communicate) for it in both))
                for line in process[0].splitlines()
            ]
            await app.work(concurrency=200, drain=True)
            assert {it.status for it in await app.list(limit=2 * ROUNDS)} == {"completed"}
            return said

    came = asyncio.run(story())
    assert Counter(line.split()[0] for line in came) == {"won": ROUNDS, "already_decided": ROUNDS}
    assert len({line.split()[1] for line in came if line.startswith("won")}) == ROUNDS
    assert Counter(ran) == {str(number): 1 for number in range(ROUNDS)}
