"""A standing rule of retention: once an hour, by one worker of the fleet."""

from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from holdfast.config import Settings
from holdfast.engine.retention import Keep, Retention
from holdfast.errors import UsageError
from holdfast.trail import events as kinds
from holdfast.trail.trail import Trail
from tests.conformance.world import World, event, step

names = count()


def keeper(world: World, trail: Trail) -> Retention:
    keep = Keep(payloads=timedelta(days=90), everything=timedelta(days=730))
    return Retention(trail, keep, clock=world.clock, new_id=lambda: f"turn-{next(names)}")


async def completed(world: World, trail: Trail) -> str:
    claimed = await world.running(trail)
    await trail.append(step(claimed, event(kinds.COMPLETED), status="completed", result="done"))
    return claimed.execution.id


def test_one_of_a_fleet_prunes_once_an_hour(sqlite_database: str):
    """Whoever asks first does it; an hour later anybody may."""
    world = World(sqlite_database)

    async def story(trail: Trail) -> None:
        first, second = keeper(world, trail), keeper(world, trail)
        assert [await first.turn(), await second.turn(), await first.turn()] == [True, False, False]
        world.clock.advance(hours=1, seconds=1)
        assert [await second.turn(), await first.turn()] == [True, False]

    world.play(story)


def test_payloads_go_first_and_the_rest_later(sqlite_database: str):
    """After 90 days only the record of decisions is there, after two years nothing; the record names the rule."""
    world = World(sqlite_database)

    async def story(trail: Trail) -> None:
        old = await completed(world, trail)
        world.clock.advance(days=91)
        await keeper(world, trail).turn()
        assert (await trail.get(old)).pruned_at == world.clock.at
        world.clock.advance(days=700)
        await keeper(world, trail).turn()
        assert await trail.list() == []
        assert [entry.data["by"] for entry in await trail.audit()] == ["[retention]"] * 2

    world.play(story)


def test_a_stopping_worker_leaves_the_rest_to_the_next_turn(sqlite_database: str):
    """Between two steps it looks whether it has to go."""
    world = World(sqlite_database)

    async def story(trail: Trail) -> None:
        old = await completed(world, trail)
        world.clock.advance(days=91)
        assert await keeper(world, trail).turn(lambda: True)
        assert (await trail.get(old)).pruned_at is None
        world.clock.advance(hours=2)
        await keeper(world, trail).turn()
        assert (await trail.get(old)).pruned_at is not None

    world.play(story)


def test_a_rule_that_says_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Payloads that stay longer than everything does cannot be meant."""
    (tmp_path / "holdfast.toml").write_text("[retention]\npayloads_days = 90\neverything_days = 30\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="leave it out"):
        Settings.load()
