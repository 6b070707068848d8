import asyncio
import inspect
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import RetryLater, ToolError
from holdfast.tools.execute import MAX_WAIT_S, MAX_WAITS, backoff_s
from holdfast.tools.tool import tool
from holdfast.types import Context
from tests.tools.kit import NotedClock, recover, run

FOREVER_S = 0.01
"""A timeout for tools that would never end by themselves."""


def failing(effect, errors, **options):
    """A tool that raises these errors in turn, then returns; with the contexts it was given."""
    seen: list[Context] = []

    @tool(effect=effect, name="act", **options)
    async def act(ctx: Context):
        seen.append(ctx)
        if len(seen) <= len(errors):
            raise errors[len(seen) - 1]
        return "ok"

    return act, seen


def doubtful(answers):
    """An irreversible tool that loses its connection, and a probe that gives these answers in turn."""
    act, seen = failing("irreversible", [ConnectionError("cut"), ConnectionError("cut again")])

    @act.probe
    async def asked():
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return act, seen


# --- attempts ----------------------------------------------------------------------------------------------


def test_result():
    """A call that works is completed with its result, after one attempt."""
    act, _ = failing("irreversible", [])
    outcome = asyncio.run(run(act))
    assert (outcome.status, outcome.content, outcome.attempts, outcome.error) == ("completed", "ok", 1, None)


@pytest.mark.parametrize("effect", ["read", "idempotent"])
def test_retries_with_the_same_key(effect):
    """Reads and idempotent calls are tried again with the same idempotency key and a counted attempt."""
    act, seen = failing(effect, [ConnectionError("cut"), ValueError("odd")])
    outcome = asyncio.run(run(act))
    assert (outcome.status, outcome.attempts) == ("completed", 3)
    assert [ctx.attempt for ctx in seen] == [1, 2, 3]
    assert len({ctx.idempotency_key for ctx in seen}) == 1


def test_retries_are_bounded():
    """When the retries are used up the call has failed, and the model is told why."""
    act, seen = failing("read", [ConnectionError(f"cut {n}") for n in range(9)], retries=2)
    outcome = asyncio.run(run(act))
    assert (outcome.status, outcome.attempts, len(seen)) == ("failed", 3, 3)
    assert outcome.content == "act failed after 3 attempts: ConnectionError: cut 2"


def test_attempts_count_on():
    """After a restart attempts are counted on."""
    act, seen = failing("read", [ConnectionError("cut")])
    outcome = asyncio.run(run(act, attempt=4))
    assert [ctx.attempt for ctx in seen] == [4, 5]
    assert outcome.attempts == 5


def test_backoff_between_retries():
    """Retries wait, longer each time."""
    clock = NotedClock()
    act, _ = failing("read", [ConnectionError("cut")] * 4, retries=4)
    asyncio.run(run(act, clock=clock, random=lambda: 1.0))
    assert clock.slept == [0.2, 0.4, 0.8, 1.6]


@given(st.integers(1, 1_000), st.floats(0, 1, exclude_max=True))
def test_backoff_bounds(failures, chance):
    """A backoff is never negative and never longer than its cap, after however many failures."""
    assert 0 <= backoff_s(failures, lambda: chance) <= 5


def test_latency_leaves_waits_out():
    """The latency is the tool's own time; what was slept between attempts is not in it."""
    act, _ = failing("read", [RetryLater(3)])
    assert asyncio.run(run(act)).latency_ms == 0


def test_each_tool_error_ends_the_call():
    """`ToolError` says that it did not happen: the model hears the message, and nothing is tried again."""
    for effect in ("read", "idempotent", "irreversible"):
        act, seen = failing(effect, [ToolError("no such order")])
        outcome = asyncio.run(run(act))
        assert (outcome.status, outcome.content, len(seen)) == ("failed", "no such order", 1)


def test_arguments_that_no_longer_fit():
    """Arguments that a changed tool no longer takes fail the call before the function is entered."""

    @tool
    async def act(order_id: str):
        raise AssertionError

    outcome = asyncio.run(run(act))
    assert outcome.status == "failed"
    assert "order_id: missing" in outcome.content


# --- waiting -----------------------------------------------------------------------------------------------


def test_short_wait_is_slept():
    """A tool that asks for a short wait gets it within the activation, also an irreversible one."""
    clock = NotedClock()
    act, seen = failing("irreversible", [RetryLater(2)])
    outcome = asyncio.run(run(act, clock=clock))
    assert (outcome.status, clock.slept, len(seen)) == ("completed", [2], 2)


def test_long_wait_is_for_the_loop():
    """A long wait is not slept: it is handed on, to be parked for."""
    clock = NotedClock()
    act, _ = failing("read", [RetryLater(60, "rate limited")])
    outcome = asyncio.run(run(act, clock=clock))
    assert (outcome.status, outcome.wait_s, outcome.error, clock.slept) == ("later", 60, "rate limited", [])


def test_waits_are_bounded():
    """A tool that always wants to be tried later has failed after ten times."""
    act, seen = failing("irreversible", [RetryLater(1)] * 99)
    outcome = asyncio.run(run(act))
    assert (outcome.status, len(seen)) == ("failed", MAX_WAITS)
    assert "did not happen" in outcome.content


def test_waits_of_earlier_activations_count():
    """The ten times count over activations, also when each wait was a long one."""
    act, _ = failing("read", [RetryLater(600)] * 2)
    assert asyncio.run(run(act, waits=MAX_WAITS - 2)).status == "later"
    assert asyncio.run(run(act, waits=MAX_WAITS - 1)).status == "failed"


@pytest.mark.parametrize(("asked", "given"), [(-5, 0), (float("nan"), MAX_WAIT_S), (float("inf"), MAX_WAIT_S)])
def test_absurd_waits(asked, given):
    """A wait that no calendar holds is brought within bounds."""
    act, _ = failing("read", [RetryLater(asked)])
    assert asyncio.run(run(act, longest_wait_s=-1)).wait_s == given


# --- doubt -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ConnectionError("cut"), KeyError("x"), TimeoutError(), SystemExit(3)])
def test_unknown_error_of_an_irreversible_call(error):
    """Any error but a definite no leaves an irreversible call in doubt, dispatched once."""
    act, seen = failing("irreversible", [error])
    outcome = asyncio.run(run(act))
    assert (outcome.status, outcome.attempts, len(seen)) == ("in_doubt", 1, 1)
    assert type(error).__name__ in outcome.error


def test_probe_finds_that_it_happened():
    """A probe that finds the effect gives the call its result."""
    act, seen = doubtful([{"receipt": 7}])
    outcome = asyncio.run(run(act))
    assert (outcome.status, outcome.output, len(seen)) == ("completed", {"receipt": 7}, 1)
    assert outcome.error == "ConnectionError: cut; its probe found that it happened"


def test_probe_finds_nothing():
    """If the probe says that it did not happen the model is told so; the call is not made again by itself."""
    act, seen = doubtful([None])
    outcome = asyncio.run(run(act))
    assert (outcome.status, len(seen)) == ("failed", 1)
    assert "did not happen" in outcome.content


def test_probe_is_asked_again():
    """A probe that stumbles is asked up to three times: it is a read."""
    act, _ = doubtful([ConnectionError("busy"), ConnectionError("busy"), "found"])
    assert asyncio.run(run(act)).content == "found"


def test_probe_does_not_know():
    """A probe that keeps failing leaves the doubt, and the record says both errors."""
    act, _ = doubtful([ConnectionError("busy")] * 3)
    outcome = asyncio.run(run(act))
    assert outcome.status == "in_doubt"
    assert "cut" in outcome.error
    assert "busy" in outcome.error


def test_probe_that_hangs():
    """A probe that does not answer in time leaves the doubt."""
    act, _ = failing("irreversible", [ConnectionError("cut")])

    @act.probe
    async def asked():
        await asyncio.Event().wait()

    assert asyncio.run(run(act, timeout_s=FOREVER_S)).status == "in_doubt"


# --- timeouts ----------------------------------------------------------------------------------------------


def hanging(effect):
    @tool(effect=effect, retries=0)
    async def act():
        await asyncio.Event().wait()

    return act


def test_timeout_of_a_read():
    """A read that takes too long has failed, and says that time was the reason."""
    outcome = asyncio.run(run(hanging("read"), timeout_s=FOREVER_S))
    assert (outcome.status, outcome.timed_out) == ("failed", True)
    assert outcome.error == "timed out after 0.01 s"


def test_timeout_of_an_irreversible_call():
    """After a timeout nobody knows whether an irreversible call happened."""
    outcome = asyncio.run(run(hanging("irreversible"), timeout_s=FOREVER_S))
    assert (outcome.status, outcome.timed_out) == ("in_doubt", True)


def test_a_definite_no_at_the_last_moment():
    """A tool that says while it is being cut off that nothing happened is believed."""

    @tool
    async def act():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ToolError("rolled back") from None

    outcome = asyncio.run(run(act, timeout_s=FOREVER_S))
    assert (outcome.status, outcome.content) == ("failed", "rolled back")


def test_timed_out_thread_runs_on():
    """A sync tool cannot be stopped: while its thread runs, a probe that finds nothing settles nothing."""
    release = threading.Event()

    @tool
    def act():
        release.wait()

    @act.probe
    async def asked():
        return None

    outcome = asyncio.run(run(act, timeout_s=FOREVER_S))
    release.set()
    assert outcome.status == "in_doubt"
    assert "may happen yet" in outcome.error


def test_cancelling_goes_through():
    """Cancelling a call is neither an outcome nor retried."""

    async def scenario():
        began = asyncio.Event()

        @tool(effect="read")
        async def act():
            began.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(run(act))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


def test_cancellation_inside_a_tool():
    """A cancelled task inside a tool is the tool's failure, not a reason to stop the worker."""

    @tool(effect="read", retries=0)
    async def act():
        inner = asyncio.ensure_future(asyncio.sleep(60))
        inner.cancel()
        await inner

    assert asyncio.run(run(act)).status == "failed"


# --- after a crash -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("effect", ["read", "idempotent"])
def test_recover_runs_again(effect):
    """After a crash reads and idempotent calls run again with the same key."""
    act, seen = failing(effect, [])
    outcome = asyncio.run(recover(act))
    assert (outcome.status, seen[0].idempotency_key, seen[0].attempt) == ("completed", "e1:1:0", 2)


def test_recover_irreversible_without_probe():
    """After a crash an irreversible call without a probe is in doubt, and not run."""
    act, seen = failing("irreversible", [])
    outcome = asyncio.run(recover(act))
    assert (outcome.status, outcome.attempts, seen) == ("in_doubt", 1, [])


def test_recover_after_it_happened():
    """After a crash an effect that the probe finds is not made again."""
    act, seen = doubtful(["receipt"])
    outcome = asyncio.run(recover(act))
    assert (outcome.status, outcome.content, seen) == ("completed", "receipt", [])


def test_recover_after_it_did_not_happen():
    """After a crash an effect that the probe rules out is made now."""
    act, seen = failing("irreversible", [])

    @act.probe
    async def asked():
        return None

    outcome = asyncio.run(recover(act))
    assert (outcome.status, outcome.attempts, len(seen)) == ("completed", 2, 1)


def test_recover_with_a_silent_probe():
    """After a crash an effect whose probe does not know is not made."""
    act, seen = doubtful([ConnectionError("busy")] * 3)
    assert asyncio.run(recover(act)).status == "in_doubt"
    assert seen == []


@given(
    st.lists(st.sampled_from(["error", "refused", "later", "ok"]), max_size=12),
    st.sampled_from([None, "found", "nothing", "broken"]),
    st.booleans(),
)
def test_irreversible_is_dispatched_once(script, probe, crashed):
    """Whatever happens, an irreversible call that may have happened is dispatched again only after a probe's no."""
    errors = {"error": ConnectionError("cut"), "refused": ToolError("no"), "later": RetryLater(1)}
    dispatched: list[str] = []
    steps = iter(script)

    @tool
    async def act():
        step = next(steps, "ok")
        dispatched.append(step)
        if step != "ok":
            raise errors[step]

    if probe:

        @act.probe
        async def asked():
            if probe == "broken":
                raise ConnectionError("busy")
            return "it" if probe == "found" else None

    asyncio.run((recover if crashed else run)(act))
    may_have_happened = ([] if probe == "nothing" else ["error"] * crashed) + dispatched
    assert all(step == "later" for step in may_have_happened[:-1])


# --- the stack ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("how", "most"), [(run, 3), (recover, 4)])
def test_frames_above_a_tool(how, most):
    """Few frames of ours stand above the author's function in a traceback."""
    frames: list[str] = []

    @tool(effect="read")
    async def act():
        frame = inspect.currentframe()
        while frame := frame.f_back:
            if frame.f_globals["__name__"].startswith("holdfast."):
                frames.append(frame.f_code.co_name)

    asyncio.run(how(act))
    assert 1 <= len(frames) <= most, frames
