"""The courier loses nothing: each delivery arrives, comes again, or is given up with a reason."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from holdfast.errors import DeliveryFailed
from holdfast.notify.courier import Courier, linked
from holdfast.testing import FakeClock
from holdfast.types import Card, Closed, Notice, Outgoing
from tests.notify.deliveries import CARD, CLOSED, NOTICE, outgoing
from tests.notify.memory_outbox import MemoryOutbox


class Post:
    """A channel that fails as it is told to, and remembers what it was given."""

    def __init__(self, name: str = "slack", *failures: Exception) -> None:
        self.name, self.failures = name, list(failures)
        self.sent: list[str] = []
        self.updated: list[str] = []
        self.arrived, self.closed, self.release = asyncio.Event(), False, asyncio.Event()
        self.release.set()

    async def send(self, outgoing: Outgoing) -> str | None:
        self.arrived.set()
        await self.release.wait()
        if self.failures:
            raise self.failures.pop(0)
        self.sent.append(outgoing.id)
        return f"ref-{outgoing.id}"

    async def update(self, ref: str, closed: Closed) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.updated.append(ref)

    async def close(self) -> None:
        self.closed = True


class Desk:
    """An outbox, its courier and a clock."""

    def __init__(self, *channels: Post, **more: Any) -> None:
        self.clock = FakeClock()
        self.outbox = MemoryOutbox(self.clock)
        self.dead: list[tuple[str, str]] = []
        self.channels = channels
        self.more = more

    def courier(self, worker: str = "w1") -> Courier:
        async def on_dead(outgoing: Outgoing, error: str) -> None:
            self.dead.append((outgoing.id, error))

        return Courier(
            self.outbox,
            self.channels,
            worker_id=worker,
            clock=self.clock,
            jitter=lambda: 1.0,
            on_dead=on_dead,
            **self.more,
        )


def told(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story; it ends by itself or fails."""

    async def bounded() -> None:
        async with asyncio.timeout(20):
            await story()

    asyncio.run(bounded())


def test_a_delivery_is_sent_and_its_reference_kept():
    """The reference is what later updates need."""

    async def story() -> None:
        post = Post()
        desk = Desk(post)
        row = desk.outbox.put(outgoing(attempts=0))
        assert await desk.courier().deliver(post) == 0
        assert (row.status, row.ref, post.sent) == ("sent", "ref-out-1", ["out-1"])
        assert await desk.courier().deliver(post) is None

    told(story)


def test_a_failure_comes_again_later():
    """Not at once, and with what went wrong on record."""

    async def story() -> None:
        post = Post("slack", DeliveryFailed("no"))
        desk = Desk(post)
        row = desk.outbox.put(outgoing(attempts=0))
        await desk.courier().deliver(post)
        assert (row.status, row.error) == ("waiting", "no")
        assert await desk.courier().deliver(post) is None
        desk.clock.advance(60)
        await desk.courier().deliver(post)
        assert row.status == "sent"

    told(story)


def test_after_twelve_attempts_it_is_given_up_and_somebody_is_told():
    """Dead, with the last reason; and not before."""

    async def story() -> None:
        post = Post("slack", *[DeliveryFailed(f"no {n}") for n in range(1, 13)])
        desk = Desk(post)
        row = desk.outbox.put(outgoing(attempts=0))
        for _ in range(12):
            assert row.status == "waiting"
            await desk.courier().deliver(post)
            desk.clock.advance(86_400)
        assert (row.status, row.error, desk.dead) == ("dead", "no 12", [("out-1", "no 12")])

    told(story)


def test_a_permanent_failure_is_given_up_at_once():
    """Nobody waits a day for what cannot work."""

    async def story() -> None:
        post = Post("slack", DeliveryFailed("too long", permanent=True))
        desk = Desk(post)
        row = desk.outbox.put(outgoing(attempts=0))
        await desk.courier().deliver(post)
        assert (row.status, desk.dead) == ("dead", [("out-1", "too long")])

    told(story)


def test_a_defect_in_a_channel_is_a_failed_attempt():
    """It does not end the courier."""

    async def story() -> None:
        post = Post("slack", KeyError("x"))
        desk = Desk(post)
        row = desk.outbox.put(outgoing(attempts=0))
        await desk.courier().deliver(post)
        assert (row.status, row.error) == ("waiting", "slack broke: KeyError")

    told(story)


def test_an_attempt_that_hangs_is_cut_off():
    """A service that never answers costs the time of one attempt."""

    async def story() -> None:
        post = Post()
        post.release.clear()
        desk = Desk(post, timeout_s=0.05)
        row = desk.outbox.put(outgoing(attempts=0))
        await desk.courier().deliver(post)
        assert row.error == "slack did not answer within 0.05 s"

    told(story)


def test_a_crash_in_the_act_is_taken_over_with_the_same_id():
    """The hold of the dead courier runs out, and the next one knows that it is not the first."""

    async def story() -> None:
        post = Post()
        post.release.clear()
        desk = Desk(post)
        row = desk.outbox.put(outgoing(attempts=0))
        dying = asyncio.ensure_future(desk.courier("w1").deliver(post))
        await post.arrived.wait()
        dying.cancel()
        post.release.set()
        assert await desk.courier("w2").deliver(post) is None
        desk.clock.advance(90)
        await desk.courier("w2").deliver(post)
        assert (row.status, row.outgoing.attempts, post.sent) == ("sent", 2, ["out-1"])

    told(story)


def test_what_was_sent_is_recorded_though_the_database_is_away():
    """The record is written as soon as it is back, and nothing is sent twice."""

    async def story() -> None:
        post = Post()
        desk = Desk(post)
        row = desk.outbox.put(outgoing(attempts=0))
        desk.outbox.away = 3
        delivering = asyncio.ensure_future(desk.courier().deliver(post))
        for _ in range(3):
            await desk.clock.until_sleeping()
            desk.clock.advance(1)
            await asyncio.sleep(0)
        await delivering
        assert (row.status, post.sent) == ("sent", ["out-1"])

    told(story)


def test_an_end_updates_every_message():
    """The question and its reminder both say what became of it."""

    async def story() -> None:
        post = Post()
        desk = Desk(post)
        for name in ("out-1", "out-2"):
            desk.outbox.put(outgoing(CARD, id=name, attempts=0))
            await desk.courier().deliver(post)
        row = desk.outbox.put(outgoing(CLOSED, id="out-3", attempts=0))
        await desk.courier().deliver(post)
        assert post.updated == ["ref-out-1", "ref-out-2"]
        assert row.status == "sent"

    told(story)


def test_an_end_that_was_half_told_is_told_again():
    """The first message was updated, the second was not: both are, later."""

    async def story() -> None:
        post = Post()
        desk = Desk(post)
        desk.outbox.put(outgoing(CARD, attempts=0))
        await desk.courier().deliver(post)
        post.failures.append(DeliveryFailed("no"))
        row = desk.outbox.put(outgoing(CLOSED, id="out-2", attempts=0))
        await desk.courier().deliver(post)
        assert row.status == "waiting"
        desk.clock.advance(60)
        await desk.courier().deliver(post)
        assert (row.status, post.updated) == ("sent", ["ref-out-1"])

    told(story)


def test_channels_do_not_wait_for_each_other():
    """A Slack that hangs holds up no Telegram; stopping waits for what is in hand and closes both."""

    async def story() -> None:
        slack, telegram = Post("slack"), Post("telegram")
        slack.release.clear()
        desk = Desk(slack, telegram)
        first = desk.outbox.put(outgoing(attempts=0))
        desk.outbox.put(outgoing(id="out-2", channel="telegram", attempts=0))
        stop = asyncio.Event()
        running = asyncio.ensure_future(desk.courier().run(stop))
        await asyncio.gather(slack.arrived.wait(), telegram.arrived.wait())
        stop.set()
        slack.release.set()
        await running
        assert (first.status, telegram.sent) == ("sent", ["out-2"])
        assert (slack.closed, telegram.closed) == (True, True)

    told(story)


def test_a_rate_limit_holds_up_the_whole_channel():
    """While a service wants peace nothing else is tried there, and no attempt is burnt."""

    async def story() -> None:
        post = Post("slack", DeliveryFailed("429", retry_after_s=30))
        desk = Desk(post)
        limited = desk.outbox.put(outgoing(attempts=0))
        behind = desk.outbox.put(outgoing(id="out-2", attempts=0))
        stop = asyncio.Event()
        running = asyncio.ensure_future(desk.courier().run(stop))
        await desk.clock.until_sleeping()
        assert (limited.outgoing.attempts, behind.outgoing.attempts, post.sent) == (1, 0, [])
        post.arrived.clear()
        desk.clock.advance(30)
        await post.arrived.wait()
        stop.set()
        await running
        assert behind.outgoing.attempts == 1

    told(story)


def test_without_channels_it_waits_to_be_stopped():
    """A worker without channels runs like any other."""

    async def story() -> None:
        stop = asyncio.Event()
        running = asyncio.ensure_future(Desk().courier().run(stop))
        await asyncio.sleep(0)
        assert not running.done()
        stop.set()
        await running

    told(story)


def test_a_broken_outbox_does_not_end_the_courier():
    """A defect is logged, and the line goes on."""

    class Broken(MemoryOutbox):
        async def due(self, worker_id: str, *, channel: str, limit: int, hold_s: float) -> Sequence[Outgoing]:
            raise RuntimeError("defect")

    async def story() -> None:
        desk = Desk(Post())
        desk.outbox = Broken(desk.clock)
        stop = asyncio.Event()
        running = asyncio.ensure_future(desk.courier().run(stop))
        await desk.clock.until_sleeping()
        assert not running.done()
        stop.set()
        await running

    told(story)


@pytest.mark.parametrize("attempts", [1, 3])
def test_attempts_are_configurable(attempts: int):
    """As many as were asked for."""

    async def story() -> None:
        post = Post("slack", *[DeliveryFailed("no")] * 5)
        desk = Desk(post, attempts=attempts)
        row = desk.outbox.put(outgoing(attempts=0))
        for _ in range(attempts):
            await desk.courier().deliver(post)
            desk.clock.advance(86_400)
        assert (row.status, row.outgoing.attempts) == ("dead", attempts)

    told(story)


def test_what_leaves_the_house_says_where_the_console_shows_it():
    """A question, what became of it and an alert each lead to their page."""
    at = "https://holdfast.example.com"
    card, closed, notice = (linked(outgoing(given), at).delivery for given in (CARD, CLOSED, NOTICE))
    assert isinstance(card, Card)
    assert isinstance(closed, Closed)
    assert isinstance(notice, Notice)
    assert card.link == closed.card.link == f"{at}/approvals/{CARD.approval_id}"
    assert notice.link == f"{at}/health"
