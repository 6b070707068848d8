"""Sensors: what is new is worked on once."""

import asyncio
import os
import signal
import subprocess
import sys
from contextlib import asynccontextmanager

import pytest

from holdfast import Agent, App, Item, Items, Say, sensor
from holdfast.attendants import watch
from holdfast.engine.sensing import Sensing
from holdfast.errors import DeclarationError
from holdfast.testing import FakeClock
from holdfast.types import Wanted

CLERK = Agent(name="clerk", models=[lambda _: Say("done")])


class Mailbox:
    """Something with a sensor: mails by number."""

    def __init__(self):
        self.mails, self.broken, self.cursors = ["one", "two"], False, []

    def sensor(self, **changes):
        @sensor(agent="clerk", every_s=60, **changes)
        async def new_mail(cursor):
            self.cursors.append(cursor)
            if self.broken:
                raise ConnectionError("the server hung up")
            found = list(enumerate(self.mails))[cursor or 0 :]
            return Items([Item(f"mail-{n}", text) for n, text in found], len(self.mails))

        return new_mail


class Stage:
    def __init__(self, database):
        self.database, self.clock, self.box = database, FakeClock(), Mailbox()

    @asynccontextmanager
    async def app(self):
        async with App([CLERK], self.database, clock=self.clock, sensors=[self.box.sensor()]) as app:
            yield app

    async def look(self, app, worker="w1", *, later_s=0):
        self.clock.advance(later_s)
        trail = await app._open()
        asked = app._parts.sensors
        sensing = Sensing(trail, asked, app._parts.about, worker_id=lambda: worker, clock=self.clock)
        return await sensing.look(asked[0])

    async def inputs(self, app):
        found = await (await app._open()).lines(Wanted(), limit=100, after=None)
        return sorted([(await app.get(line.id)).input_data for line in found])

    def play(self, story):
        asyncio.run(asyncio.wait_for(story(), 30))


@pytest.fixture
def stage(sqlite_database):
    return Stage(sqlite_database)


def test_each_new_thing_is_worked_on_once(stage):
    """And the next look goes on where this one ended."""

    async def story():
        async with stage.app() as app:
            await stage.look(app)
            assert await stage.inputs(app) == ["one", "two"]
            stage.box.mails.append("three")
            assert await stage.look(app) == 60
            await stage.look(app, later_s=60)
            assert await stage.inputs(app) == ["one", "three", "two"]
            assert stage.box.cursors == [None, 2]

    stage.play(story)


def test_an_item_that_was_seen_before_is_no_new_one(stage):
    """A sensor that forgets its cursor, or gives an item twice, starts nothing twice."""

    async def story():
        async with stage.app() as app:
            await stage.look(app)
            await (await app._open()).fire("sensor", "new_mail", was={}, changes={"cursor": None, "next_at": None})
            await stage.look(app)
            assert await stage.inputs(app) == ["one", "two"]

    stage.play(story)


def test_one_worker_asks_at_a_time(stage):
    """Another one takes over when the first has been silent for a while."""

    async def story():
        async with stage.app() as app:
            await stage.look(app, "w1")
            await stage.look(app, "w2", later_s=59)
            assert len(stage.box.cursors) == 1
            await stage.look(app, "w2", later_s=60)
            assert len(stage.box.cursors) == 2

    stage.play(story)


def test_a_sensor_that_fails_waits_longer_each_time_and_people_hear_of_it(stage):
    """Its cursor stays, and once it works again all is well."""

    async def story():
        async with stage.app() as app:
            stage.box.broken = True
            pauses = [await stage.look(app, later_s=3600) for _ in range(3)]
            assert pauses == [120, 240, 480]
            trail = await app._open()
            assert "hung up" in (await trail.sensed("new_mail")).error
            engine = await app._parts.engine(1, None)
            await watch(engine, settings=app.settings, trail=trail, clock=stage.clock).look()
            assert [alert.key for alert in await app.control.alerts()] == ["sensor:new_mail"]
            stage.box.broken = False
            await stage.look(app, later_s=3600)
            assert (await trail.sensed("new_mail")).failures == 0
            assert len(await stage.inputs(app)) == 2

    stage.play(story)


def test_what_can_be_no_sensor_is_refused():
    """When it is declared, or when the App is made."""
    with pytest.raises(DeclarationError):
        sensor(agent="clerk", every_s=0)
    with pytest.raises(DeclarationError):
        sensor(agent="clerk")(lambda cursor: None)

    @sensor(agent="nobody")
    async def lost(_cursor):
        return Items()

    with pytest.raises(DeclarationError, match="nobody"):
        App([CLERK], sensors=[lost])


def test_nothing_is_lost_or_doubled_when_its_worker_is_killed(sqlite_database, tmp_path):
    """Killed in the middle of looks, again and again; in the end every number is there once."""
    command = [sys.executable, "-m", "tests.triggers.counting", sqlite_database, str(tmp_path / "count")]
    for _ in range(3):
        worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert worker.stdout
        for _ in range(2):
            worker.stdout.readline()  # a look began
        os.kill(worker.pid, signal.SIGKILL)
        worker.wait()
        worker.stdout.close()

    async def story():
        async with App(database=sqlite_database) as app:
            trail = await app._open()
            cursor = (await trail.sensed("numbers")).cursor or 0
            found = await trail.lines(Wanted(), limit=1000, after=None)
            return cursor, sorted([(await app.get(line.id)).input_data for line in found])

    cursor, seen = asyncio.run(story())
    assert seen == list(range(cursor))
    assert cursor > 0
