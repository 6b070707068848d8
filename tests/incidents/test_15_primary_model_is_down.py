"""Incident 15: the primary model is down."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from holdfast import App
from holdfast.types import Execution
from tests.incidents.caller import PRIMARY, SECOND, agents
from tests.incidents.place import Place, events_of
from tests.providers.server import KEY, Answer, Provider, Refuse

CALLER = str(Path(__file__).with_name("caller.py"))
DOWN = Refuse(status=500, kind="api_error")
BREAKERS = {"HOLDFAST_BREAKERS__FAILURES": 4, "HOLDFAST_BREAKERS__OPEN_S": 5}


@pytest.fixture
def providers() -> Iterator[tuple[Provider, Provider]]:
    """The primary model's, and the second one's."""
    with Provider().serving() as primary, Provider().serving() as second:
        yield primary, second


@contextmanager
def worker(place: Place, primary: Provider, second: Provider) -> Iterator[None]:
    """A worker process that asks them."""
    keys = {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}
    places = {"OPENAI_BASE_URL": f"{primary.url}/v1", "ANTHROPIC_BASE_URL": second.url}
    with place.worker(CALLER, **keys, **places, **BREAKERS):
        yield


async def run(app: App, agent: str = "clerk") -> Execution:
    """One more request, worked by the worker process."""
    return await app.wait((await app.start(agent, "Where is order 7?")).id, timeout_s=60)


async def told(app: App) -> list[tuple[str, str]]:
    """What the operators' record says of breakers."""
    return [(entry.kind, entry.data["breaker"]) for entry in await app.control.record() if "breaker" in entry.kind]


def test_the_next_model_answers_until_it_is_back(place: Place, providers: tuple[Provider, Provider]):
    """The primary model is down: its breaker opens, the next one answers, and the breaker closes again by itself."""
    primary, second = providers
    primary.script, second.script = [DOWN], [Answer(text="the second says")]

    async def story(app: App) -> None:
        for _ in range(2):
            fell = await run(app)
            assert fell.state == {"model": SECOND, "rung": 1, "degraded": True}
        assert await told(app) == [("breaker.opened", f"model:{PRIMARY}")]
        [breaker] = (await app.control.look()).breakers
        assert (breaker.name, breaker.status, breaker.failed, len(primary.received)) == (PRIMARY, "open", 4, 4)
        spared = await run(app)
        assert (spared.result, len(primary.received)) == ("the second says", 4)
        primary.script = [Answer(text="the first says")]
        while (latest := await run(app)).result != "the first says":
            assert latest.state["model"] == SECOND
        assert latest.state == {"model": PRIMARY, "rung": 0, "degraded": False}
        assert len(primary.received) == 5  # the probe that found it well
        assert (await run(app)).result == "the first says"
        assert await told(app) == [("breaker.opened", f"model:{PRIMARY}"), ("breaker.closed", f"model:{PRIMARY}")]
        assert (await app.control.look()).breakers == ()

    with worker(place, primary, second):
        place.play(story, place.app(*agents(place.folder)))


def test_then_a_rule_then_a_person(place: Place, providers: tuple[Provider, Provider]):
    """The primary model is down, and the second one too: a rule answers, or a person does; later ones wait for them."""
    primary, second = providers
    primary.script, second.script = [DOWN], [DOWN]

    async def story(app: App) -> None:
        asked = await run(app, "careful")
        assert (asked.status, asked.status_reason) == ("awaiting_review", "MODEL_UNAVAILABLE")
        failed = [event.data for event in await events_of(app, asked.id) if event.kind == "model.attempt_failed"]
        assert [(one["rung"], one["then"]) for one in failed] == [
            (0, "again"),
            (0, "next"),
            (1, "again"),
            (1, "give_up"),
        ]
        ruled = await run(app)
        assert (ruled.result, ruled.state["rung"]) == ("We will write to you today.", 2)
        [question] = await app.approvals()
        await app.decide(question.id, "approve", by="Ada", edit={"result": "Ada says Tuesday"})
        assert (await app.wait(asked.id, timeout_s=60)).status == "completed"
        # Both breakers are open now: nobody is bothered with what passes by itself.
        waits = await app.start("careful", "Where is order 8?")
        async for event in app.events(waits.id):
            if event.kind == "execution.parked":
                break
        parked = await app.get(waits.id)
        assert (parked.status, parked.status_reason, parked.step_count) == ("pending", "MODEL_UNAVAILABLE", 0)
        assert (len(primary.received), len(second.received)) == (4, 4)
        primary.script, second.script = [Answer(text="back again")], [Answer(text="back again")]
        assert (await app.wait(waits.id, timeout_s=60)).result == "back again"

    with worker(place, primary, second):
        place.play(story, place.app(*agents(place.folder)))
