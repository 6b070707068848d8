"""Incident 13: a supervisor fans out to sub-agents that each want money."""

import asyncio
import signal
from pathlib import Path

from holdfast import App
from tests.incidents.fan_out import CEILING, FANNED_OUT, supervisor
from tests.incidents.place import Place, until
from tests.incidents.spenders import bills

TARGET = str(Path(__file__).with_name("fan_out.py"))


def test_children_reserve_from_their_parents_remainder(place: Place):
    """A supervisor fans out to sub-agents that each want money: children reserve from the parent's remainder."""

    def app() -> App:
        return place.app(supervisor(place.folder))

    async def start(app: App) -> None:
        await asyncio.gather(*(app.start("supervisor", f"job {number}") for number in range(5)))

    place.play(start, app())
    workers = [place.begin("worker", TARGET, "--drain", HOLDFAST_CONCURRENCY=8) for _ in range(2)]

    async def kill_one() -> None:
        await until(lambda: len(bills(place.folder).effects()) >= 10)
        workers[0].signal(signal.SIGKILL)

    asyncio.run(kill_one())
    assert [worker.wait(90) for worker in workers] == [-9, 0]
    assert place.holdfast("worker", TARGET, "--drain").code == 0

    async def look(app: App) -> None:
        parents = await app.list(agent="supervisor")
        assert {(one.status, one.descendants, one.waits_for) for one in parents} == {("completed", FANNED_OUT, 0)}
        assert all(0 < one.token_count + one.family_tokens <= CEILING for one in parents)
        billed = sum(int(bill.key) for bill in bills(place.folder).effects())
        assert 0 < billed <= CEILING * len(parents)
        children = await app.list(agent="spender", limit=100)
        assert len(children) == FANNED_OUT * len(parents)
        assert {child.status for child in children} <= {"completed", "failed"}
        assert {child.status_reason for child in children if child.status == "failed"} <= {"MAX_TOKENS_EXCEEDED"}

    place.play(look, app())
