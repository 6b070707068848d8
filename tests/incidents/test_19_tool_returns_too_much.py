"""Incident 19: a tool returns ten megabytes, binary, or a million lines."""

import hashlib
import random
import threading
from collections.abc import Callable

import pytest

from holdfast import Agent, App, Conversation, Limits, tool
from holdfast.testing import Call, Say, ScriptedModel
from holdfast.types import Reply
from tests.incidents.place import Place, events_of

MEGABYTE = 2**20
NOISE = random.Random(7).randbytes(5 * MEGABYTE)


class Broken:
    """An object that breaks whoever looks at it."""

    def __repr__(self) -> str:
        raise RuntimeError("no repr either")


VALUES: dict[str, tuple[Callable[[], object], bytes | None]] = {
    "ten megabytes of text": (NOISE.hex, NOISE.hex().encode()),
    "ten megabytes of bytes": (lambda: NOISE * 2, NOISE * 2),
    "a million lines": (lambda: "\n".join(map(str, range(10**6))), "\n".join(map(str, range(10**6))).encode()),
    "a million entries": (lambda: list(range(10**6)), str(list(range(10**6))).replace(" ", "").encode()),
    "a picture": (lambda: b"\x89PNG\r\n\x1a\n" + NOISE[:30_000], b"\x89PNG\r\n\x1a\n" + NOISE[:30_000]),
    "a lock": (threading.Lock, None),
    "an object that breaks": (Broken, None),
    "a generator": (lambda: (n for n in range(10**6)), None),
}


def size_of(place: Place) -> int:
    """Bytes that the database takes."""
    if place.sqlite:
        place.sql("PRAGMA wal_checkpoint(TRUNCATE)")
        return place.sql("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()")[0][0]
    return place.sql("SELECT pg_database_size(current_database())")[0][0]


@pytest.mark.parametrize("what", VALUES)
def test_the_model_gets_an_excerpt_and_the_whole_is_stored_once(place: Place, what: str):
    """A tool returns too much, twice in each of two executions: stored once; the model gets an excerpt and a name."""
    make, stored = VALUES[what]
    heard: list[str] = []

    @tool(effect="read")
    def fetch(part: int) -> object:
        """Fetch it."""
        return make()

    def model(messages: list) -> object:
        heard.append(str(messages))
        turn = sum("tool-return" in str(part.part_kind) for message in messages for part in message.parts)
        return Call("fetch", {"part": turn}) if turn < 2 else Say("read")

    agent = Agent(name="clerk", models=[ScriptedModel(model)], tools=[fetch], limits=Limits(tokens=10**6))

    async def story(app: App) -> None:
        for _ in range(2):
            ended = await app.run("clerk", "fetch it")
            assert (ended.status, [row.status for row in ended.tool_calls]) == ("completed", ["completed"] * 2)
            assert all(len(str(row.tool_output)) < 6_000 for row in ended.tool_calls)
        blobs = {event.data["blob"] for event in await events_of(app, ended.id) if event.kind == "call.ended"}
        if stored is None:
            assert blobs == {None}
        else:
            [digest] = blobs
            assert digest == hashlib.sha256(stored).hexdigest()
            assert await (await app._open()).blob(digest) == stored
            assert f"blob:sha256:{digest}" in heard[-1]

    before = size_of(place)
    place.play(story, place.app(agent))
    assert max(map(len, heard)) < 20_000
    assert size_of(place) - before < len(stored or b"") * 1.15 + 0.5 * MEGABYTE


def test_many_large_results_at_once_are_all_kept(place: Place):
    """Two hundred executions get fifteen kilobytes each at the same moment: one batch of megabytes holds nobody up."""
    page = NOISE[:7_500].hex()

    @tool(effect="read")
    def fetch() -> str:
        """Fetch it."""
        return page

    def model(conversation: Conversation) -> Reply:
        return Say("read") if conversation.calls else Call("fetch")

    async def story(app: App) -> None:
        started = [await app.start("clerk", "fetch it") for _ in range(200)]
        async with app.worker(concurrency=200):
            assert {(await app.wait(one.id)).status for one in started} == {"completed"}
        assert (await app.get(started[0].id)).tool_calls[0].tool_output == page

    place.play(story, place.app(Agent(name="clerk", models=[model], tools=[fetch])))
