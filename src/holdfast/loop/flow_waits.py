"""A workflow's steps that wait for something from outside: an agent, people, time, a signal."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, cast

from pydantic_core import to_jsonable_python

from holdfast.agent import Agent
from holdfast.errors import ApprovalUnusable, ApprovalWithdrawn, InvalidArguments, StepTimedOut, UsageError
from holdfast.loop.activation import Activation
from holdfast.loop.child import begin_child
from holdfast.loop.delegating import ceiling_of, is_full
from holdfast.loop.flow_history import StepState
from holdfast.loop.flow_record import Ended, Start, record_end, record_start, step_id
from holdfast.loop.flow_stage import Changed, Failing, Stage, Wait
from holdfast.loop.flow_steps import failure_of
from holdfast.loop.history import ApprovalState
from holdfast.loop.rights import lost_right
from holdfast.policy import approval as asking
from holdfast.teams.ceiling import Ceiling
from holdfast.teams.flow import Approved, AskedPeople
from holdfast.teams.workflow import accepted
from holdfast.trail.codec import storable
from holdfast.types import ApprovalUse, Json, NewApproval

_SHORT_S: Final = 1.0
"""A sleep of no more is slept here: parking would take as long."""
FULL: Final = "full"


# --- agents


async def do_agent(stage: Stage, name: str, agent: Agent[object] | str, given: object) -> object:
    """Let an agent do something as a child execution, or give back what it came to.

    Raises:
        StepFailed: It failed, was cancelled, or could not begin.
    """
    place, known = await stage.enter(name, "agent")
    member = await _member(stage, name, agent)
    if known is not None and known.over:
        return await _agent_came_to(stage, member, known)
    asked = await _asked(stage, name, member, given)
    start = Start(name=name, at=place, kind="agent", arguments=asked, agent=member.name)
    if known is None:
        stage.clerk.note(partial(record_start, stage.activation, start, begun=True), starts=True)
    call_id = known.id if known else step_id(stage.activation, name)
    child = stage.activation.history.children.get(call_id)
    if child is None:
        refusal = await _begin_child(stage, call_id, member, asked)
        if refusal is not None:
            end = Ended(status="failed", error=refusal, failure="refused")
            stage.clerk.note(partial(record_end, stage.activation, name, end))
            raise failure_of(name, refusal, "refused")
    elif child.end is not None:
        end = _child_end(member, child.end)
        stage.clerk.note(partial(record_end, stage.activation, name, end))
        if end.status == "failed":
            raise failure_of(name, end.error or "", end.failure)
        return await _as_output(stage, member, name, end.result)
    return await stage.block(Wait(what=f"{name}: agent {member.name} works on it", reason="AGENTS"))


async def _member(stage: Stage, name: str, agent: Agent[object] | str) -> Agent[object]:
    wanted = agent if isinstance(agent, str) else agent.name
    casts = stage.activation.desk.casts
    if wanted not in casts:
        said = (
            f"step {name!r} gives work to agent {wanted!r}, which this App does not have: App(agents=[...]), or team="
        )
        return await stage.leave(Failing("WORKFLOW_ERROR", said))
    return casts[wanted].agent


async def _asked(stage: Stage, name: str, member: Agent[object], given: object) -> Json:
    try:
        asked: Json = to_jsonable_python(given)
        return accepted(member, storable(asked, stage.activation.desk.redactor))
    except (UsageError, ValueError) as error:
        return await stage.leave(Failing("WORKFLOW_ERROR", f"step {name!r}: {error}"))


async def _begin_child(stage: Stage, call_id: str, member: Agent[object], asked: Json) -> str | None:
    """Let the child begin; why it cannot, if it cannot. One that waits for its turn is begun later."""
    stage.beginning += 1
    with stage.asking():
        came = await stage.clerk.durable(partial(_write_child, stage, call_id, member, asked))
    return None if came in {None, FULL} else str(came)


def _write_child(stage: Stage, call_id: str, member: Agent[object], asked: Json) -> str | None:
    activation = stage.activation
    among, stage.beginning = stage.beginning, stage.beginning - 1
    if is_full(activation) and activation.history.at_work:
        return FULL
    room = max(activation.limits.children - len(activation.history.at_work), 1)
    ceiling = _share(activation, member, among=max(min(among, room), 1))
    if isinstance(ceiling, str):  # what is held for those at work may come back
        return FULL if activation.history.at_work else ceiling
    begin_child(activation, call_id, member, asked, ceiling=ceiling)
    return None


def _share(activation: Activation, member: Agent[object], *, among: int) -> Ceiling | str:
    """What the child may have; where what is left is too little to be shared by all that begin now, one begins."""
    found = ceiling_of(activation, member, among=among)
    return found if among == 1 or not isinstance(found, str) else ceiling_of(activation, member, among=1)


def _child_end(member: Agent[object], end: Mapping[str, Any]) -> Ended:
    if end["status"] == "completed":
        return Ended(status="completed", result=end["result"])
    words = f"{member.name} {end['status']}: {end['reason']}: {end['error'] or 'no more is known'}"
    return Ended(status="failed", error=words, failure=end["status"])


async def _agent_came_to(stage: Stage, member: Agent[object], state: StepState) -> object:
    if state.status == "failed":
        raise failure_of(state.name, state.error or "", state.failure)
    return await _as_output(stage, member, state.name, state.result)


async def _as_output(stage: Stage, member: Agent[object], name: str, result: Json) -> object:
    try:
        return stage.activation.desk.casts[member.name].contract.typed(result)
    except InvalidArguments as error:
        said = f"the result of step {name!r} is not of the output type that agent {member.name!r} has now: {error}"
        return await stage.leave(Changed(said))


# --- people


async def do_approve(stage: Stage, asked: AskedPeople) -> Approved:
    """Ask people, or say what they answered."""
    place, known = await stage.enter(asked.name, "approve")
    if known is not None and known.over:
        return _approved(known.result)
    shown = _shown(stage.activation, asked.about)
    if known is None:
        start = Start(name=asked.name, at=place, kind="approve", arguments=shown, effect="irreversible")
        with stage.asking():
            await stage.clerk.durable(partial(_open, stage.activation, asked, start))
    answer = stage.activation.history.approval_for(known.id) if known else None
    if known is not None and answer is None:
        await _ask_again(stage, asked, known, "Nobody was asked about it yet.")
    if known is None or answer is None or not answer.over:
        return await stage.block(Wait(what=f"{asked.name}: people decide", people=True, reason="APPROVAL"))
    return await _heed(stage, asked, known, answer)


async def _heed(stage: Stage, asked: AskedPeople, known: StepState, answer: ApprovalState) -> Approved:
    agreed = answer.answer == "approve"
    if agreed and (why := lost_right(stage.activation, answer)):
        return await _ask_again(stage, asked, known, f"Agreed to, but {why}.")
    if not agreed:
        end = _said(approved=False, answer=answer)
        stage.clerk.note(partial(record_end, stage.activation, asked.name, end))
        return _approved(end.result)
    end = _said(approved=True, answer=answer)
    digest = answer.digest if answer.edit is None else asking.digest(asked.name, answer.edit)
    use = ApprovalUse(approval_id=answer.id, digest=digest, schema_hash="")
    try:
        with stage.asking():
            await stage.clerk.durable(partial(record_end, stage.activation, asked.name, end, use), alone=True)
    except ApprovalWithdrawn as no:
        said = replace(answer, answer="reject", by=no.by, note=no.note, edit=None)
        return await _heed(stage, asked, known, said)
    except ApprovalUnusable as refused:
        return await _ask_again(stage, asked, known, str(refused))
    return _approved(end.result)


def _said(*, approved: bool, answer: ApprovalState) -> Ended:
    result: dict[str, Json] = {
        "approved": approved,
        "by": answer.by or None,
        "note": answer.note,
        "edit": answer.edit if approved else None,
    }
    return Ended(status="completed", result=result, by=answer.by or None)


def _approved(result: Json) -> Approved:
    said = cast("Mapping[str, Any]", result)
    return Approved(approved=said["approved"], by=said["by"], note=said["note"], edit=said["edit"])


def _shown(activation: Activation, about: Json) -> dict[str, Json]:
    """What people see and their yes is bound to: an object, as approvals are about."""
    clean = storable(about, activation.desk.redactor)
    if clean is None:
        return {}
    return dict(clean) if isinstance(clean, Mapping) else {"about": clean}


def _open(activation: Activation, asked: AskedPeople, start: Start) -> None:
    record_start(activation, start)
    reason = f"Workflow {activation.cast.agent.name} asks before it goes on."
    activation.ask(
        _question(
            activation, asked, step_id(activation, asked.name), cast("Mapping[str, Json]", start.arguments), reason
        )
    )


async def _ask_again(stage: Stage, asked: AskedPeople, known: StepState, reason: str) -> Approved:
    shown = _shown(stage.activation, asked.about)
    with stage.asking():
        await stage.clerk.durable(
            lambda: stage.activation.ask(_question(stage.activation, asked, known.id, shown, reason))
        )
    return await stage.block(Wait(what=f"{asked.name}: people decide", people=True, reason="APPROVAL"))


def _question(
    activation: Activation, asked: AskedPeople, call_id: str, shown: Mapping[str, Json], reason: str
) -> NewApproval:
    desk = activation.desk
    question = asking.ask_person(
        kind="call",
        approval_id=desk.new_id(),
        question=asked.question,
        reason=reason,
        gate="workflow",
        now=desk.clock.now(),
        expiry_s=desk.approval_expiry_s,
        call_id=call_id,
        tool=asked.name,
        arguments=shown,
        digest=asking.digest(asked.name, shown),
    )
    return asking.route(question, asked.routing, now=desk.clock.now(), expiry_s=desk.approval_expiry_s)


# --- time and signals


async def do_sleep(stage: Stage, name: str, seconds: float) -> None:
    """Wait for so long since the step began."""
    place, known = await stage.enter(name, "sleep")
    if known is not None and known.over:
        return
    clock = stage.activation.desk.clock
    until = known.until if known and known.until else clock.now() + timedelta(seconds=seconds)
    if known is None:
        start = Start(name=name, at=place, kind="sleep", arguments={"seconds": seconds}, until=until)
        stage.clerk.note(partial(record_start, stage.activation, start, begun=True), starts=True)
    await _until(stage, name, until)
    stage.clerk.note(partial(record_end, stage.activation, name, Ended(status="completed")))


async def _until(stage: Stage, name: str, until: datetime) -> None:
    clock = stage.activation.desk.clock
    left_s = (until - clock.now()).total_seconds()
    if left_s > _SHORT_S:
        await stage.block(Wait(what=f"{name}: sleeps until {until:%Y-%m-%d %H:%M:%S} UTC", until=until))
    elif left_s > 0:
        with stage.asking():
            await clock.sleep(left_s)


async def do_wait(stage: Stage, name: str, signal: str, timeout_s: float | None) -> Json:
    """Wait for a signal, or give back what came with it.

    Raises:
        StepTimedOut: It did not come in time.
    """
    place, known = await stage.enter(name, "wait")
    if known is not None and known.over:
        if known.status == "failed":
            raise StepTimedOut(name, known.error or "", failure="timeout")
        return known.result
    now = stage.activation.desk.clock.now()
    until = known.until if known else None if timeout_s is None else now + timedelta(seconds=timeout_s)
    if known is None:
        start = Start(name=name, at=place, kind="wait", arguments={"signal": signal}, until=until, signal=signal)
        stage.clerk.note(partial(record_start, stage.activation, start, begun=True), starts=True)
    if (sent := stage.next_signal(signal)) is not None:
        end = Ended(status="completed", result=sent.payload, signal_id=sent.id)
        stage.clerk.note(partial(record_end, stage.activation, name, end))
        return sent.payload
    if until is not None and until <= now:
        error = f"signal {signal!r} did not come in time"
        end = Ended(status="failed", error=error, failure="timeout")
        stage.clerk.note(partial(record_end, stage.activation, name, end))
        raise StepTimedOut(name, error, failure="timeout")
    return await stage.block(Wait(what=f"{name}: waits for signal {signal!r}", until=until))
