"""Webhooks that start executions."""

import asyncio
import base64
import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from pydantic import SecretStr

from holdfast import Agent, App, Say
from holdfast.config import Settings
from holdfast.errors import ForgedAnswer, NotFound, UsageError
from holdfast.notify.signature import signed
from holdfast.testing import FakeClock
from holdfast.types import Wanted

CLERK = Agent(name="clerk", models=[lambda _: Say("done")])
SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
PLAIN = "a-secret-of-a-forge"
HOOKS = {
    "orders": {"agent": "clerk", "secret": SECRET, "input": "Look at order {data.order.id}: {data.items.0}"},
    "part": {"agent": "clerk", "secret": SECRET, "input": "data.order", "user": "shop"},
    "forge": {"agent": "clerk", "secret": PLAIN, "signature": "hmac"},
    "timed": {"agent": "clerk", "secret": PLAIN, "signature": "hmac", "timestamp_header": "X-Time"},
}
BODY = json.dumps({"data": {"order": {"id": 1042}, "items": ["book"]}}).encode()


class Stage:
    def __init__(self, database):
        self.clock = FakeClock()
        self.app = App([CLERK], database, clock=self.clock, settings=Settings(hooks=HOOKS))

    def play(self, story):
        async def on_stage():
            async with self.app, self.app.outside() as outside:
                await asyncio.wait_for(story(outside), 30)

        asyncio.run(on_stage())

    def standard(self, body=BODY, *, delivery="d-1", secret=SECRET):
        return signed(SecretStr(secret), message_id=delivery, at=self.clock.now(), body=body)

    def forge(self, body=BODY, *, delivery="g-1", secret=PLAIN, **more):
        mac = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return {"X-Hub-Signature-256": f"sha256={mac}", "X-GitHub-Delivery": delivery, **more}

    async def refusals(self):
        return [entry.data["reason"] for entry in await self.app.control.record()]


@pytest.fixture
def stage(sqlite_database):
    return Stage(sqlite_database)


def test_a_signed_post_starts_what_its_hook_says(stage):
    """A text with parts of the body in it, or a part of the body, for the hook's user."""

    async def story(outside):
        first = await outside.hook("orders", BODY, headers=stage.standard())
        assert (first.input_data, first.status) == ("Look at order 1042: book", "pending")
        second = await outside.hook("part", BODY, headers=stage.standard())
        assert (second.input_data, second.user_id) == ({"id": 1042}, "shop")
        third = await outside.hook("forge", BODY, headers=stage.forge())
        assert third.input_data == json.loads(BODY)

    stage.play(story)


def test_a_post_that_is_delivered_again_is_the_same_execution(stage):
    """By the sender's id of the delivery."""

    async def story(outside):
        for name, headers in (("orders", stage.standard()), ("forge", stage.forge())):
            found = [await outside.hook(name, BODY, headers=headers) for _ in range(3)]
            assert len({one.id for one in found}) == 1
        assert (await outside.hook("orders", BODY, headers=stage.standard(delivery="d-2"))).id != found[0].id

    stage.play(story)


def test_a_copy_of_a_post_under_another_id_is_refused(stage):
    """Where the sender does not sign the id, what is signed counts."""

    async def story(outside):
        await outside.hook("forge", BODY, headers=stage.forge())
        with pytest.raises(ForgedAnswer, match="another id"):
            await outside.hook("forge", BODY, headers=stage.forge(delivery="g-2"))
        assert await stage.refusals() == ["replayed"]

    stage.play(story)


def test_forged_posts_are_refused_on_the_record(stage):
    """Without a signature, with another secret, with another body, of another id."""

    async def story(outside):
        wrong = "whsec_" + base64.b64encode(b"w" * 32).decode()
        for headers, body in (
            ({}, BODY),
            (stage.standard(secret=wrong), BODY),
            (stage.standard(), BODY + b" "),
            ({**stage.standard(), "webhook-id": "d-9"}, BODY),
        ):
            with pytest.raises(ForgedAnswer):
                await outside.hook("orders", body, headers=headers)
        with pytest.raises(ForgedAnswer):
            await outside.hook("forge", BODY, headers=stage.forge(secret="another-one-of-them"))
        assert set(await stage.refusals()) == {"missing_signature", "bad_signature"}
        assert not await (await stage.app._open()).lines(Wanted(), limit=9, after=None)

    stage.play(story)


def test_a_stale_post_is_refused(stage):
    """Where the sender signs a time, five minutes are enough."""

    async def story(outside):
        timestamp = str(int(stage.clock.now().timestamp()))
        mac = hmac.new(PLAIN.encode(), f"{timestamp}.".encode() + BODY, hashlib.sha256).hexdigest()
        timed = {"x-hub-signature-256": mac, "x-time": timestamp}
        standard = stage.standard()
        await outside.hook("timed", BODY, headers=timed)
        stage.clock.advance(timedelta(minutes=6).total_seconds())
        for name, headers in (("timed", timed), ("orders", standard)):
            with pytest.raises(ForgedAnswer, match="minutes"):
                await outside.hook(name, BODY, headers=headers)

    stage.play(story)


def test_a_post_without_what_its_hook_asks_for_is_refused(stage):
    """And one that is not JSON, though it is signed."""

    async def story(outside):
        for body in (b'{"data": {}}', b"order 1042"):
            with pytest.raises(ForgedAnswer):
                await outside.hook("orders", body, headers=stage.standard(body))
        with pytest.raises(NotFound):
            await outside.hook("nothing", BODY, headers=stage.standard())

    stage.play(story)


@pytest.mark.parametrize("wrong", [{"secret": "short"}, {"secret": PLAIN}, {"input": "order {id"}, {"header": "a b"}])
def test_a_hook_that_cannot_be_is_refused_when_it_is_read(wrong, monkeypatch, tmp_path):
    """With a word on what would work."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=r"hooks\.x") as refused:
        Settings.load(hooks={"x": HOOKS["orders"] | wrong})
    assert not any(secret in str(refused.value) for secret in (SECRET, PLAIN, "short'"))
