"""The chain as an author meets it: what is recorded of each failure, what it cost, where it ends."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import structlog

from holdfast import Agent, App, Conversation, Model, Price
from holdfast.loop.fold import replay
from holdfast.loop.history import History
from holdfast.policy.chain import Tried, remaining
from holdfast.ports import Journal
from holdfast.testing import Call, Fail, Metered, Raw, Say, ScriptedModel
from holdfast.testing.scripted import as_error
from holdfast.trail import events as kinds
from holdfast.types import Append, Appended, Event, Execution, ModelUsage, Report, Usage
from tests.loop.desk import World, limits

PRICE = Price(input_usd_per_mtok=Decimal(1), output_usd_per_mtok=Decimal(10))


@dataclass
class Ran:
    """An execution, and what the journal was given."""

    execution: Execution
    events: list[Event]
    usage: Sequence[ModelUsage]
    appends: list[Append]
    attempts: list[tuple[int, str, str]] = field(default_factory=list)
    """Rung, failure and what followed, of each attempt that failed."""

    @property
    def reports(self) -> list[Report]:
        """What breakers were told."""
        return [report for append in self.appends for report in append.reports]


class Listening:
    """A journal whose appends a test can read; the answer to each is the journal's own, or changed."""

    def __init__(self, inner: Journal, appends: list[Append], changed: dict) -> None:
        self.inner, self.appends, self.changed = inner, appends, changed

    async def append(self, append: Append) -> Appended:
        appended = await self.inner.append(append)
        self.appends.append(append)
        return replace(appended, **self.changed)

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


def model(*steps: object, name: str = "first", **options: object) -> ScriptedModel:
    return ScriptedModel(list(steps), name=name, **options)


def run(world: World, *models: object, changed: dict | None = None, **options: object) -> Ran:
    """One execution on a chain, until it has ended, waits for a person or for a time."""
    appends: list[Append] = []
    agent = Agent(**{"name": "clerk", "models": models, "instructions": "Help.", "tools": world.tools(), **options})
    app = App(
        [agent], str(world.path / "holdfast.db"), wrap_journal=lambda inner: Listening(inner, appends, changed or {})
    )

    async def story(app: App) -> Ran:
        async with app.worker():
            started = await app.start("clerk", "Where is order 7?")
            async for event in app.events(started.id):
                if event.kind == kinds.PARKED:
                    break
            execution = await app.get(started.id)
            events = [event async for event in app.events(started.id, follow=False)]
        usage = await (await app._parts.trail()).usage(started.id)
        failed = [event.data for event in events if event.kind == kinds.MODEL_ATTEMPT_FAILED]
        tried = [(data["rung"], data["failure"], data["then"]) for data in failed]
        return Ran(execution, events, usage, appends, tried)

    return world.play(app, story)


def by_rules(_talk: Conversation) -> Say:
    return Say("by the rules")


def test_the_first_model_that_answers_is_the_answer(world: World):
    """A chain asks its first model first and stops there, and the result says so."""
    second = model(Say("second"), name="second")
    ran = run(world, model(Say("first")), second)
    assert (ran.execution.result, second.requests, ran.attempts) == ("first", 0, [])
    assert ran.execution.state == {"model": "scripted:first", "rung": 0, "degraded": False}


def test_a_chain_of_rules_alone_holds_nothing(world: World):
    """Nothing is left of a limit to be held by an answer that a crash lost: it cost nothing."""
    asked = [event.data for event in run(world, by_rules).events if event.kind == kinds.MODEL_REQUESTED]
    assert [(data["reserved_tokens"], data["reserved_usd"]) for data in asked] == [(0, "0")]


@pytest.mark.parametrize("failure", ["overload", "timeout", "connection", "server", "malformed"])
def test_a_failure_that_may_pass_is_tried_once_more(world: World, failure: str):
    """The same model is asked again, after a moment, and each attempt is on the record."""
    ran = run(world, model(Fail(failure), Say("hello")))
    assert (ran.execution.result, ran.attempts) == ("hello", [(0, failure, "again")])


@pytest.mark.parametrize("failure", ["overload", "timeout", "connection", "server", "malformed"])
def test_a_model_that_stays_away_is_left_for_the_next(world: World, failure: str):
    """After two attempts the next model answers, and the result says which one did."""
    ran = run(world, model(Fail(failure)), model(Say("here"), name="second"))
    assert ran.attempts == [(0, failure, "again"), (0, failure, "next")]
    assert (ran.execution.result, ran.execution.state) == (
        "here",
        {"model": "scripted:second", "rung": 1, "degraded": True},
    )
    completed = ran.events[-1].data
    assert (completed["rung"], completed["model"]) == (1, "scripted:second")


@pytest.mark.parametrize("failure", ["authentication", "quota", "refusal", "rejected", "unknown"])
def test_a_failure_that_will_not_pass_goes_to_the_next_model_at_once(world: World, failure: str):
    """What asking again cannot mend costs one attempt."""
    ran = run(world, model(Fail(failure)), by_rules)
    assert (ran.execution.result, ran.attempts) == ("by the rules", [(0, failure, "next")])


def test_a_chain_without_an_answer_ends_failed(world: World):
    """When every model failed, the execution says so, and what the last one said."""
    ran = run(world, model(Fail("server")), model(Fail("quota"), name="second"))
    assert (ran.execution.status, ran.execution.status_reason) == ("failed", "MODEL_UNAVAILABLE")
    assert "scripted failure: quota" in (ran.execution.error or "")
    assert [then for _, _, then in ran.attempts] == ["again", "next", "give_up"]


def test_a_chain_that_ends_in_a_timeout_says_so(world: World):
    """The reason of the last failure is the reason of the execution."""
    ran = run(world, model(Fail("rejected")), model(Fail("timeout"), name="second"))
    assert ran.execution.status_reason == "STEP_TIMEOUT"


def test_a_person_is_the_last_rung(world: World):
    """With `on_failure="review"` somebody is asked when no model answers."""
    ran = run(world, model(Fail("quota")), on_failure="review")
    assert (ran.execution.status, ran.execution.status_reason) == ("awaiting_review", "MODEL_UNAVAILABLE")


def test_a_content_filter_may_be_for_a_person(world: World):
    """Where the agent asks people, another model is not tried on what one refused to touch."""
    second = model(Say("sure"), name="second")
    ran = run(world, model(Fail("refusal")), second, on_failure="review")
    assert (ran.execution.status, second.requests) == ("awaiting_review", 0)


def test_a_rate_limit_parks_the_execution(world: World):
    """Everybody who wants something of a busy provider waits, without a worker, without a step or an attempt burnt."""
    second = model(Say("second"), name="second")
    ran = run(world, model(Fail("rate_limit", retry_after_s=60)), second)
    parked = ran.execution
    assert (parked.status, parked.status_reason, parked.step_count) == ("pending", "RATE_LIMITED", 0)
    assert 60 <= (parked.wake_at - datetime.now(UTC)).total_seconds() + 2 <= 75
    assert (second.requests, parked.reserved_tokens, ran.attempts) == (0, 0, [(0, "rate_limit", "park")])
    [told] = ran.reports
    assert (told.kind, told.name, told.failed, told.retry_after_s) == ("provider", "scripted", 1, 60)


def test_others_stay_behind_the_gate(world: World):
    """After one execution was told to wait, the next one is not even asked about."""
    busy = model(Fail("rate_limit", retry_after_s=60))
    for _ in range(2):
        ran = run(world, busy)
    assert (ran.execution.status_reason, ran.attempts, busy.requests) == ("RATE_LIMITED", [], 1)
    assert kinds.MODEL_REQUESTED not in [event.kind for event in ran.events]


def test_a_parked_execution_comes_back_by_itself(world: World):
    """When the provider takes requests again, the execution goes on as if nothing had been."""
    steps = iter([Fail("rate_limit"), Say("patience pays")])
    app = world.app(ScriptedModel(lambda _messages: next(steps)))
    ended = world.play(app, lambda app: app.run("clerk", "go", timeout_s=30))
    assert (ended.status, ended.result, ended.step_count) == ("completed", "patience pays", 1)


def test_a_rate_limit_may_fall_to_the_next_model(world: World):
    """With `on_rate_limit="next"` the next model answers, and the provider is still left alone."""
    ran = run(world, model(Fail("rate_limit", retry_after_s=60)), by_rules, on_rate_limit="next")
    assert (ran.execution.result, ran.attempts) == ("by the rules", [(0, "rate_limit", "next")])
    assert [report.kind for report in ran.reports] == ["provider"]


def test_a_refused_key_is_said_at_once(world: World):
    """Somebody has to mend it: it is logged as an error, in words, besides its event and its report."""
    with structlog.testing.capture_logs() as logs:
        ran = run(world, model(Fail("authentication")), by_rules)
    [said] = [line for line in logs if line["event"] == "model_attempt_failed"]
    assert (said["log_level"], said["failure"], said["model"]) == ("error", "authentication", "scripted:first")
    assert [(told.kind, told.failed) for told in ran.reports] == [("model", 1)]


def test_too_long_a_context_is_shortened_and_asked_again(world: World):
    """An overflow leads to a recorded compaction, and the same model gets the shorter context."""
    seen: list[int] = []

    def overflowing(messages: list) -> object:
        size = len(str(messages))
        seen.append(size)
        if len(seen) == 1:
            return Call("look", {"order": "x" * 20_000})
        return Fail("context_overflow") if len(seen) == 2 else Say("done")

    ran = run(world, ScriptedModel(overflowing))
    assert (ran.execution.result, ran.attempts) == ("done", [(0, "context_overflow", "compact")])
    assert kinds.CONTEXT_COMPACTED in [event.kind for event in ran.events]
    assert seen[2] < seen[1] * 0.75


def test_what_stays_too_long_goes_to_a_larger_window(world: World):
    """After the compaction only models with more room are asked."""
    small, smaller, large = (
        model(Fail("context_overflow") if size < 50_000 else Say("it fits"), name=str(size), context_window=size)
        for size in (8_000, 4_000, 50_000)
    )
    ran = run(world, small, smaller, large)
    assert (ran.execution.result, smaller.requests) == ("it fits", 0)


def test_what_fits_nowhere_ends_with_its_reason(world: World):
    """An overflow everywhere is named."""
    ran = run(world, model(Fail("context_overflow")))
    assert (ran.execution.status, ran.execution.status_reason) == ("failed", "CONTEXT_OVERFLOW")


def test_what_an_attempt_may_have_cost_stays_held(world: World):
    """A timeout may be billed: its reservation is never given back. A refused key is not."""
    billed, free = (run(world, model(Fail(kind)), by_rules).execution for kind in ("timeout", "authentication"))
    assert billed.reserved_tokens > 8_000
    assert free.reserved_tokens == 0


def test_a_filtered_answer_that_was_billed_is_paid_exactly(world: World):
    """When the provider says what a refusal cost, that is the cost."""
    filtered = Metered(Raw("", finish_reason="content_filter"), Usage(input_tokens=100, output_tokens=3))
    ran = run(world, model(filtered, price=PRICE), by_rules)
    assert (ran.execution.token_count, ran.execution.reserved_tokens) == (103, 0)
    assert ran.execution.cost_usd == Decimal("0.00013")


def test_usage_is_kept_by_model(world: World):
    """Calls, failures, tokens and dollars of each model of the chain are stored with the execution."""
    ran = run(world, model(Fail("server")), model(Metered(Say("x"), Usage(input_tokens=50, output_tokens=2)), name="b"))
    rows = {row.model: (row.calls, row.failed_calls, row.input_tokens, row.output_tokens) for row in ran.usage}
    assert rows == {"scripted:first": (0, 2, 0, 0), "scripted:b": (1, 0, 50, 2)}


def test_usage_is_stored_when_an_execution_parks(world: World):
    """What was used so far is not only known at the end."""
    ran = run(world, model(Call("send", {"to": "x"}), Say("sent")))
    assert (ran.execution.status, ran.usage[0].calls) == ("awaiting_review", 1)


def test_each_failure_and_the_next_intent_are_one_commit(world: World):
    """A chain of three attempts costs three appends before its answer is acted on, not more."""
    ran = run(world, model(Fail("server"), Say("x")))
    assert [[event.kind for event in append.events] for append in ran.appends] == [
        [kinds.MODEL_REQUESTED],
        [kinds.MODEL_ATTEMPT_FAILED, kinds.MODEL_REQUESTED],
        [kinds.MODEL_RESPONDED, kinds.COMPLETED],
    ]
    assert [candidate.model for candidate in ran.appends[1].admission.candidates] == ["scripted:first"]


def test_a_crash_between_two_attempts_resumes_behind_the_first(world: World):
    """Another worker does not start the chain over: the record says what was tried, and what it may have cost."""
    ran = run(world, model(Fail("quota")), model(Fail("timeout"), Say("x"), name="second"))
    cut = next(n for n, event in enumerate(ran.events) if event.data.get("failure") == "timeout") + 2
    history = History()
    replay(history, [*ran.events[:cut], replace(ran.events[1], seq=cut + 1)])
    assert history.tried == [Tried(0, "quota", again=False), Tried(1, "timeout", again=True)]
    assert remaining(history.tried, [None, None]) == (1,)
    assert (history.reserved, history.held_tokens > 2 * 4_096) == (None, True)


def test_successes_are_told_only_with_a_failure(world: World):
    """A turn that goes well tells nobody; the report of a failure says how many did."""
    steps = [Call("look", {"order": "1"}), Call("look", {"order": "2"}), Fail("server"), Say("x")]
    [told] = run(world, model(*steps)).reports
    assert (told.kind, told.ok, told.failed, told.probe) == ("model", 2, 1, False)


def test_a_model_that_is_down_is_down_for_everybody(world: World):
    """After five failures the shared breaker opens, also between two attempts, and nobody asks that model any more."""
    down = model(Fail("server"))
    ran = [run(world, down, by_rules) for _ in range(4)]
    assert [len(one.attempts) for one in ran] == [2, 2, 1, 0]
    assert (down.requests, {one.execution.result for one in ran}) == (5, {"by the rules"})


def test_the_outcome_of_a_probe_is_always_told(world: World):
    """The one call that tests the water says that it went well."""
    told = run(world, model(Say("x")), changed={"probe": True}).reports
    assert [(report.kind, report.name, report.ok, report.probe) for report in told] == [
        ("model", "scripted:first", 1, True),
        ("provider", "scripted", 1, True),
    ]


def test_a_probe_that_fails_says_so(world: World):
    """A model that is still down stays closed off for everybody."""
    told = run(world, model(Fail("server")), by_rules, changed={"probe": True}).reports
    assert ("model", 0, 1, True) in [(report.kind, report.ok, report.failed, report.probe) for report in told]


def test_rules_are_told_of_to_no_breaker(world: World):
    """A bug in a rule is on the record and nowhere else."""

    def broken(_talk: Conversation) -> Say:
        raise KeyError("order")

    ran = run(world, broken, by_rules)
    assert (ran.execution.result, ran.attempts, ran.reports) == ("by the rules", [(0, "rule_error", "next")], [])


def test_the_whole_chain_is_bounded_by_the_executions_time(world: World):
    """However many models hang, total_timeout_s holds, and none of them is blamed for it."""
    hanging = [model(Say("late"), name=name, latency_s=30) for name in ("a", "b", "c")]
    ran = run(world, *hanging, limits=limits(total_timeout_s=0.3))
    assert (ran.execution.status, ran.execution.status_reason) == ("failed", "TOTAL_TIMEOUT")
    assert ran.reports == []


def test_a_model_may_have_less_time_than_the_others(world: World):
    """A primary that does not answer within its own time is left, long before the step's time is over."""
    slow = Model(model(Say("late"), latency_s=30), request_timeout_s=0.02)
    ran = run(world, slow, model(Say("quick"), name="second"))
    assert (ran.execution.result, [failure for _, failure, _ in ran.attempts]) == ("quick", ["timeout"] * 2)


class Mute(ScriptedModel):
    """A model that refuses to say last words."""

    async def request(self, messages: list, settings: dict, offered: object) -> object:
        if settings.get("tool_choice") == "none":
            raise as_error(Fail("quota"), "first")
        return await super().request(messages, settings, offered)


def test_a_closing_summary_goes_through_the_chain_too(world: World):
    """When limits run out and the first model has nothing to say, the next one says the last words."""
    mute = Mute([Call("look", {"order": "1"}), Say("?")], name="first")
    ran = run(world, mute, by_rules, limits=limits(steps=1))
    assert (ran.execution.status_reason, ran.execution.result) == ("MAX_STEPS_EXCEEDED", "by the rules")
    assert ran.attempts == [(0, "quota", "next")]


def test_an_old_journal_is_still_read(world: World):
    """Records from before attempts had events of their own fold to the same spending."""
    ran = run(world, model(Metered(Say("x"), Usage(input_tokens=50, output_tokens=2)), price=PRICE))
    older = [
        replace(event, data={key: value for key, value in event.data.items() if key != "gen_ai.request.model"})
        for event in ran.events
    ]
    history = History()
    replay(history, older)
    assert (history.tokens, history.cost_usd, history.model) == (52, ran.execution.cost_usd, "scripted:first")


def test_a_chain_stops_between_attempts_when_its_worker_does(world: World):
    """A draining worker makes no further attempt; the next one goes on."""
    stops: list[Callable[[], None]] = []
    reasons: list[str] = []

    def failing(_messages: list) -> object:
        stops[0]()
        return Fail("server")

    async def story(app: App) -> Execution:
        async with app.worker() as engine:
            stops.append(engine.stop)
            started = await app.start("clerk", "go")
            async for event in app.events(started.id):
                if event.kind == kinds.PARKED:
                    reasons.append(event.data["reason"])
                    break
        return await app.get(started.id)

    down = ScriptedModel(failing)
    parked = world.play(world.app(down), story)
    # A claim that was under way may have taken it once more, and given it back.
    assert (parked.status, reasons, down.requests) == ("pending", ["DRAINED"], 1)
