"""Tools that fail: what stands in for them, what the model is told, and when a person is asked."""

from pydantic import BaseModel

from holdfast import Cached, Context, Default, Limits, ToolError, ask_when, never_ask, tool
from holdfast.testing import Call, Calls, FakeClock, Say
from tests.loop.desk import World
from tests.loop.failing import clerk, ended, journal, play, run


class Order(BaseModel):
    """An order."""

    id: str
    total: int


def broken(name: str = "find", *, effect: str = "read", **options: object):
    """A tool that always fails, and certainly did nothing."""

    @tool(name=name, effect=effect, **options)
    def fails(order: str) -> str:
        """Find an order."""
        raise ToolError("the archive is closed")

    return fails


@tool(effect="read")
def find_elsewhere(order: str) -> dict[str, str]:
    """Find an order in the copy."""
    return {"order": order, "from": "the copy"}


def test_another_tool_answers_and_the_model_is_told_so(database: str) -> None:
    """The result says that it is the fallback's, and what failed."""
    execution, events = run(
        database, clerk([Call("find", {"order": "7"}), Say("Found.")], [broken(fallback=find_elsewhere)])
    )
    (end,) = ended(events)
    assert execution.status == "completed"
    told, result = end["content"].split("\n")
    assert told == "[find failed: the archive is closed. What follows is the result of its fallback find_elsewhere.]"
    assert result == '{"order":"7","from":"the copy"}'
    assert end["fallback"] == {
        "kind": "tool", "tool": "find_elsewhere", "age_s": None, "error": "find failed: the archive is closed"
    }  # fmt: skip
    (call,) = execution.tool_calls
    assert (call.tool_name, call.status) == ("find", "completed")


def test_a_chain_of_fallbacks_is_walked_to_its_end(database: str) -> None:
    """A fallback that fails too has its own fallback; the model is told of both failures."""
    second = broken("find_in_cellar", fallback=Default("unknown"))
    _, events = run(database, clerk([Call("find", {"order": "7"}), Say("So.")], [broken(fallback=second)]))
    (end,) = ended(events)
    assert end["status"] == "completed"
    assert end["content"] == (
        "[find failed: the archive is closed; find_in_cellar failed: the archive is closed."
        " What follows is a default value for this case, not a result.]\nunknown"
    )


def test_a_default_for_an_effect_leaves_the_call_failed(world: World) -> None:
    """A default never says that something happened which did not."""
    pay = broken("pay", effect="irreversible", review=never_ask, fallback=Default("queued for tomorrow"))
    execution = world.run([Call("pay", {"order": "7"}), Say("Later.")], tools=[pay])
    assert execution.status == "completed"
    assert [call.status for call in execution.tool_calls] == ["failed"]


def test_the_last_good_result_stands_in_with_its_age(database: str) -> None:
    """A cached result is given with its age, and recorded as one."""
    clock, calls = FakeClock(auto=True), []

    @tool(effect="read", fallback=Cached(max_age_s=600))
    def rate(currency: str) -> Order:
        """Look up a rate."""
        calls.append(currency)
        if len(calls) > 1:
            clock.advance(120)
            raise ToolError("closed")
        return Order(id=currency, total=7)

    agent = clerk([Call("rate", {"currency": "EUR"}), Call("rate", {"currency": "EUR"}), Say("7")], [rate])
    _, events = run(database, agent, clock=clock)
    fresh, old = ended(events)
    assert "fallback" not in fresh
    assert old["content"].endswith('2 minutes old; it may be out of date.]\n{"id":"EUR","total":7}')
    assert old["fallback"]["kind"] == "cached"
    assert 120 <= old["fallback"]["age_s"] < 200


def test_a_cached_result_too_old_is_no_answer(database: str) -> None:
    """Past its age a result stands in for nothing: the failure is told."""
    clock, calls = FakeClock(auto=True), []

    @tool(effect="read", fallback=Cached(max_age_s=60))
    def rate() -> int:
        """Look up a rate."""
        calls.append(1)
        if len(calls) > 1:
            clock.advance(120)
            raise ToolError("closed")
        return 7

    _, events = run(database, clerk([Call("rate", {}), Call("rate", {}), Say("?")], [rate]), clock=clock)
    assert [end["status"] for end in ended(events)] == ["completed", "failed"]


def test_a_cached_result_of_one_user_is_never_anothers(database: str) -> None:
    """A tool that can know who asks has a cache for each user."""
    asked: list[str | None] = []

    @tool(effect="read", fallback=Cached(max_age_s=600))
    def my_orders(ctx: Context) -> str:
        """List the user's orders."""
        asked.append(ctx.user)
        if len(asked) > 1:
            raise ToolError("closed")
        return f"orders of {ctx.user}"

    async def story(app):
        await app.run("clerk", "Go.", user="ada", timeout_s=30)
        other = await app.run("clerk", "Go.", user="bob", timeout_s=30)
        return other.tool_calls[0].status

    assert play(database, clerk([Call("my_orders", {}), Say("So.")], [my_orders]), story) == "failed"


def test_a_fallback_with_an_effect_has_an_intent_and_a_key_of_its_own(database: str) -> None:
    """What stands in is dispatched like any call: durable first, under another idempotency key."""
    keys: list[str] = []

    @tool(effect="idempotent")
    def note_on_paper(ctx: Context, order: str) -> str:
        """Write it down."""
        keys.append(ctx.idempotency_key)
        return "noted"

    note = broken("note", effect="idempotent", fallback=note_on_paper)
    execution, events = run(database, clerk([Call("note", {"order": "7"}), Say("Noted.")], [note]))
    kinds = [event.kind for event in events]
    assert kinds.index("call.fell_back") < kinds.index("call.dispatched") < kinds.index("call.ended")
    assert keys == [f"{execution.id}:1:0:note_on_paper"]


def test_an_effect_that_may_have_happened_is_left_to_no_other_tool(database: str) -> None:
    """After a broken line an idempotent call may have worked: a second tool could do it twice."""

    @tool(effect="idempotent", fallback=Default("skipped"), retries=0)
    def book(seat: str) -> str:
        """Book."""
        raise ConnectionError("the line went dead")

    _, events = run(database, clerk([Call("book", {"seat": "1A"}), Say("?")], [book]))
    (end,) = ended(events)
    assert (end["status"], end["failure"], "fallback" in end) == ("failed", "error", False)


def test_the_fallbacks_own_review_rule_is_asked(database: str) -> None:
    """A person sees the call as the fallback would run it, and why; a yes runs it once."""
    ran: list[str] = []

    @tool(effect="irreversible", review=ask_when(lambda args: args.order == "7"))
    def pay_by_letter(order: str) -> str:
        """Pay by letter."""
        ran.append(order)
        return "posted"

    pay = broken("pay", effect="irreversible", review=never_ask, fallback=pay_by_letter)

    async def story(app):
        execution = await app.run("clerk", "Go.", timeout_s=30)
        (question,) = await app.approvals()
        assert (execution.status, ran) == ("awaiting_review", [])
        await app.decide(question.id, "approve", by="ada")
        return question, await app.resume(execution.id, timeout_s=30)

    question, execution = play(database, clerk([Call("pay", {"order": "7"}), Say("Paid.")], [pay]), story)
    assert question.tool_name == "pay_by_letter"
    assert "pay failed: the archive is closed" in question.reason
    assert (execution.status, ran) == ("completed", ["7"])


def test_a_no_to_a_fallback_is_told_with_what_failed(database: str) -> None:
    """The model learns that neither ran."""

    @tool(effect="irreversible")
    def pay_by_letter(order: str) -> str:
        """Pay by letter."""
        return "posted"

    pay = broken("pay", effect="irreversible", review=never_ask, fallback=pay_by_letter)

    async def story(app):
        execution = await app.run("clerk", "Go.", timeout_s=30)
        (question,) = await app.approvals()
        await app.decide(question.id, "reject", by="ada", note="too slow")
        await app.resume(execution.id, timeout_s=30)
        return await journal(app, execution.id)

    (end,) = ended(play(database, clerk([Call("pay", {"order": "7"}), Say("No.")], [pay]), story))
    assert end["status"] == "denied"
    assert end["content"].startswith("[pay failed: the archive is closed. Its fallback pay_by_letter was to serve")
    assert "too slow" in end["content"]


def test_a_fallback_in_doubt_is_settled_by_a_person(database: str) -> None:
    """What stands in may fail in its own way: its doubt names it."""

    @tool(effect="irreversible", review=never_ask)
    def pay_by_wire(order: str) -> str:
        """Pay by wire."""
        raise ConnectionError("the line went dead")

    pay = broken("pay", effect="irreversible", review=never_ask, fallback=pay_by_wire)

    async def story(app):
        execution = await app.run("clerk", "Go.", timeout_s=30)
        (question,) = await app.approvals()
        await app.decide(question.id, "happened", by="ada", edit="wired")
        return question, await app.resume(execution.id, timeout_s=30)

    question, execution = play(database, clerk([Call("pay", {"order": "7"}), Say("Paid.")], [pay]), story)
    assert (question.kind, question.tool_name) == ("doubt", "pay_by_wire")
    assert (execution.status, execution.tool_calls[0].tool_output) == ("completed", "wired")


# --- contracts


def test_a_read_that_breaks_its_contract_fails_with_the_difference(database: str) -> None:
    """The model is told which field is wrong; nothing is tried again, and a fallback may answer."""
    runs: list[int] = []

    @tool(effect="read")
    def find(order: str) -> Order:
        """Find an order."""
        runs.append(1)
        return {"id": order, "total": "a lot"}  # the service changed

    _, events = run(database, clerk([Call("find", {"order": "7"}), Say("?")], [find]))
    (end,) = ended(events)
    assert (end["status"], end["failure"], len(runs)) == ("failed", "contract", 1)
    assert "total: Input should be a valid integer" in end["content"]
    assert "(got 'a lot')" in end["content"]


def test_an_irreversible_call_that_breaks_its_contract_is_in_doubt(database: str) -> None:
    """The effect may well have happened: a person settles it, with the difference in front of them."""

    @tool(effect="irreversible", review=never_ask)
    def pay(order: str) -> Order:
        """Pay."""
        return {"receipt": order}

    async def story(app):
        execution = await app.run("clerk", "Go.", timeout_s=30)
        return execution, await app.approvals()

    execution, (question,) = play(database, clerk([Call("pay", {"order": "7"}), Say("Paid.")], [pay]), story)
    assert (execution.status, execution.status_reason, question.kind) == ("awaiting_review", "IN_DOUBT", "doubt")
    assert "not of the type it declares: id: missing; total: missing" in question.reason


# --- people


def ask_often(times: int, tool_name: str = "find") -> list[object]:
    """A script that asks for different orders."""
    return [*(Call(tool_name, {"order": str(number)}) for number in range(times)), Say("I give up.")]


def test_after_three_failures_a_person_is_asked_whatever_the_agent_declares(database: str) -> None:
    """The question lists what failed."""

    async def story(app):
        execution = await app.run("clerk", "Go.", timeout_s=30)
        return execution, await app.approvals()

    execution, (question,) = play(database, clerk(ask_often(5), [broken()], on_failure="fail"), story)
    assert (execution.status, execution.status_reason) == ("awaiting_review", "TOOL_FAILED")
    assert (question.kind, question.gate, execution.step_count) == ("escalation", "TOOL_FAILED", 3)
    assert question.reason.count("find: the archive is closed") == 3


def test_a_persons_words_let_it_go_on_and_the_count_starts_anew(database: str) -> None:
    """Three more failures are needed until somebody is asked again."""

    async def story(app):
        execution = await app.run("clerk", "Go.", timeout_s=30)
        (question,) = await app.approvals()
        await app.decide(question.id, "approve", by="ada", note="Try others.")
        return await app.resume(execution.id, timeout_s=30)

    execution = play(database, clerk(ask_often(5), [broken()]), story)
    assert (execution.status, execution.step_count) == ("completed", 6)


def test_a_no_ends_it_as_failed(database: str) -> None:
    """The reason is the tools', and the result hands over what is on record."""

    async def story(app):
        execution = await app.run("clerk", "Go.", timeout_s=30)
        (question,) = await app.approvals()
        await app.decide(question.id, "reject", by="ada")
        return await app.resume(execution.id, timeout_s=30)

    execution = play(database, clerk(ask_often(5), [broken()]), story)
    assert (execution.status, execution.status_reason) == ("failed", "TOOL_FAILED")
    assert execution.result["happened"] == []


def test_a_persons_result_ends_it_as_completed(database: str) -> None:
    """An edit is the result."""

    async def story(app):
        execution = await app.run("clerk", "Go.", timeout_s=30)
        (question,) = await app.approvals()
        await app.decide(question.id, "approve", by="ada", edit="I did it myself.")
        return await app.resume(execution.id, timeout_s=30)

    execution = play(database, clerk(ask_often(5), [broken()]), story)
    assert (execution.status, execution.result) == ("completed", "I did it myself.")


def test_answers_of_fallbacks_and_mistakes_of_the_model_do_not_count(world: World) -> None:
    """Nobody is asked while something answers."""
    steps = [
        *ask_often(4)[:-1],
        Calls([Call("nothing_like_it", {}), Call("find", {})]),
        Call("nothing_like_it", {}),
        Say("Done."),
    ]
    execution = world.run(steps, tools=[broken(fallback=find_elsewhere)])
    assert execution.status == "completed"


def test_no_limit_on_failures_asks_nobody(world: World) -> None:
    """`Limits(tool_failures=None)` leaves it to the model."""
    execution = world.run(ask_often(6), tools=[broken()], limits=Limits(tool_failures=None))
    assert execution.status == "completed"
