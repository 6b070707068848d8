"""A workflow's steps that are functions: run once, found again, retried, probed, asked about, judged."""

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Final, Never

from holdfast.errors import ApprovalUnusable, InvalidArguments, StepFailed, StepTimedOut
from holdfast.loop.act import until_leased
from holdfast.loop.activation import Activation
from holdfast.loop.admit import report_outcome
from holdfast.loop.flow_history import StepState
from holdfast.loop.flow_record import Ended, Start, given_digest, record_end, record_start, step_id
from holdfast.loop.flow_stage import Changed, Stage, Wait
from holdfast.loop.history import ApprovalState, CallState
from holdfast.policy import approval as asking
from holdfast.teams.flow import AskedStep
from holdfast.tools.execute import Outcome, recover_call, run_call
from holdfast.trail.codec import storable
from holdfast.types import ApprovalUse, Context, Json

IN_DOUBT: Final = "IN_DOUBT"


@dataclass(frozen=True, slots=True)
class Doing:
    """One step that is being done."""

    stage: Stage
    asked: AskedStep
    start: Start

    @property
    def activation(self) -> Activation:
        """Where it is recorded."""
        return self.stage.activation

    @property
    def state(self) -> StepState | None:
        """It as it stands."""
        return self.stage.flow.steps.get(self.asked.name)


async def do_step(stage: Stage, asked: AskedStep) -> object:
    """Do a step, or give back what it came to.

    Raises:
        StepFailed: It failed for good.
    """
    place, known = await stage.enter(asked.name, "step")
    if asked.undo is not None:
        stage.undos[asked.name] = asked.undo
    start = Start(
        name=asked.name,
        at=place,
        kind="step",
        arguments=asked.work.arguments,
        effect=asked.work.effect,
        undo=asked.undo is not None,
    )
    doing = Doing(stage, asked, start)
    if known is not None and known.over:
        return await came_to(doing, known)
    if known is not None:
        await refuse_other_arguments(doing, known)
    return await bring_to_end(doing, known)


async def came_to(doing: Doing, state: StepState) -> object:
    """What a finished step came to, as a value of its function's type.

    Raises:
        StepFailed: It failed, or its check refused it.
    """
    if state.status == "failed" or state.check is not None:
        raise failure_of(state.name, state.check or state.error or "", "check" if state.check else state.failure)
    try:
        value = doing.asked.work.typed(state.result)
    except InvalidArguments as error:
        said = f"the recorded result of step {state.name!r} is not of the type that its function returns now: {error}"
        return await doing.stage.leave(Changed(said))
    if doing.asked.undo is not None:
        doing.stage.values[state.name] = value
    return value


def failure_of(name: str, error: str, failure: str | None) -> StepFailed:
    """The error by which the author's code learns of a failure."""
    kind = StepTimedOut if failure == "timeout" else StepFailed
    return kind(name, error, failure=failure or "error")


async def refuse_other_arguments(doing: Doing, known: StepState) -> None:
    """An effect that began goes on with what it began with: its key stands for that."""
    now = given_digest(doing.activation, known.name, doing.start.arguments)
    if known.effect != "read" and now != known.digest:
        said = f"step {known.name!r} was begun with other arguments than it has now, and had not come to its end"
        await doing.stage.leave(Changed(said))


async def bring_to_end(doing: Doing, known: StepState | None) -> object:
    """Run a step as often as its terms allow.

    Raises:
        StepFailed: It failed for good.
    """
    while True:
        if known is not None and known.status == "in_doubt":
            if (settled := await heed_answer(doing, known)) is not None:
                return await came_to(doing, settled)
        elif known is None or known.status == "postponed":
            await begin(doing, known)
        outcome = await run(doing, doing.state or known)
        state = await keep(doing, outcome)
        if state.over:
            return await came_to(doing, state)
        known = state


async def begin(doing: Doing, known: StepState | None, use: ApprovalUse | None = None) -> None:
    """Make the intent durable; that of a read need not be waited for: it may run twice."""
    stage, start = doing.stage, doing.start
    if known is not None and known.until and known.until > doing.activation.desk.clock.now():
        await stage.block(Wait(what=f"{known.name}: tried again later", until=known.until, reason="RETRY_LATER"))
    write = partial(record_start, doing.activation, start, again=known is not None)
    if start.effect == "read" and use is None:
        stage.clerk.note(partial(write, begun=True), starts=True)
        return
    tools = (doing.asked.work.tool.name,) if doing.asked.work.tool else ()
    with stage.asking():
        await stage.clerk.durable(partial(write, use=use), alone=use is not None, tools=tools)


async def run(doing: Doing, state: StepState | None) -> Outcome:
    """Run the function; where an earlier activation may have, find out first."""
    activation, asked = doing.activation, doing.asked
    desk, fresh = activation.desk, state is None or state.fresh
    with doing.stage.working(), desk.during(activation.id, state.id if state else None):
        return await (run_call if fresh else recover_call)(
            asked.work,
            context_of(doing, state),
            {},
            timeout_s=asked.timeout_s or activation.limits.step_timeout_s,
            clock=desk.clock,
            random=desk.random,
            waits=state.waits if state else 0,
            ready=partial(until_leased, activation),
        )


def context_of(doing: Doing, state: StepState | None) -> Context[object]:
    """What the function may know."""
    activation = doing.activation
    call_id = state.id if state else step_id(activation, doing.asked.name)
    made = state.attempts if state else 0
    return Context(
        deps=activation.cast.agent.deps,
        execution=activation.execution,
        call_id=call_id,
        step=state.number if state else activation.history.step + 1,
        idempotency_key=state.key if state else call_id,
        attempt=made + (1 if state is None or state.fresh else 2),
        user=activation.history.user,
    )


async def keep(doing: Doing, outcome: Outcome) -> StepState:
    """Record what a run came to."""
    stage, activation, name = doing.stage, doing.activation, doing.asked.name
    report(doing, outcome)
    end = ended(doing, outcome)
    if end.status == "in_doubt":
        with stage.asking():
            await stage.clerk.durable(partial(record_doubt, doing, end))
    else:
        stage.clerk.note(partial(record_end, activation, name, end))
    return as_it_will_be(doing, end)


def as_it_will_be(doing: Doing, end: Ended) -> StepState:
    """A step as its end leaves it, whether that is written yet or not."""
    known, name = doing.state, doing.asked.name
    return StepState(
        id=known.id if known else step_id(doing.activation, name),
        name=name,
        at=doing.start.at,
        kind=doing.start.kind,
        effect=doing.start.effect,
        status=end.status,
        key=known.key if known else "",
        digest=known.digest if known else "",
        number=known.number if known else 0,
        attempts=end.attempt,
        waits=(known.waits if known else 0) + (end.status == "postponed"),
        until=end.until,
        result=end.result,
        error=end.error,
        failure=end.failure,
        check=end.check,
    )


def ended(doing: Doing, outcome: Outcome) -> Ended:
    """What a run makes of a step."""
    desk, work = doing.activation.desk, doing.asked.work
    end = Ended(
        status="failed",
        error=outcome.error,
        failure=outcome.failure,
        attempt=outcome.attempts,
        latency_ms=outcome.latency_ms,
    )
    match outcome.status:
        case "completed":
            kept = storable(work.kept, desk.redactor)
            return replace(end, status="completed", result=kept, check=work.objection)
        case "later":
            until = desk.clock.now() + timedelta(seconds=outcome.wait_s or 0)
            return replace(end, status="postponed", until=until)
        case "failed" if doing.start.kind != "undo":
            return end
        case _:
            return replace(end, status="in_doubt")


def report(doing: Doing, outcome: Outcome) -> None:
    """Count what came of a tool for its breaker."""
    tool, state = doing.asked.work.tool, doing.state
    if tool is None or state is None:
        return
    call = CallState(
        id=state.id, provider_call_id="", step=state.number, index=0, tool=tool.name, arguments={},
        effect=state.effect, status="running", digest="", schema_hash="", fresh=state.fresh,
    )  # fmt: skip
    report_outcome(doing.activation, call, outcome)


# --- what nobody knows


def record_doubt(doing: Doing, end: Ended) -> None:
    """A run of unknown outcome, or an undo that failed, with the question to people."""
    record_end(doing.activation, doing.asked.name, end)
    ask_about(doing, end.error or "The outcome is unknown.")


def ask_about(doing: Doing, reason: str) -> None:
    """Ask people what became of a step."""
    activation, state = doing.activation, doing.state
    desk = activation.desk
    undo = doing.start.kind == "undo"
    happened = f"Did step {doing.asked.name!r} happen? Look it up, then say happened, run (it did not) or skip."
    failed = f"{doing.asked.name!r} failed. Do it by hand and say happened, or run (try it again), or skip (leave it)."
    shown = doing.start.arguments
    activation.ask(
        asking.ask_person(
            kind="doubt",
            approval_id=desk.new_id(),
            question=failed if undo else happened,
            reason=reason,
            gate="undo" if undo else "effect",
            now=desk.clock.now(),
            expiry_s=desk.approval_expiry_s,
            call_id=state.id if state else None,
            tool=doing.asked.name,
            arguments=shown,
            digest=state.digest if state else "",
        )
    )


async def heed_answer(doing: Doing, known: StepState) -> StepState | None:
    """Do what people said about a step of unknown outcome; `None`: it is to run, and its intent is durable."""
    stage, activation = doing.stage, doing.activation
    answer = activation.history.approval_for(known.id)
    if answer is None:  # the question went with a commit that was refused
        await ask_anew(doing, "Nobody was asked about it yet.")
    if not answer.over:
        await wait_for_people(stage, known.name)
    if answer.answer == "happened":
        return await take_result(doing, answer)
    if answer.answer == "run":
        return await run_again(doing, known, answer)
    end = _not_run(known, answer)
    stage.clerk.note(partial(record_end, activation, known.name, end))
    return as_it_will_be(doing, end)


def _not_run(known: StepState, answer: ApprovalState) -> Ended:
    """It is left as it is: a person said so, or nobody could say what became of it."""
    if answer.answer != "skip":
        error = "nobody could say whether it happened; it is not run again"
        return Ended(status="failed", error=error, failure="unknown", attempt=known.attempts)
    error = f"it did not happen, and is not to be run{f': {answer.note}' if answer.note else ''}"
    return Ended(status="failed", error=error, failure="refused", attempt=known.attempts, by=answer.by)


async def take_result(doing: Doing, answer: ApprovalState) -> StepState:
    """It happened, a person says, and what it came to."""
    work = doing.asked.work
    result: Json = answer.edit
    try:
        work.typed(result)
    except InvalidArguments as error:
        await ask_anew(doing, f"It happened, says {answer.by}, but the step needs its result. {error}")
    known = doing.state
    end = Ended(status="completed", result=result, attempt=known.attempts if known else 0, by=answer.by)
    doing.stage.clerk.note(partial(record_end, doing.activation, doing.asked.name, end))
    return as_it_will_be(doing, end)


async def run_again(doing: Doing, known: StepState, answer: ApprovalState) -> None:
    """It did not happen, a person says, and may run: the answer is used with the intent."""
    try:
        await begin(doing, known, ApprovalUse(approval_id=answer.id))
    except ApprovalUnusable as refused:
        await ask_anew(doing, str(refused))


async def ask_anew(doing: Doing, reason: str) -> Never:
    """Ask people, and wait for them."""
    with doing.stage.asking():
        await doing.stage.clerk.durable(partial(ask_about, doing, reason))
    await wait_for_people(doing.stage, doing.asked.name)


async def wait_for_people(stage: Stage, name: str) -> Never:
    """Leave the worker until people have found out."""
    await stage.block(Wait(what=f"{name}: people find out what became of it", people=True, reason=IN_DOUBT))
