"""The fallback chain: rung after rung until one answers, each attempt on the record before the next one begins."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final, Literal, TypeAlias

import structlog

from holdfast.errors import NotAdmitted
from holdfast.loop.activation import Activation
from holdfast.loop.context import compact_now, shortened
from holdfast.loop.model import Attempt, Request, Response
from holdfast.loop.record import record_attempt, record_failure, record_request, record_response
from holdfast.policy.chain import (
    CONSEQUENCES,
    Again,
    Compact,
    GiveUp,
    Park,
    Step,
    after,
    larger,
    reason_of,
    remaining,
)
from holdfast.policy.limits import Exhausted, Reservation
from holdfast.types import Admission, Appended, Report

log = structlog.get_logger("holdfast.chain")

FREE: Final = Reservation(max_tokens=0, tokens=0, usd=Decimal(0))
"""What is held for a rung that counts no tokens."""


@dataclass(frozen=True, slots=True)
class Failed:
    """No rung answered, and none is left."""

    reason: str
    error: str


@dataclass(frozen=True, slots=True)
class OutOfTime:
    """The execution's time for activity is used up."""


Unanswered: TypeAlias = NotAdmitted | Exhausted | Failed | Park | OutOfTime
"""Why nobody answered: it may not be asked, there is no room for it, nobody could, not now, too late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What the chain is asked, and how room for it is reserved."""

    purpose: Literal["turn", "closing"]
    reason: str | None = None
    """Why a closing."""
    request: Request
    anew: Callable[[], Request]
    """The request after a compaction."""
    reserve: Callable[[Request, Sequence[int], dict[int, int]], Reservation | Exhausted]
    """Room for the worst case of these rungs, given what providers counted."""


async def answer(activation: Activation, question: Question) -> Response | Unanswered:
    """The first answer that the chain gives; attempts that fail are on the record before the next one is made.

    A crash in between costs nothing twice: the record says what was tried, and the chain goes on behind it.

    Raises:
        CancelRequested: Somebody asked to cancel.
    """
    request, pause = question.request, Pause()
    while True:
        chosen = await room(activation, question, request)
        if not isinstance(chosen, Room):
            return chosen
        try:
            asked = await begin(activation, question, chosen)
        except NotAdmitted as refusal:
            return refusal
        rung = chosen.rungs[0] if asked.rung is None else asked.rung
        if rung == pause.rung:
            await pause.over(activation)
        came = await attempt(activation, question, request, rung, max_tokens=chosen.reservation.max_tokens)
        if isinstance(came, Response):
            return keep(activation, came, question.purpose, probe=asked.probe)
        then = decide(activation, came, question.purpose)
        take_note(activation, came, question.purpose, then, probe=asked.probe)
        if stopped := stop(activation, came, question.purpose, then):
            return stopped
        pause = Pause(rung, then.after_s) if isinstance(then, Again) else Pause()
        if isinstance(then, Compact):
            compact_now(activation)
            request = question.anew()


@dataclass(frozen=True, slots=True)
class Pause:
    """A rung that failed just now, and how long it is left alone."""

    rung: int | None = None
    seconds: float = 0.0

    async def over(self, activation: Activation) -> None:
        """Wait for its end, but no longer than the execution has time."""
        await activation.desk.clock.sleep(min(self.seconds, max(activation.seconds_left(), 0.0)))


@dataclass(frozen=True, slots=True)
class Room:
    """Rungs that may be asked, and what is held for the dearest of them."""

    rungs: Sequence[int]
    reservation: Reservation


async def room(activation: Activation, question: Question, request: Request) -> Room | Exhausted | Failed:
    """Room for another attempt. Rungs that cost nothing hold none, and once something failed they need none either."""
    models, tried = activation.cast.models, activation.history.tried
    if not tried:
        rungs = models.all
    elif not (rungs := remaining(tried, models.windows)):
        return give_up(activation, reason_of(tried[-1].failure), "Every model of the chain failed.", question.purpose)
    free = [rung for rung in rungs if not models.rungs[rung].tokens]
    if tried and len(free) == len(rungs):
        return Room(free, FREE)
    counted = await models.count(request, rungs, prompt=activation.prompt) if models.counts_input else {}
    reservation = question.reserve(request, rungs, counted)
    if isinstance(reservation, Reservation):
        return Room(rungs, FREE if len(free) == len(rungs) else reservation)
    if tried and free:
        return Room(free, FREE)
    return no_room(activation, reservation.reason, question.purpose) if tried else reservation


async def attempt(
    activation: Activation, question: Question, request: Request, rung: int, *, max_tokens: int
) -> Response | Attempt:
    """Ask one rung once, within the time that the execution has left."""
    heard = activation.desk.listeners.get(activation.id) if question.purpose == "turn" else None
    with activation.desk.during(activation.id, None):
        return await activation.cast.models.attempt(
            rung,
            replace(request, max_tokens=max_tokens) if max_tokens not in {0, request.max_tokens} else request,
            prompt=activation.prompt if question.purpose == "turn" else None,
            on_token=heard,
            left_s=activation.seconds_left(),
        )


def stop(activation: Activation, failed: Attempt, purpose: str, then: Step) -> Unanswered | None:
    """Why nobody else is asked now, if so."""
    if activation.seconds_left() <= 0:
        return OutOfTime()
    match then:
        case GiveUp(reason):
            error = f"No model answered; the last one, {failed.model}, failed: {failed.error}"
            return give_up(activation, reason, error, purpose)
        case Park():
            return then
        case _:
            return Park(0.0, "DRAINED") if activation.desk.stopping.is_set() else None


async def begin(activation: Activation, question: Question, chosen: Room) -> Appended:
    """Make the intent durable, together with what came before it, and get leave for one of the rungs.

    Raises:
        NotAdmitted: None of them may be asked now.
        CancelRequested: Somebody asked to cancel.
    """
    admission = activation.cast.models.admission
    if len(chosen.rungs) < len(admission.candidates):
        some = tuple(admission.candidates[rung] for rung in chosen.rungs)
        admission = Admission(candidates=some, wait_at_gate=admission.wait_at_gate)
    record_request(activation, chosen.reservation, purpose=question.purpose, reason=question.reason)
    return await activation.commit(admission)


def keep(activation: Activation, response: Response, purpose: str, *, probe: bool) -> Response:
    """Record an answer; the next commit stores it."""
    desk = activation.desk
    if purpose == "turn":
        response = response.distinct(activation.history.provider_ids)
    response = record_response(activation, response, purpose=purpose)
    if probe:
        provider = activation.cast.models.rungs[response.rung].provider
        activation.report(
            Report(kind="model", name=response.asked, ok=1, probe=True),
            Report(kind="provider", name=provider, ok=1, probe=True),
        )
    else:
        desk.tallies.ok("model", response.asked, now=desk.clock.monotonic())
    return response


def decide(activation: Activation, failed: Attempt, purpose: str) -> Step:
    """What follows from a failed attempt."""
    agent, models, tried = activation.cast.agent, activation.cast.models, activation.history.tried
    left = [rung for rung in remaining(tried, models.windows) if rung != failed.rung]
    overflow = failed.failure == "context_overflow"
    if overflow:
        left = [rung for rung in left if larger(models.windows[rung], models.windows[failed.rung])]
    compacted = any(item.failure == "context_overflow" and item.again for item in tried)
    return after(
        failed.failure,
        tries=1 + sum(item.rung == failed.rung for item in tried),
        others=bool(left),
        limited=any(item.failure == "rate_limit" for item in tried),
        can_compact=overflow and purpose == "turn" and not compacted and shortened(activation) is not None,
        on_rate_limit=agent.on_rate_limit,
        on_failure=agent.on_failure,
        retry_after_s=failed.retry_after_s,
        unit=activation.desk.random(),
    )


def take_note(activation: Activation, failed: Attempt, purpose: str, then: Step, *, probe: bool) -> None:
    """Record a failed attempt and tell the breakers; what somebody must mend is said aloud."""
    record_attempt(activation, failed, purpose=purpose, then=then)
    if failed.provider != "rules":
        activation.report(*reports_of(activation, failed, probe=probe))
    say = log.error if CONSEQUENCES[failed.failure].alert else log.warning
    say(
        "model_attempt_failed",
        execution=activation.id,
        model=failed.model,
        failure=failed.failure,
        error=activation.desk.redactor.text(failed.error),
        then=type(then).__name__,
    )


def reports_of(activation: Activation, failed: Attempt, *, probe: bool) -> list[Report]:
    """What breakers are told of a failed attempt: a probe's outcome in any case, else what they count."""
    desk, reports = activation.desk, list[Report]()
    reason = f"{failed.failure}: {failed.error}"
    limited = failed.failure == "rate_limit"
    if limited:
        wait_s = failed.retry_after_s or 0.0
        reports.append(
            Report(kind="provider", name=failed.provider, failed=1, reason=reason, retry_after_s=wait_s, probe=probe)
        )
    elif probe:
        reports.append(Report(kind="provider", name=failed.provider, ok=1, probe=True))
    if CONSEQUENCES[failed.failure].blames_model and (probe or not failed.hurried):
        ok = desk.tallies.take("model", failed.model, now=desk.clock.monotonic())
        reports.append(Report(kind="model", name=failed.model, ok=ok, failed=1, reason=reason, probe=probe))
    elif probe:
        reports.append(Report(kind="model", name=failed.model, ok=1, probe=True))
    return reports


def give_up(activation: Activation, reason: str, error: str, purpose: str) -> Failed:
    """The chain is at its end, on the record."""
    record_failure(activation, reason, error, purpose=purpose)
    return Failed(reason, error)


def no_room(activation: Activation, limit: str, purpose: str) -> Failed:
    """What failed attempts may have cost leaves nothing for another one."""
    last = activation.history.tried[-1].failure
    error = f"No model answered ({last}), and what the attempts may have cost leaves no room for another one: {limit}"
    return give_up(activation, reason_of(last), error, purpose)
