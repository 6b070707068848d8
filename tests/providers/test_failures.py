"""Each way in which a provider fails, over real HTTP: what is recorded, what was spent, where it ended."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest

from holdfast import Agent, App, Conversation, Limits, Model, Say
from holdfast.trail import events as kinds
from holdfast.types import Event, Execution
from tests.providers.server import Answer, Body, Drop, Hang, Provider, Refuse

MODELS = ("openai-chat:gpt-5.2", "openai:gpt-5.2", "anthropic:claude-sonnet-5")
every_model = pytest.mark.parametrize("model", MODELS)

RUN = Callable[..., tuple[Execution, list[Event]]]
LIMITED = Refuse(status=429, kind="rate_limit_error", headers={"retry-after": "60"})
UNSAID = Refuse(status=429, kind="rate_limit_error")


@dataclass(frozen=True)
class Case:
    """A behaviour and what becomes of an execution whose only model behaves so."""

    behaviour: object
    failures: list[str]
    reason: str
    status: str = "failed"
    billed: bool = False
    """Whether the provider may have charged for it: then the reservations stay held."""


CASES = {
    "429 with Retry-After": Case(LIMITED, ["rate_limit"], "RATE_LIMITED", "pending"),
    "429 without": Case(UNSAID, ["rate_limit"], "RATE_LIMITED", "pending"),
    "500": Case(Refuse(status=500, kind="api_error"), ["server"] * 2, "MODEL_UNAVAILABLE", billed=True),
    "529": Case(Refuse(status=529, kind="overloaded_error"), ["overload"] * 2, "MODEL_UNAVAILABLE"),
    "a timeout": Case(Hang(), ["timeout"] * 2, "STEP_TIMEOUT", billed=True),
    "a reset": Case(Drop(), ["connection"] * 2, "MODEL_UNAVAILABLE", billed=True),
    "a malformed body": Case(Body(b"{half"), ["malformed"] * 2, "MODEL_UNAVAILABLE", billed=True),
    "a refused key": Case(Refuse(status=401, kind="authentication_error"), ["authentication"], "MODEL_UNAVAILABLE"),
    "an unknown model": Case(Refuse(status=404, kind="not_found_error"), ["rejected"], "MODEL_UNAVAILABLE"),
}


@pytest.fixture
def run(tmp_path: Path) -> RUN:
    """Runs one execution on a chain until it has ended or parked."""

    def one(*models: object, **options: object) -> tuple[Execution, list[Event]]:
        options.setdefault("limits", Limits(step_timeout_s=0.5))
        agent = Agent(**{"name": "clerk", "models": models, **options})
        app = App([agent], str(tmp_path / "holdfast.db"))

        async def story() -> tuple[Execution, list[Event]]:
            async with app, app.worker():
                started = await app.start("clerk", "hi")
                async for event in app.events(started.id):
                    if event.kind == kinds.PARKED:
                        break
                found = [event async for event in app.events(started.id, follow=False)]
                return await app.get(started.id), found

        return asyncio.run(story())

    return one


def attempts(events: list[Event]) -> list[str]:
    """The failures on the record, one event for each attempt."""
    return [str(event.data["failure"]) for event in events if event.kind == kinds.MODEL_ATTEMPT_FAILED]


@every_model
@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_failing_provider(provider: Provider, run: RUN, model: str, case: Case):
    """Every request is one recorded attempt; what may be billed stays held; the end has its reason."""
    provider.script = [case.behaviour]
    ended, events = run(model)
    assert (ended.status, ended.status_reason) == (case.status, case.reason)
    assert attempts(events) == case.failures
    assert len(provider.received) == len(case.failures)
    assert (ended.token_count, ended.cost_usd) == (0, Decimal(0))
    assert (ended.reserved_tokens > 4_096 * len(case.failures)) == case.billed


@every_model
@pytest.mark.parametrize(
    "case", [case for case in CASES.values() if case.status == "failed"], ids=lambda case: case.reason
)
def test_a_rule_answers_when_a_provider_fails(provider: Provider, run: RUN, model: str, case: Case):
    """With a rule behind the model every failure but a busy provider ends in a result, marked as degraded."""
    provider.script = [case.behaviour]

    def by_rules(_talk: Conversation) -> Say:
        return Say("We will come back to you.")

    ended, events = run(model, by_rules)
    assert (ended.status, ended.result) == ("completed", "We will come back to you.")
    assert ended.state == {"model": "rules:by_rules", "rung": 1, "degraded": True}
    assert attempts(events) == case.failures


def test_one_provider_stands_in_for_the_other(provider: Provider, run: RUN):
    """While one provider is down, the other answers the same turn, and is billed alone."""
    provider.script = [Refuse(status=500), Refuse(status=500), Answer(text="here")]
    ended, _ = run("openai-chat:gpt-5.2", "anthropic:claude-sonnet-5")
    assert (ended.result, ended.state) == (
        "here",
        {"model": "anthropic:claude-sonnet-5", "rung": 1, "degraded": True},
    )
    assert [received.path for received in provider.received] == [
        "/v1/chat/completions",
        "/v1/chat/completions",
        "/v1/messages",
    ]
    assert ended.cost_usd > 0


@pytest.mark.parametrize("model", ["openai-chat:gpt-5.2", "anthropic:claude-sonnet-5"])
@pytest.mark.parametrize("cut_after", [0, 3])
def test_a_stream_that_is_cut_is_tried_again(provider: Provider, run: RUN, model: str, cut_after: int):
    """A model with a first-token timeout is streamed, and half an answer is no answer."""
    provider.script = [Answer(text="cut in the middle", cut_after=cut_after), Answer(text="whole")]
    ended, events = run(Model(model, first_token_timeout_s=5), limits=Limits(step_timeout_s=10))
    assert (ended.result, attempts(events)) == ("whole ", ["connection"])
    assert all(received.body["stream"] for received in provider.received)


@pytest.mark.parametrize("model", ["openai-chat:gpt-5.2", "anthropic:claude-sonnet-5"])
def test_a_provider_that_does_not_begin_is_left_early(provider: Provider, run: RUN, model: str):
    """The first-token timeout ends an attempt long before the whole request's time is over."""
    provider.script = [Hang()]
    ended, events = run(Model(model, first_token_timeout_s=0.1), limits=Limits(step_timeout_s=60))
    assert (ended.status_reason, attempts(events)) == ("STEP_TIMEOUT", ["timeout"] * 2)
    assert all(event.data["latency_ms"] < 5_000 for event in events if event.kind == kinds.MODEL_ATTEMPT_FAILED)
