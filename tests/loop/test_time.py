"""Time: steps that take too long, executions that do, calls that want to be made later, workers that drain."""

import asyncio
from datetime import UTC, datetime

from holdfast import App, Context, RetryLater, tool
from holdfast.testing import Call, Calls, Say, ScriptedModel
from tests.loop.desk import World, limits


def test_a_model_that_takes_too_long_ends_the_step(world: World) -> None:
    """A model call is bounded by step_timeout_s."""
    ended = world.run(ScriptedModel([Say("late")], latency_s=30), limits=limits(step_timeout_s=0.05))
    assert (ended.status, ended.status_reason) == ("failed", "STEP_TIMEOUT")


def test_a_tool_without_a_timeout_is_bounded_by_the_step(world: World) -> None:
    """After its retries, a read that never comes back ends the step, named."""

    @tool(effect="read", retries=1)
    async def hang() -> str:
        """Hang."""
        world.done.append(("hang", ""))
        await asyncio.Event().wait()
        return ""

    ended = world.run([Call("hang"), Say("?")], tools=[hang], limits=limits(step_timeout_s=0.05))
    assert (ended.status, ended.status_reason, len(world.done)) == ("failed", "STEP_TIMEOUT", 2)
    assert "hang" in (ended.error or "")


def test_a_tool_with_its_own_timeout_only_fails_its_call(world: World) -> None:
    """The author said how long it may take; the model is told that it took longer, and goes on."""

    @tool(effect="read", retries=0, timeout_s=0.05)
    async def hang() -> str:
        """Hang."""
        await asyncio.Event().wait()
        return ""

    ended = world.run([Call("hang"), Say("Then not.")], tools=[hang])
    assert (ended.status, ended.tool_calls[0].status) == ("completed", "failed")


def test_the_whole_execution_is_bounded(world: World) -> None:
    """Activity beyond total_timeout_s ends it, named."""

    @tool(effect="read")
    async def nap(n: int) -> str:
        """Nap."""
        await asyncio.sleep(0.05)
        return f"nap {n}"

    steps = [Call("nap", {"n": n}) for n in range(20)]
    ended = world.run(steps, tools=[nap], limits=limits(total_timeout_s=0.3))
    assert (ended.status, ended.status_reason) == ("failed", "TOTAL_TIMEOUT")
    assert 1 <= ended.step_count < 20


def test_waiting_for_a_person_takes_no_time(world: World) -> None:
    """Only activity counts against total_timeout_s."""

    async def story(app: App) -> None:
        parked = await app.run("clerk", "send it", timeout_s=30)
        await asyncio.sleep(1)
        [asked] = await app.approvals()
        await app.decide(asked.id, "approve", by="Ada")
        assert (await app.resume(parked.id, timeout_s=30)).status == "completed"

    world.play(world.app([Call("send", {"to": "x"}), Say("ok")], limits=limits(total_timeout_s=0.9)), story)


def test_a_long_wait_parks_the_execution(world: World) -> None:
    """RetryLater beyond a few seconds costs a row with a time, not a worker."""

    @tool(effect="idempotent")
    def busy() -> str:
        """Be busy."""
        raise RetryLater(3600, "the service rests")

    async def story(app: App) -> None:
        async with app.worker() as engine:
            started = await app.start("clerk", "go")
            async for event in app.events(started.id):
                if event.kind == "execution.parked":
                    break
            parked = await app.get(started.id)
            assert (parked.status, parked.status_reason) == ("pending", "RETRY_LATER")
            assert parked.wake_at is not None
            assert 3500 < (parked.wake_at - datetime.now(UTC)).total_seconds() <= 3600
            assert parked.tool_calls[0].status == "pending"
            assert engine.running <= 1

    world.play(world.app([Call("busy"), Say("ok")], tools=[busy]), story)


def test_a_parked_call_is_made_again_when_its_time_comes(world: World) -> None:
    """The second attempt has the same key and the next number."""
    seen: list[tuple[int, str]] = []

    @tool(effect="idempotent", name="busy")
    def busy_once(ctx: Context) -> str:
        """Be busy once."""
        seen.append((ctx.attempt, ctx.idempotency_key))
        if len(seen) == 1:
            raise RetryLater(5.5)
        return "done"

    ended = world.run([Call("busy"), Say("ok")], tools=[busy_once])
    assert ended.status == "completed"
    assert [attempt for attempt, _ in seen] == [1, 2]
    assert len({key for _, key in seen}) == 1


def test_a_draining_worker_lets_go_between_two_turns(world: World) -> None:
    """Stopping the worker loses nothing: the next one goes on with the next step."""
    begun, free = asyncio.Event(), asyncio.Event()

    @tool(effect="read")
    async def wait_here() -> str:
        """Wait."""
        world.done.append(("wait_here", ""))
        begun.set()
        await free.wait()
        return "waited"

    async def story(app: App) -> None:
        async with app.worker() as engine:
            started = await app.start("clerk", "go")
            await begun.wait()
            engine.stop()
            free.set()
        parked = await app.get(started.id)
        assert (parked.status, parked.step_count, parked.tool_calls[0].status) == ("pending", 1, "completed")
        ended = await app.resume(started.id, timeout_s=30)
        assert (ended.status, len(world.done)) == ("completed", 1)

    world.play(world.app([Call("wait_here"), Say("ok")], tools=[wait_here]), story)


def cancelled_during_the_first_call(world: World, message: object) -> list[str]:
    """Statuses of the calls when somebody cancels while the first of them runs."""
    begun, free = asyncio.Event(), asyncio.Event()

    @tool(effect="read")
    async def wait_here() -> str:
        """Wait."""
        begun.set()
        await free.wait()
        return "waited"

    async def story(app: App) -> list[str]:
        async with app.worker():
            started = await app.start("clerk", "go")
            await begun.wait()
            await app.cancel(started.id, by="Ada")
            free.set()
            ended = await app.wait(started.id, timeout_s=30)
        assert (ended.status, ended.reserved_tokens) == ("cancelled", 0)
        return [call.status for call in ended.tool_calls]

    return world.play(world.app([message, Say("ok")], tools=[wait_here, *world.tools()]), story)


def test_cancelling_while_a_call_runs_keeps_its_outcome(world: World) -> None:
    """The running call's outcome is recorded, and no further turn begins."""
    assert cancelled_during_the_first_call(world, Call("wait_here")) == ["completed"]


def test_cancelling_starts_no_further_call_of_the_message(world: World) -> None:
    """Calls whose intent was durable already do not begin after the wish to cancel."""
    message = Calls([Call("wait_here"), Call("move", {"order": "1"}), Call("pay", {"amount": 2})])
    assert cancelled_during_the_first_call(world, message) == ["completed", "denied", "denied"]
    assert world.done == []
