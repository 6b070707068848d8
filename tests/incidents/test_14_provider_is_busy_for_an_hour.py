"""Incident 14: the provider answers 429, Retry-After 60, for an hour."""

import gc
from pathlib import Path

from holdfast import Agent, App
from holdfast.loop.activation import Activation
from holdfast.testing import FakeClock
from tests.incidents.desk import clerk
from tests.incidents.place import Place, events_of, kinds
from tests.providers.server import Answer, Provider, Refuse

BUYER = str(Path(__file__).with_name("buyer.py"))
MODEL = "openai-chat:gpt-5.2"


def busy(seconds: int) -> Refuse:
    return Refuse(status=429, kind="rate_limit_error", headers={"retry-after": str(seconds)})


def buyer(place: Place) -> Agent:
    return clerk(place.folder, models=[MODEL])


async def failed_attempts(app: App) -> int:
    """Requests that were refused, going by the journals."""
    journals = [await events_of(app, one.id) for one in await app.list()]
    return sum(kinds(journal).count("model.attempt_failed") for journal in journals)


async def until_parked(app: App, execution_id: str, after: int = 0) -> None:
    async for event in app.events(execution_id, after=after):
        if event.kind == "execution.parked":
            return


def test_an_hour_behind_the_gate(place: Place, provider: Provider):
    """The provider answers 429, Retry-After 60, for an hour: one probe a minute, and who waits costs a row."""
    clock, people, minutes = FakeClock(), 12, 50
    provider.script = [busy(60)]

    async def take_up(app: App) -> None:
        """A worker takes up what is due, until that waits again or has ended."""
        due = [one for one in await app.list() if (one.wake_at or clock.now()) <= clock.now()]
        async with app.worker():
            for one in due:
                await until_parked(app, one.id, after=one.last_seq)

    async def story(app: App) -> None:
        await app.start("clerk", "Is it open?")
        await take_up(app)
        for number in range(people - 1):
            await app.start("clerk", f"Where is order {number}?")
        await take_up(app)
        assert len(provider.received) == 1  # the others found the gate closed
        for _ in range(minutes):
            clock.advance(72)  # a minute, and the spread of those who wake
            await take_up(app)
        assert len(provider.received) == await failed_attempts(app) == 1 + minutes
        for one in await app.list():
            assert (one.status, one.status_reason, one.lease_owner) == ("pending", "RATE_LIMITED", None)
            assert (one.step_count, one.token_count, one.reserved_tokens) == (0, 0, 0)
        gc.collect()
        assert [thing for thing in gc.get_objects() if isinstance(thing, Activation)] == []
        provider.script = [Answer(text="on its way")]
        for _ in range(2):
            clock.advance(72)
            await take_up(app)
        assert {(one.status, one.result, one.step_count) for one in await app.list()} == {
            ("completed", "on its way", 1)
        }
        assert len(provider.received) == 1 + minutes + people

    place.play(story, App([buyer(place)], place.database, clock=clock))


def test_one_gate_for_all_workers(place: Place, provider: Provider):
    """The provider answers 429 to one worker: those of all processes wait for the same probe, then all go on."""
    provider.script = [busy(1), busy(1), Answer(text="on its way")]

    async def story(app: App) -> None:
        first = await app.start("clerk", "Is it open?")
        with place.worker(BUYER), place.worker(BUYER):
            await until_parked(app, first.id)
            everybody = [first, *[await app.start("clerk", f"Where is order {number}?") for number in range(20)]]
            ended = [await app.wait(one.id, timeout_s=60) for one in everybody]
        assert {(one.status, one.result, one.step_count) for one in ended} == {("completed", "on its way", 1)}
        assert await failed_attempts(app) == 2
        assert len(provider.received) == 2 + len(everybody)
        told = [entry.kind for entry in await app.control.record() if entry.kind.startswith("breaker.")]
        assert told == ["breaker.opened", "breaker.opened", "breaker.closed"]

    place.play(story, place.app(buyer(place)))
