"""The loop as an author meets it: real store, real engine, a scripted model."""

import asyncio
from decimal import Decimal

from pydantic import BaseModel

from holdfast import App, Price
from holdfast.testing import Call, Calls, Fail, Final, Raw, Say, ScriptedModel
from tests.loop.desk import World, limits


class Resolution(BaseModel):
    answer: str
    refunded: Decimal = Decimal(0)


async def kinds(app: App, execution_id: str) -> list[str]:
    return [event.kind async for event in app.events(execution_id, follow=False)]


def test_a_text_answer_is_the_result(world: World) -> None:
    """An agent without an output type ends with what the model says."""
    ended = world.run([Say("It is on its way.")])
    assert (ended.status, ended.result, ended.step_count) == ("completed", "It is on its way.", 1)


def test_a_tool_is_called_and_its_result_goes_to_the_model(world: World) -> None:
    """A turn with a call is followed by one in which the model has the result."""
    ended = world.run([Call("look", {"order": "7"}), Say("On its way.")])
    assert ended.status == "completed"
    assert world.done == [("look", "7")]
    [call] = ended.tool_calls
    assert (call.tool_name, call.status, call.tool_output) == ("look", "completed", "order 7 is on its way")


def test_a_structured_result_is_validated(world: World) -> None:
    """The result is of the declared type, as JSON."""
    ended = world.run([Final({"answer": "done", "refunded": "4.50"})], output=Resolution)
    assert ended.result == {"answer": "done", "refunded": "4.50"}


def test_a_turn_costs_two_commits(world: World) -> None:
    """Intent, then outcomes together with the next reservation: four turns, ten writes in all."""
    steps = [*(Call("look", {"order": str(n)}) for n in range(4)), Say("done")]
    app, appends = world.app(steps), []

    class Counting:
        def __init__(self, inner: object) -> None:
            self.inner = inner

        async def append(self, append: object) -> object:
            appends.append(append)
            return await self.inner.append(append)

        def __getattr__(self, name: str) -> object:
            return getattr(self.inner, name)

    app = App(list(app.agents.values()), app.database, wrap_journal=Counting)
    assert app.run_sync("clerk", "go", timeout_s=30).status == "completed"
    assert len(appends) == 2 * 5


def test_effects_run_in_the_order_given(world: World) -> None:
    """A message with several calls is worked from first to last."""
    message = Calls([Call("move", {"order": "1"}), Call("look", {"order": "2"}), Call("pay", {"amount": 3})])
    assert world.run([message, Say("ok")]).status == "completed"
    assert [name for name, _ in world.done] == ["move", "look", "pay"]


def test_an_unknown_tool_is_answered_with_the_real_ones(world: World) -> None:
    """The model is told which tools exist, and goes on."""
    ended = world.run([Call("lok", {"order": "7"}), Call("look", {"order": "7"}), Say("ok")])
    assert ended.status == "completed"
    refused = ended.tool_calls[0]
    assert refused.status == "failed"
    assert "Did you mean 'look'?" in (refused.error or "")


def test_bad_arguments_never_reach_the_tool(world: World) -> None:
    """Arguments are validated first; the model gets the error."""
    ended = world.run([Call("pay", {"amount": "a lot"}), Call("pay", {"amount": 3}), Say("ok")])
    assert [name for name, _ in world.done] == ["pay"]
    assert "amount" in (ended.tool_calls[0].error or "")


def test_malformed_messages_are_corrected_and_bounded(world: World) -> None:
    """Empty, cut and malformed messages are sent back three times in a row, then the execution ends, named."""
    ended = world.run([Say(""), Raw("half a sen", finish_reason="length"), Say(" "), Say(""), Say("too late")])
    assert (ended.status, ended.status_reason) == ("failed", "MALFORMED_OUTPUT")
    assert ended.step_count == 4


def test_a_malformed_message_in_between_is_forgiven(world: World) -> None:
    """The bound is on problems in a row."""
    steps = [Say(""), Call("look", {"order": "1"}), Say(""), Call("look", {"order": "2"}), Say(""), Say("done")]
    assert world.run(steps).status == "completed"


def test_a_wrong_result_is_sent_back_with_the_error(world: World) -> None:
    """Structured output that does not validate is re-prompted."""
    ended = world.run([Final({"refunded": "x"}), Final({"answer": "fine"})], output=Resolution)
    assert (ended.status, ended.step_count) == ("completed", 2)


def test_a_result_beside_calls_waits_for_their_outcome(world: World) -> None:
    """A result given in the same message as a call cannot know what the call brought."""
    early = Calls([Call("look", {"order": "7"}), Call("final_result", {"answer": "guess"})])
    ended = world.run([early, Final({"answer": "known"})], output=Resolution)
    assert ended.result == {"answer": "known", "refunded": "0"}
    assert world.done == [("look", "7")]


def test_steps_run_out_into_a_closing_summary(world: World) -> None:
    """The last word is a summary without tools, kept as the partial result."""

    def script(messages: object) -> object:
        return Call("look", {"order": str(len(messages))})

    ended = world.run(ScriptedModel([*(Call("look", {"order": str(n)}) for n in range(3)), Say("Looked at three.")]),
                      limits=limits(steps=3))  # fmt: skip
    assert (ended.status, ended.status_reason) == ("failed", "MAX_STEPS_EXCEEDED")
    assert (ended.result, ended.step_count) == ("Looked at three.", 3)


def test_tokens_never_exceed_the_limit(world: World) -> None:
    """A model that would go on for ever is stopped inside the budget, summary included."""
    endless = ScriptedModel(lambda messages: Call("look", {"order": str(len(messages))}))
    ended = world.run(endless, limits=limits(tokens=6_000, steps=1_000, repeats=1_000))
    assert ended.status_reason == "MAX_TOKENS_EXCEEDED"
    assert 0 < ended.token_count <= 6_000
    assert ended.result


def test_money_never_exceeds_the_limit(world: World) -> None:
    """With a price, dollars are reserved like tokens."""
    price = Price(input_usd_per_mtok=Decimal(1), output_usd_per_mtok=Decimal(10))
    endless = ScriptedModel(lambda messages: Call("look", {"order": str(len(messages))}), price=price)
    ended = world.run(endless, limits=limits(cost_usd=Decimal("0.05"), steps=10_000, tokens=10**9, repeats=10**6))
    assert ended.status_reason == "MAX_COST_EXCEEDED"
    assert Decimal(0) < ended.cost_usd <= Decimal("0.05")


def test_the_same_call_with_the_same_result_is_a_loop(world: World) -> None:
    """Three times the same is named as what it is."""
    ended = world.run([Call("look", {"order": "7"})] * 5)
    assert (ended.status, ended.status_reason) == ("failed", "LOOP_DETECTED")
    assert "look(order='7')" in (ended.error or "")
    assert len(world.done) == 3


def test_an_agent_may_say_that_it_cannot(world: World) -> None:
    """Every agent has an honest way out, with its reason."""
    ended = world.run([Call("cannot_complete", {"reason": "no such order"})])
    assert (ended.status, ended.status_reason) == ("failed", "CANNOT_COMPLETE")
    assert "no such order" in (ended.error or "")


def test_no_model_left_is_a_named_end(world: World) -> None:
    """When the whole chain fails the execution says so."""
    ended = world.run(ScriptedModel([Fail("authentication")] * 3))
    assert (ended.status, ended.status_reason) == ("failed", "MODEL_UNAVAILABLE")


def test_an_approval_is_used_for_exactly_what_was_shown(world: World) -> None:
    """Parked until a person answers, then the call runs once and the answer is spent."""

    async def story(app: App) -> None:
        parked = await app.run("clerk", "send it", timeout_s=30)
        assert (parked.status, world.done) == ("awaiting_review", [])
        [asked] = await app.approvals()
        assert (asked.tool_name, asked.arguments) == ("send", {"to": "a@b.c"})
        await app.decide(asked.id, "approve", by="Ada")
        ended = await app.resume(parked.id, timeout_s=30)
        assert (ended.status, world.done) == ("completed", [("send", "a@b.c")])
        assert [item.consumed_at is not None for item in await app.approvals(None)] == [True]

    world.play(world.app([Call("send", {"to": "a@b.c"}), Say("sent")]), story)


def test_an_edit_runs_instead_of_what_was_asked(world: World) -> None:
    """A person may correct the arguments; the model and the record see what ran."""

    async def story(app: App) -> None:
        parked = await app.run("clerk", "send it", timeout_s=30)
        [asked] = await app.approvals()
        await app.decide(asked.id, "approve", by="Ada", edit={"to": "right@b.c"})
        ended = await app.resume(parked.id, timeout_s=30)
        assert world.done == [("send", "right@b.c")]
        assert ended.tool_calls[0].tool_input == {"to": "right@b.c"}

    world.play(world.app([Call("send", {"to": "wrong@b.c"}), Say("sent")]), story)


def test_a_rejection_reaches_the_model_with_its_note(world: World) -> None:
    """No is an answer, not a failure."""

    async def story(app: App) -> None:
        parked = await app.run("clerk", "send it", timeout_s=30)
        [asked] = await app.approvals()
        await app.decide(asked.id, "reject", by="Ada", note="call them instead")
        ended = await app.resume(parked.id, timeout_s=30)
        assert (ended.status, ended.tool_calls[0].status, world.done) == ("completed", "denied", [])
        told = [event async for event in app.events(parked.id, follow=False) if event.kind == "call.ended"]
        assert "call them instead" in told[0].data["content"]

    world.play(world.app([Call("send", {"to": "a@b.c"}), Say("I will call.")]), story)


def test_a_question_of_the_agent_is_answered_by_a_person(world: World) -> None:
    """`ask_person` parks until somebody answers."""

    async def story(app: App) -> None:
        parked = await app.run("clerk", "do it", timeout_s=30)
        [asked] = await app.approvals()
        assert (asked.kind, asked.question) == ("question", "Which one?")
        await app.decide(asked.id, "answer", by="Ada", note="the blue one")
        ended = await app.resume(parked.id, timeout_s=30)
        assert ended.status == "completed"

    world.play(world.app([Call("ask_person", {"question": "Which one?"}), Say("The blue one then.")]), story)


def test_several_approved_effects_run_in_order(world: World) -> None:
    """Two approvals in one message: nothing runs before both are answered, then in the order given."""

    async def story(app: App) -> None:
        parked = await app.run("clerk", "send both", timeout_s=30)
        first, second = await app.approvals()
        await app.decide(second.id, "approve", by="Ada")
        assert (await app.get(parked.id)).status == "awaiting_review"
        await app.decide(first.id, "approve", by="Ada")
        ended = await app.resume(parked.id, timeout_s=30)
        assert (ended.status, world.done) == ("completed", [("send", "one"), ("send", "two")])

    both = Calls([Call("send", {"to": "one"}), Call("send", {"to": "two"})])
    world.play(world.app([both, Say("sent")]), story)


def test_an_escalated_failure_goes_on_with_guidance(world: World) -> None:
    """With on_failure='review' a person is asked before the end, and may say how to go on."""

    async def story(app: App) -> None:
        parked = await app.run("clerk", "do it", timeout_s=30)
        assert (parked.status, parked.status_reason) == ("awaiting_review", "CANNOT_COMPLETE")
        [asked] = await app.approvals()
        await app.decide(asked.id, "approve", by="Ada", note="look at order 7")
        ended = await app.resume(parked.id, timeout_s=30)
        assert (ended.status, world.done) == ("completed", [("look", "7")])

    steps = [Call("cannot_complete", {"reason": "lost"}), Call("look", {"order": "7"}), Say("found")]
    world.play(world.app(steps, on_failure="review"), story)


def test_a_thread_is_continued_over_executions(world: World) -> None:
    """The second execution of a thread knows what was said in the first."""
    heard: list[str] = []

    def script(messages: object) -> object:
        heard.append(str(messages))
        return Say("My name is Clerk." if len(heard) == 1 else "As I said.")

    async def story(app: App) -> None:
        await app.run("clerk", "Who are you?", thread="t", timeout_s=30)
        await app.run("clerk", "Again?", thread="t", timeout_s=30)

    world.play(world.app(ScriptedModel(script)), story)
    assert "Who are you?" in heard[1]
    assert "My name is Clerk." in heard[1]


def test_a_failed_execution_can_be_retried_after_its_last_step(world: World) -> None:
    """Retry goes on; finished calls are not run again."""

    async def story(app: App) -> None:
        failed = await app.run("clerk", "go", timeout_s=30)
        assert failed.status_reason == "MAX_STEPS_EXCEEDED"
        await app.retry(failed.id)
        ended = await app.resume(failed.id, timeout_s=30)
        assert (ended.status, len(world.done)) == ("completed", 2)

    def script(messages: object) -> object:
        said = str(messages)
        if "limits of this execution" in said.splitlines()[-1]:
            return Say("stopped")
        return Say("done") if "order 2" in said else Call("look", {"order": str(1 + said.count("is on its way"))})

    world.play(world.app(ScriptedModel(script), limits=limits(steps=1 + 1)), story)


def test_secrets_are_redacted_before_anything_is_written(world: World) -> None:
    """What looks like a key or a card number is gone before journal and model see it."""
    ended = world.run([Say("ok")], input="my card is 4111 1111 1111 1111")
    assert "4111" not in str(ended.input_data)
    assert b"4111 1111" not in (world.path / "holdfast.db").read_bytes()


def test_tokens_are_heard_live(world: World) -> None:
    """Whoever listens hears the model's words as they come; the answer is the same."""

    async def story(app: App) -> None:
        started = await app.start("clerk", "speak")
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(collect(app, started.id))
            await asyncio.sleep(0)
            while started.id not in app._parts.listeners:  # noqa: ASYNC110 - set by the listener's first step
                await asyncio.sleep(0)
            await app.resume(started.id, timeout_s=30)
        assert "".join(listening.result()) == "one two three"

    async def collect(app: App, execution_id: str) -> list[str]:
        return [words async for words in app.tokens(execution_id)]

    world.play(world.app([Say("one two three")]), story)


def test_events_can_be_resumed_after_any_one(world: World) -> None:
    """A reader that was cut off goes on behind the last sequence number that it saw."""

    async def story(app: App) -> None:
        ended = await app.run("clerk", "go", timeout_s=30)
        every = [event.seq async for event in app.events(ended.id)]
        assert every == list(range(1, len(every) + 1))
        assert [event.seq async for event in app.events(ended.id, after=3)] == every[3:]

    world.play(world.app([Call("look", {"order": "7"}), Say("ok")]), story)


def test_the_end_is_the_last_event(world: World) -> None:
    """Whoever follows a journal stops at its end: nothing comes after it, also where calls were refused just before."""
    broken = Raw("", calls=[("look", '{"order": 7, "trou')])

    async def story(app: App) -> None:
        ended = await app.run("clerk", "go", timeout_s=30)
        async with asyncio.timeout(10):
            followed = [event.kind async for event in app.events(ended.id)]
        assert (ended.status_reason, followed[-1]) == ("LOOP_DETECTED", "execution.failed")

    world.play(world.app([broken] * 3), story)
