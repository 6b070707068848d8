"""Running one tool call to an outcome: attempts, retries, and what to believe when nobody answers."""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from typing import Literal, Self, assert_never

from holdfast.errors import InvalidArguments, RetryLater, ToolError
from holdfast.ports import Clock, Runnable
from holdfast.tools.result import Blob, describe_error, present, words_of
from holdfast.tools.threads import NEVER_BEGAN, STILL_RUNNING
from holdfast.types import Context, Json
from holdfast.types.frozen import frozen

MAX_WAITS = 10
"""How often a call may ask to be tried later before that counts as failed."""
MAX_WAIT_S = 30 * 86_400.0
"""The longest a tool may ask to wait at once."""

BACKOFF_S, BACKOFF_CAP_S = 0.2, 5.0
PROBE_ATTEMPTS = 3
BUSY_WAIT_S = 1.0
"""After waiting in vain for a thread."""


FailureClass = Literal["error", "timeout", "refused", "postponed", "contract", "missing", "unknown"]
"""How a call failed: it raised, was cut off, said itself that nothing happened, asked too often to be tried later,
gave a result that is not of its declared type, has no tool any more; or nobody could say what became of it."""


@frozen
class Outcome:
    """What one tool call came to."""

    status: Literal["completed", "failed", "in_doubt", "later"]
    content: str
    """What the model is told; of a call in doubt or to be tried later, what people are."""
    output: Json = None
    """The result as JSON; an excerpt where there is a `blob`."""
    blob: Blob | None = None
    """The whole result, when it is too large or too foreign for the journal."""
    error: str | None = None
    """What went wrong; also of a completed call, when a probe had to find out that it happened."""
    attempts: int = 0
    """Made in all, those of earlier activations included."""
    latency_ms: float = 0.0
    """Of this activation's attempts together, without the waits between them."""
    wait_s: float | None = None
    """With `later`: seconds until the next attempt."""
    timed_out: bool = False
    """Whether the last attempt was cut off by its timeout."""
    failure: FailureClass | None = None
    """With `failed` and `in_doubt`: what the last attempt came to."""
    may_have_happened: bool = False
    """With `failed`, of an idempotent call: an attempt broke off, and another tool in its place could do it twice."""

    @classmethod
    def failed(cls, told: str, *, kind: FailureClass, error: str | None = None) -> Self:
        """It failed, and definitely did not happen."""
        return cls(status="failed", content=told, error=error or told, failure=kind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """An attempt gave a result."""

    value: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """An attempt failed, and its effect definitely did not happen."""

    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Postponed:
    """An attempt asked to be made again later; its effect did not happen."""

    seconds: float
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """An attempt broke off; whether its effect happened is unknown."""

    error: str
    timed_out: bool = False
    still_running: bool = False
    """A thread cannot be stopped: its effect may happen yet."""
    misfit: bool = False
    """It returned, but not what its type promises: what that means is as unknown as a broken line."""

    @property
    def kind(self) -> FailureClass:
        """The class of failure."""
        return "contract" if self.misfit else "timeout" if self.timed_out else "error"


Attempt = Returned | Refused | Postponed | Lost


Ready = Callable[[], Awaitable[None]]


async def at_once() -> None:
    """Effects may begin."""


def run_call(  # noqa: PLR0913 - the call, then what the world gives
    tool: Runnable,
    context: Context[object],
    arguments: Mapping[str, Json],
    *,
    timeout_s: float,
    clock: Clock,
    random: Callable[[], float],
    longest_wait_s: float = 5.0,
    waits: int = 0,
    ready: Ready = at_once,
) -> Coroutine[None, None, Outcome]:
    """Run a call whose intent is durable, and say what it came to. To be awaited.

    Reads and idempotent calls are tried again after an error, with the same idempotency key. An irreversible
    call is dispatched once; if its outcome is unknown its probe is asked, and without one it is in doubt.
    Cancelling propagates: then the outcome is unknown, and `recover_call` is for that.

    Args:
        tool: The tool.
        context: What it is given; `attempt` is the number of the first attempt to make.
        arguments: Validated.
        timeout_s: Seconds for one attempt, and for one question to the probe.
        clock: Measures, and sleeps through short waits.
        random: Uniform in [0, 1): the jitter of waits.
        longest_wait_s: Longer waits are not slept but returned as `later`. Default: 5.
        waits: How often the call asked to be tried later in earlier activations. Default: 0.
        ready: Awaited before each attempt; returns when effects may begin. Default: at once.
    """
    return _Run(tool, context, arguments, timeout_s, clock, random, longest_wait_s, waits, ready).run()


def recover_call(  # noqa: PLR0913 - as `run_call`
    tool: Runnable,
    context: Context[object],
    arguments: Mapping[str, Json],
    *,
    timeout_s: float,
    clock: Clock,
    random: Callable[[], float],
    longest_wait_s: float = 5.0,
    waits: int = 0,
    ready: Ready = at_once,
) -> Coroutine[None, None, Outcome]:
    """Bring a call to an outcome whose intent was durable and whose outcome was lost: a crash, a restart.

    Reads and idempotent calls run again with the same key. An irreversible one runs only if its probe says
    that it did not happen before. Arguments as for `run_call`; to be awaited.
    """
    return _Run(tool, context, arguments, timeout_s, clock, random, longest_wait_s, waits, ready).recover()


@dataclass(frozen=True, slots=True)
class _Run:
    """One call in one activation. Fields as the arguments of `run_call`."""

    tool: Runnable
    context: Context[object]
    arguments: Mapping[str, Json]
    timeout_s: float
    clock: Clock
    random: Callable[[], float]
    longest_wait_s: float
    waits: int
    ready: Ready

    async def run(self) -> Outcome:
        failures, waits, spent_s, context = 0, self.waits, 0.0, self.context
        while True:
            # Each time: during a wait, or while a probe was asked, the execution may have become another worker's.
            await self.ready()
            began_s = self.clock.monotonic()
            attempt = kept_promise(self.tool, await self._attempt(self.tool.run, context))
            spent_s += self.clock.monotonic() - began_s
            failures += isinstance(attempt, Lost)
            waits += isinstance(attempt, Postponed)
            wait_s = pause_s(self.tool, attempt, failures=failures, waits=waits, random=self.random)
            if wait_s is None or wait_s > self.longest_wait_s:
                break
            await self.clock.sleep(wait_s)
            context = replace(context, attempt=context.attempt + 1)
        if isinstance(attempt, Returned):
            return _completed(attempt.value, attempts=context.attempt, latency_ms=spent_s * 1000)
        outcome = settle(self.tool, attempt, attempts=context.attempt, wait_s=wait_s)
        if outcome.status == "in_doubt" and isinstance(attempt, Lost):
            outcome = await self._resolve(attempt, context) or _did_not_happen(self.tool, attempt)
        timed_out = isinstance(attempt, Lost) and attempt.timed_out
        return replace(outcome, attempts=context.attempt, latency_ms=spent_s * 1000, timed_out=timed_out)

    async def recover(self) -> Outcome:
        if self.tool.effect == "irreversible":
            lost = Lost(error="the worker was interrupted while it ran")
            resolved = await self._resolve(lost, self.context)
            if resolved is not None:
                return replace(resolved, attempts=self.context.attempt - 1)
        return await self.run()

    async def _resolve(self, lost: Lost, context: Context[object]) -> Outcome | None:
        """Find out what became of an irreversible call; `None`: it definitely did not happen."""
        if not self.tool.has_probe:
            return _in_doubt(self.tool, lost.error, kind=lost.kind)
        for failures in range(1, PROBE_ATTEMPTS + 1):
            asked = await self._attempt(self.tool.ask_probe, context)
            if isinstance(asked, Returned):
                return _believe(self.tool, asked.value, lost)
            if failures == PROBE_ATTEMPTS:
                unknown = f"{lost.error}; its probe does not know either: {asked.error}"
                return _in_doubt(self.tool, unknown, kind=lost.kind)
            await self.clock.sleep(backoff_s(failures, self.random))
        raise AssertionError  # the loop returns

    async def _attempt(
        self,
        act: Callable[[Context[object], Mapping[str, Json]], Awaitable[object]],
        context: Context[object],
    ) -> Attempt:
        """Act once, and sort what came of it by what is known about the effect."""
        limit, task = asyncio.timeout(self.timeout_s), _current_task()
        try:
            async with limit:
                return Returned(value=await act(context, self.arguments))
        except RetryLater as error:
            return Postponed(seconds=_bounded(error.seconds), error=words_of(error))
        except (ToolError, InvalidArguments) as error:
            return Refused(error=words_of(error))
        except asyncio.CancelledError as error:
            if task is None or task.cancelling():
                raise
            # Nobody cancelled us: something inside the tool was, and its error leaked out.
            return Lost(error=describe_error(error))
        except BaseException as error:  # a tool may raise anything: all are outcomes
            if isinstance(error, GeneratorExit) and _current_task() is not task:
                raise  # this coroutine is being thrown away: nothing more may be awaited
            return _cut_off(error, self.timeout_s) if limit.expired() else Lost(error=describe_error(error))


def _current_task() -> asyncio.Task[object] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no event loop is running
        return None


def kept_promise(tool: Runnable, attempt: Attempt) -> Attempt:
    """The attempt, as lost if its result is not of the type that the tool declares."""
    if isinstance(attempt, Returned) and (difference := tool.difference(attempt.value)) is not None:
        return Lost(error=f"its result is not of the type it declares: {difference}", misfit=True)
    return attempt


def pause_s(
    tool: Runnable, attempt: Attempt, *, failures: int, waits: int, random: Callable[[], float]
) -> float | None:
    """Seconds until the next attempt of a call; `None` when there is to be none."""
    match attempt:
        case Returned() | Refused():
            return None
        case Postponed():
            return attempt.seconds if waits < MAX_WAITS else None
        case Lost():
            # A service that changed what it answers will answer the same again.
            again = tool.effect != "irreversible" and failures <= tool.retries and not attempt.misfit
            return backoff_s(failures, random) if again else None
        case _:
            assert_never(attempt)


def backoff_s(failures: int, random: Callable[[], float]) -> float:
    """A wait after that many failures: exponential, with full jitter.

    Callers that failed together come back spread over the whole interval, not together:
    https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    return random() * min(BACKOFF_CAP_S, BACKOFF_S * 2 ** min(failures - 1, 32))


def settle(tool: Runnable, attempt: Refused | Postponed | Lost, *, attempts: int, wait_s: float | None) -> Outcome:
    """What the last attempt of this activation makes of the call, before any probe is asked."""
    match attempt:
        case Refused(error=error):
            return Outcome.failed(error, kind="refused")
        case Postponed(error=error) if wait_s is not None:
            return Outcome(status="later", content=error, error=error, wait_s=wait_s)
        case Postponed(error=error):
            told = f"{error} ({tool.name} asked {MAX_WAITS} times to be tried later; it did not happen)"
            return Outcome.failed(told, kind="postponed")
        case Lost() if tool.effect == "irreversible":
            return _in_doubt(tool, attempt.error, kind=attempt.kind)
        case Lost(error=error):
            tried = f"after {attempts} attempts" if attempts > 1 else "at its only attempt"
            told = f"{tool.name} ran, but {error}" if attempt.misfit else f"{tool.name} failed {tried}: {error}"
            outcome = Outcome.failed(told, error=error, kind=attempt.kind)
            return replace(outcome, may_have_happened=tool.effect != "read")
        case _:
            assert_never(attempt)


def _cut_off(error: BaseException, timeout_s: float) -> Attempt:
    said = error.__cause__.args if isinstance(error.__cause__, asyncio.CancelledError) else ()
    if said == (NEVER_BEGAN,):
        return Postponed(seconds=BUSY_WAIT_S, error=NEVER_BEGAN)
    told = f"timed out after {timeout_s:g} s"
    if said == (STILL_RUNNING,):
        return Lost(error=f"{told}; {STILL_RUNNING}", timed_out=True, still_running=True)
    return Lost(error=told, timed_out=True)


def _bounded(seconds: float) -> float:
    """What a tool asked for, as a wait that can be stored: a number, not negative, at most `MAX_WAIT_S`."""
    try:
        finite = math.isfinite(seconds)
    except (TypeError, OverflowError):  # no number at all, or one beyond any float
        finite = False
    return min(max(seconds, 0.0), MAX_WAIT_S) if finite else MAX_WAIT_S


def _believe(tool: Runnable, found: object, lost: Lost) -> Outcome | None:
    """What a probe's answer makes of a call; `None`: it definitely did not happen."""
    if found is not None:
        return replace(_completed(found), error=f"{lost.error}; its probe found that it happened")
    if lost.still_running:
        return _in_doubt(tool, f"{lost.error}, so it may happen yet; its probe found nothing so far", kind=lost.kind)
    return None


def _completed(value: object, *, attempts: int = 0, latency_ms: float = 0.0) -> Outcome:
    shown = present(value)
    return Outcome(
        status="completed",
        content=shown.content,
        output=shown.output,
        blob=shown.blob,
        attempts=attempts,
        latency_ms=latency_ms,
    )


def _in_doubt(tool: Runnable, error: str, *, kind: FailureClass) -> Outcome:
    told = f"It is unknown whether {tool.name} happened: {error}"
    return Outcome(status="in_doubt", content=told, error=error, failure=kind)


def _did_not_happen(tool: Runnable, lost: Lost) -> Outcome:
    told = f"{tool.name} failed and did not happen (its probe looked): {lost.error}"
    return Outcome.failed(told, error=lost.error, kind=lost.kind)
