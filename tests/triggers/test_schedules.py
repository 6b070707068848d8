"""Schedules: what is asked when its time comes."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from holdfast import Agent, App, Say, Schedule
from holdfast.engine.timekeeper import Timekeeper
from holdfast.errors import DeclarationError, IllegalTransition, NotFound, UsageError
from holdfast.testing import FakeClock
from holdfast.types import Wanted

CLERK = Agent(name="clerk", models=[lambda _: Say("done")])


class Stage:
    """An app on a clock, and timekeepers that look when told."""

    def __init__(self, database):
        self.database, self.clock = database, FakeClock()

    @asynccontextmanager
    async def app(self, *schedules):
        async with App([CLERK], self.database, clock=self.clock, schedules=schedules) as app:
            await app._parts.engine(1, None)  # what a worker does first: it puts in force what is declared
            yield app

    async def keeper(self, app, name="w1"):
        trail = await app._open()
        return Timekeeper(trail, app._parts.request, agents=["clerk"], worker_id=lambda: name, clock=self.clock)

    async def look(self, app, name="w1", **later):
        self.clock.advance(timedelta(**later).total_seconds())
        return await (await self.keeper(app, name)).look()

    async def started(self, app):
        found = await (await app._open()).lines(Wanted(), limit=100, after=None)
        return sorted(found, key=lambda line: line.created_at)

    def play(self, story):
        asyncio.run(asyncio.wait_for(story(), 30))


@pytest.fixture
def stage(sqlite_database):
    return Stage(sqlite_database)


def hourly(**changes):
    return Schedule("hourly", **({"agent": "clerk", "every_s": 3600, "input": {"do": "it"}, "user": "ann"} | changes))


def test_a_schedule_asks_when_its_time_comes(stage):
    """Not before, and once; the execution says where it comes from."""

    async def story():
        async with stage.app(hourly()) as app:
            await stage.look(app, minutes=59)
            assert await stage.started(app) == []
            await stage.look(app, minutes=1)
            await stage.look(app)
            (one,) = await stage.started(app)
            execution = await app.get(one.id)
            assert (execution.input_data, execution.user_id) == ({"do": "it"}, "ann")
            assert [f.what for f in (await app.schedules.get("hourly")).history] == ["started"]

    stage.play(story)


def test_it_goes_on_after_a_restart(stage):
    """Its next time is in the database, not in a process."""

    async def story():
        async with stage.app(hourly()) as app:
            await stage.look(app, minutes=30)
        async with stage.app(hourly()) as app:
            await stage.look(app, minutes=30)
            assert len(await stage.started(app)) == 1

    stage.play(story)


def test_two_who_look_at_the_same_moment_fire_once(stage):
    """Even if both believe that it is their turn."""

    async def story():
        async with stage.app(hourly()) as app, stage.app(hourly()) as other:
            stage.clock.advance(3600)
            found = await (await app._open()).schedules()
            await asyncio.gather(*[(await stage.keeper(a, "w1"))._serve(found[0]) for a in (app, other)])
            assert len(await stage.started(app)) == 1

    stage.play(story)


def test_one_worker_looks_and_another_takes_over(stage):
    """Half a minute after the first one's last look."""

    async def story():
        async with stage.app(hourly()) as app:
            await stage.look(app, "w1", seconds=3595)
            assert await stage.look(app, "w2", seconds=10) == 15.0
            assert await stage.started(app) == []
            await stage.look(app, "w2", seconds=30)
            assert len(await stage.started(app)) == 1

    stage.play(story)


@pytest.mark.parametrize(("missed", "count"), [("skip", 0), ("latest", 1), ("all", 1)])
def test_what_was_missed_while_nobody_looked_is_handled_as_declared(stage, missed, count):
    """And what was let go is in the history. (Of `all`, the others are skipped: they overlap.)"""

    async def story():
        async with stage.app(hourly(missed=missed)) as app:
            await stage.look(app, hours=3, minutes=30)
            assert len(await stage.started(app)) == count
            history = (await app.schedules.get("hourly")).history
            assert len(history) == 3
            assert {f.what for f in history} <= {"started", "missed", "skipped"}

    stage.play(story)


def test_what_overlaps_waits_in_line(stage):
    """With `queue`, each begins when the one before it has ended."""

    async def story():
        async with stage.app(hourly(overlap="queue", missed="all")) as app:
            await stage.look(app, hours=3, minutes=30)
            for count in (1, 2, 3, 3):
                found = await stage.started(app)
                assert len(found) == count
                last = (await app.schedules.get("hourly")).last_execution
                if not (await app.get(last)).ended:
                    await app.cancel(last)
                await stage.look(app)

    stage.play(story)


def test_what_overlaps_takes_the_place_of_what_goes_on(stage):
    """With `cancel_previous`, in one transaction."""

    async def story():
        async with stage.app(hourly(overlap="cancel_previous")) as app:
            await stage.look(app, hours=1)
            await stage.look(app, hours=1)
            assert sorted(line.status for line in await stage.started(app)) == ["cancelled", "pending"]

    stage.play(story)


def test_a_paused_schedule_fires_nothing_and_makes_up_for_nothing(stage):
    """From its resumption on it fires again."""

    async def story():
        async with stage.app(hourly(missed="all")) as app:
            await app.schedules.pause("hourly", by="Ada", why="moving")
            with pytest.raises(IllegalTransition):
                await app.schedules.pause("hourly", by="Ada")
            await stage.look(app, hours=5)
            await app.schedules.resume("hourly", by="Ada")
            await stage.look(app, minutes=30)
            assert await stage.started(app) == []
            await stage.look(app, minutes=30)
            assert len(await stage.started(app)) == 1
            record = [entry.kind for entry in await app.control.record()]
            assert record == ["schedule.set", "schedule.paused", "schedule.resumed"]

    stage.play(story)


def test_run_now_asks_at_once_and_leaves_its_times_alone(stage):
    """Twice is two executions."""

    async def story():
        async with stage.app(hourly()) as app:
            before = (await app.schedules.get("hourly")).next_at
            await app.schedules.run("hourly", by="Ada")
            await stage.look(app, seconds=1)
            await app.schedules.run("hourly", by="Ada")
            await stage.look(app, seconds=1)
            assert len(await stage.started(app)) == 2
            assert (await app.schedules.get("hourly")).next_at == before

    stage.play(story)


def test_code_that_declares_a_schedule_no_more_takes_it_away(stage):
    """An operator's stays; a changed one has its next time worked out anew."""

    async def story():
        async with stage.app(hourly()) as app:
            await app.schedules.set(Schedule("own", agent="clerk", cron="0 2 * * *"), by="Ada")
        async with stage.app(hourly(every_s=60)) as app:
            next_at = (await app.schedules.get("hourly")).next_at
            assert next_at == stage.clock.now() + timedelta(seconds=60)
        async with stage.app() as app:
            assert [one.schedule.name for one in await app.schedules.all()] == ["own"]
            with pytest.raises(NotFound, match="own"):
                await app.schedules.get("hourly")

    stage.play(story)


def test_a_schedule_of_an_unknown_agent_is_refused(stage):
    """When the App is made; and one that cannot be, when it is set."""
    with pytest.raises(DeclarationError, match="nobody"):
        App([CLERK], schedules=[hourly(agent="nobody")])

    async def story():
        async with stage.app() as app:
            with pytest.raises(UsageError, match="five fields"):
                await app.schedules.set(Schedule("x", agent="clerk", cron="daily"), by="Ada")

    stage.play(story)


def test_a_clock_that_jumps_fires_as_declared(stage):
    """Forward: what was jumped over counts as missed. Back: nothing fires twice."""

    async def story():
        async with stage.app(hourly(missed="latest", overlap="queue")) as app:
            await stage.look(app, days=30)
            assert len(await stage.started(app)) == 1
            stage.clock.set(stage.clock.now() - timedelta(days=2))
            await stage.look(app, minutes=1)
            await stage.look(app, hours=5)
            assert len(await stage.started(app)) == 1

    stage.play(story)


def test_an_app_that_is_configured_alike_has_the_schedules_of_its_agents():
    """As `holdfast worker app.py:app --database ...` makes one: it takes nothing away."""
    app = App([CLERK], schedules=[hourly()])
    assert [one.name for one in app.like(agents=[CLERK])._parts.schedules] == ["hourly"]
    assert app.like(agents=[])._parts.schedules == []


def test_a_worker_that_drains_fires_nothing(stage):
    """What an old version starts would stay with it: another worker fires."""

    async def story():
        async with stage.app(hourly()) as app:
            await stage.look(app, name="", minutes=60)
            assert await stage.started(app) == []
            await stage.look(app)
            assert len(await stage.started(app)) == 1

    stage.play(story)
