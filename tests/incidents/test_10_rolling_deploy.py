"""Incident 10, in a fleet: a deploy changes the code of executions that are parked."""

import asyncio

from holdfast import App
from tests.incidents.moving import agents
from tests.incidents.place import Place

TARGET = str(__file__).replace("test_10_rolling_deploy.py", "moving.py")
EACH = 8


def test_old_workers_drain_and_keep_what_is_pinned_to_them(postgres_place: Place):
    """Executions change version in the middle of a deploy, or stay with the old one until done; each effect is once."""
    place = postgres_place

    async def story(app: App) -> None:
        with (
            place.worker(TARGET, VERSION="1", HOLDFAST_LEASE_S=2) as first,
            place.worker(TARGET, VERSION="1", HOLDFAST_LEASE_S=2) as second,
        ):
            ids = {name: [(await app.start(name, str(n))).id for n in range(EACH)] for name in ("stays", "moves")}
            for one in (*ids["stays"], *ids["moves"]):
                assert (await app.wait(one, 30)).status == "awaiting_review"
            assert {effect.tool for effect in place.ledger.effects()} == {"1"}
            with place.worker(TARGET, VERSION="2", HOLDFAST_LEASE_S=2) as new:
                await _drain_the_old(app)
                await _approve_all(app)
                for one in ids["moves"]:
                    assert (await app.wait(one, 30)).result == "2"
                for one in ids["stays"]:
                    assert (await app.wait(one, 30)).result == "1"
                # By themselves, now that nothing is pinned to them.
                assert [await asyncio.to_thread(old.wait, 30) for old in (first, second)] == [0, 0]
                assert [one.serves["moves"] for one in (await app.control.fleet()).workers] == ["2"]
                assert new.code is None

    place.play(story, App(agents(place.folder, "1"), place.database), within_s=100)
    effects = place.ledger.effects()
    assert (len(effects), place.ledger.repeated()) == (2 * EACH * 3, {})
    assert {effect.tool for effect in effects if effect.args.get("paid")} == {"1", "2"}


async def _drain_the_old(app: App) -> None:
    async def versions() -> list[str]:
        return [one.serves["moves"] for one in (await app.control.fleet()).workers]

    async with asyncio.timeout(30):
        while "2" not in await versions():  # noqa: ASYNC110 - another process decides
            await asyncio.sleep(0.05)
    for worker in (await app.control.fleet()).workers:
        if worker.serves["moves"] == "1":
            assert await app.control.drain_worker(worker.id, by="test", why="a deploy")


async def _approve_all(app: App) -> None:
    for approval in await app.approvals():
        await app.decide(approval.id, "approve", by="Ada")


def test_a_worker_for_pinned_executions_alone_ends_with_them(postgres_place: Place):
    """`--only-pinned` takes over what an old version left, and nothing else."""
    place = postgres_place

    async def story(app: App) -> None:
        stays, moves = [(await app.start(name, "1")).id for name in ("stays", "moves")]
        old = place.begin("worker", TARGET, "--only-pinned", VERSION="1", HOLDFAST_LEASE_S=2)
        try:
            assert (await app.wait(stays, 30)).status == "awaiting_review"
            await _approve_all(app)
            assert await asyncio.to_thread(old.wait, 30) == 0
        finally:
            old.end()
        assert [(await app.get(one)).status for one in (stays, moves)] == ["completed", "pending"]

    place.play(story, App(agents(place.folder, "1"), place.database), within_s=60)
