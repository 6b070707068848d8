"""Kill switches and breakers of tools, as an execution meets them."""

from holdfast import Limits, never_ask, tool
from holdfast.config import BreakerSettings, Settings
from holdfast.engine.clock import SystemClock
from holdfast.testing import Call, Calls, FakeClock, Say
from holdfast.trail import events as kinds
from tests.loop.failing import clerk, ended, play

PAUSE = {"by": "ada", "why": "double refunds"}


def counting(name: str = "pay", *, effect: str = "read", fails: int = 0, **options: object):
    """A tool that breaks its first `fails` times, and keeps count."""
    done: list[str] = []

    @tool(name=name, effect=effect, retries=0, **options)
    def act(order: str) -> str:
        """Do it."""
        done.append(order)
        if len(done) <= fails:
            raise RuntimeError("the till is stuck")
        return f"done {order}"

    return act, done


def test_a_paused_tool_is_not_run_and_the_model_is_told_why(database: str) -> None:
    """The other calls of the message run; the model gets the reason, and goes on."""
    pay, paid = counting()
    look, looked = counting("look")
    steps = [Calls([Call("look", {"order": "1"}), Call("pay", {"order": "2"})]), Say("Not paid.")]

    async def story(app):
        await app.control.pause("tool", "pay", **PAUSE)
        execution = await app.run("clerk", "go", timeout_s=30)
        return execution, [event async for event in app.events(execution.id, follow=False)]

    execution, events = play(database, clerk(steps, [pay, look]), story)
    assert (execution.status, paid, looked) == ("completed", [], ["1"])
    by_tool = {call.tool_name: call for call in execution.tool_calls}
    assert (by_tool["look"].status, by_tool["pay"].status) == ("completed", "denied")
    assert any("stopped by ada" in end["content"] and "double refunds" in end["content"] for end in ended(events))


def test_a_paused_agent_waits_and_goes_on_when_it_is_resumed(database: str) -> None:
    """Nothing is claimed meanwhile, and nothing is lost."""
    pay, paid = counting()

    async def story(app):
        await app.control.pause("agent", "clerk", **PAUSE)
        async with app.worker():
            started = await app.start("clerk", "go")
            await app.control.pause("tool", "nothing", **PAUSE)  # later than a claim would have been
            before = await app.get(started.id)
            await app.control.resume("agent", "clerk", by="ada")
            return before, await app.wait(started.id, 30)

    before, after = play(
        database, clerk([Call("pay", {"order": "1"}), Say("Paid.")], [pay]), story, clock=SystemClock()
    )
    assert (before.status, before.step_count) == ("pending", 0)
    assert (after.status, paid) == ("completed", ["1"])


def test_an_agent_paused_in_mid_work_starts_no_further_call(database: str) -> None:
    """The switch is met at the next dispatch: the execution parks with what it has."""
    app_of: list[object] = []
    done: list[str] = []

    @tool(effect="irreversible", review=never_ask)
    async def pay(order: str) -> str:
        """Pay; while the first payment runs, somebody pulls the switch."""
        done.append(order)
        if order == "1":
            await app_of[0].control.pause("all", **PAUSE)
        return "paid"

    steps = [Calls([Call("pay", {"order": "1"}), Call("pay", {"order": "2"})]), Say("Both.")]

    async def story(app):
        app_of.append(app)
        async with app.worker():
            started = await app.start("clerk", "go")
            async for event in app.events(started.id):
                if event.kind == kinds.PARKED:
                    break
            parked, so_far = await app.get(started.id), list(done)
            await app.control.resume("all", by="ada")
            return parked, so_far, await app.wait(started.id, 30)

    parked, so_far, after = play(database, clerk(steps, [pay]), story, clock=SystemClock())
    assert (parked.status, parked.status_reason, so_far) == ("pending", "PAUSED", ["1"])
    assert (after.status, done) == ("completed", ["1", "2"])


def settings(database: str) -> Settings:
    return Settings.load(database=database, breakers=BreakerSettings(failures=2, open_s=30))


def test_an_open_breaker_answers_at_once_with_what_is_unavailable_and_until_when(database: str) -> None:
    """After two failures the tool is not tried again; later one probe finds that it works, and all go on."""
    clock = FakeClock()
    pay, tried = counting(fails=2)
    steps = [Call("pay", {"order": str(n)}) for n in range(3)]

    async def story(app):
        first = await app.run("clerk", "go", timeout_s=30)
        events = [event async for event in app.events(first.id, follow=False)]
        (breaker,) = (await app.control.look()).breakers
        clock.advance(31)
        second = await app.run("clerk", "again", timeout_s=30)
        return ended(events), breaker, second, (await app.control.look()).breakers

    agent = clerk([*steps, Say("That is all.")], [pay], limits=Limits(tool_failures=None))
    ends, breaker, second, afterwards = play(database, agent, story, clock=clock, settings=settings(database))
    assert [end["status"] for end in ends] == ["failed", "failed", "denied"]
    assert "tool 'pay' is unavailable until" in ends[2]["content"]
    assert (breaker.kind, breaker.name, breaker.status) == ("tool", "pay", "open")
    assert (second.status, tried, afterwards) == ("completed", ["0", "1", "0", "1", "2"], ())
