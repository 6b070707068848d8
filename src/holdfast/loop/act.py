"""Act: run what was decided, in the order given, and keep every outcome."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

from holdfast.errors import ApprovalUnusable, ApprovalWithdrawn, InvalidArguments, Paused, Refused, Unavailable
from holdfast.loop.activation import Activation
from holdfast.loop.admit import answer_refused, heed_switches, leave_for, report_outcome
from holdfast.loop.delegating import at_hand, delegate_late, settle_children, wait_for_children
from holdfast.loop.fallback import stand_in
from holdfast.loop.history import ApprovalState, CallState
from holdfast.loop.outcome import changed, end_call, record_outcome, refusal
from holdfast.loop.rights import lost_right
from holdfast.loop.wrapup import give_up
from holdfast.policy import approval as asking
from holdfast.ports import Tool
from holdfast.tools.execute import Outcome, recover_call, run_call
from holdfast.trail import events as kinds
from holdfast.trail.codec import as_text
from holdfast.types import ApprovalUse, Context, Json

READS_AT_ONCE = 8
LEASE_LOOK_S = 0.05

Ran = tuple[CallState, Outcome]


async def act(activation: Activation) -> None:
    """Bring every call of this turn to its end, or park."""
    if activation.history.children:
        await settle_children(activation)
    if not activation.over and activation.history.approvals:
        await settle_answers(activation)
    while not activation.over and (group := next_group(at_hand(activation))):
        calls = await begin(activation, group)
        if len(calls) == 1:
            outcomes = [await perform(activation, calls[0])]
        else:
            outcomes = await asyncio.gather(*(perform(activation, call) for call in calls))
        await leave_if_needed(activation, [ran for ran in outcomes if await settle(activation, *ran)])
    if not activation.over and activation.history.at_work:
        await wait_for_children(activation)


async def settle(activation: Activation, call: CallState, outcome: Outcome) -> bool:
    """Keep what a call came to; `False`: a fallback answered it, or serves it from here on."""
    report_outcome(activation, call, outcome)
    if outcome.status == "failed" and await stand_in(activation, call, outcome):
        return False
    await record_outcome(activation, call, outcome)
    if outcome.status == "in_doubt":
        ask_about_doubt(activation, call, outcome)
    return True


def next_group(calls: Sequence[CallState]) -> list[CallState]:
    """What runs next: all reads up to the first effect, or that one effect."""
    if not calls or calls[0].effect != "read":
        return list(calls[:1])
    effects = (index for index, call in enumerate(calls) if call.effect != "read")
    return list(calls[: min(next(effects, len(calls)), READS_AT_ONCE)])


async def begin(activation: Activation, group: Sequence[CallState]) -> list[CallState]:
    """Make the intent of calls durable that have none yet; with it go the outcomes before them.

    An approval is used up in the same commit.

    Returns:
        Those that are to be run here: others were refused, or are served by children.
    """
    waiting = [call for call in group if call.status != "running"]
    if waiting and await ask_where_rights_were_lost(activation, waiting):
        return []
    if await heed_switches(activation, group):
        return []
    approvals = activation.history.approvals
    for call in waiting:
        answer = activation.history.approval_for(call.id)
        if answer and answer.kind == "call":
            dispatch_approved(activation, call, answer)
        else:
            dispatch(activation, call, answer)
    if activation.has_intents:
        try:
            await activation.commit(leave_for(call.tool for call in waiting))
        except (ApprovalUnusable, Paused, Unavailable) as refusal:
            activation.history.approvals = approvals
            activation.history.calls |= {call.id: call for call in waiting}
            await heed_refusal(activation, group, refusal)
            return []
    await activation.heed_cancel()
    calls = [activation.history.calls[call.id] for call in group]
    return [call for call in calls if call.status == "running" and not activation.history.children_of(call.id)]


async def heed_refusal(activation: Activation, group: Sequence[CallState], refusal: Refused) -> None:
    """Nothing of the group began, because of one of its calls: do with that one what the refusal says."""
    if isinstance(refusal, ApprovalWithdrawn):
        heed_no(activation, group, refusal)
    elif isinstance(refusal, ApprovalUnusable):
        await ask_about_all(activation, group, str(refusal))
    else:
        await answer_refused(activation, group, refusal)


async def ask_where_rights_were_lost(activation: Activation, waiting: Sequence[CallState]) -> bool:
    """Ask anew about calls whose yes is of somebody who may not give it any more; whether there were any."""
    answers = [(call, activation.history.approval_for(call.id)) for call in waiting]
    lost = [
        (call, answer, why)
        for call, answer in answers
        if answer and answer.kind == "call" and (why := lost_right(activation, answer))
    ]
    for call, answer, why in lost:
        ask_again(activation, call, answer, f"Agreed to, but {why}.")
    if lost:
        await activation.park("APPROVAL", status="awaiting_review")
    return bool(lost)


def heed_no(activation: Activation, group: Sequence[CallState], no: ApprovalWithdrawn) -> None:
    """Somebody said no between the yes and this moment: nothing of the group began, and that call never will."""
    for call in group:
        if call.status != "running":
            answer = activation.history.approval_for(call.id)
            if answer and answer.id == no.approval_id:
                said = replace(answer, answer="reject", by=no.by, note=no.note, edit=None)
                check_approval(activation, call, said)


async def ask_about_all(activation: Activation, group: Sequence[CallState], reason: str) -> None:
    """The store did not take an approval that this group relied on: nothing of it began, and people are asked anew."""
    for call in group:
        if call.status == "awaiting_review":
            ask_again(activation, call, activation.history.approval_for(call.id), reason)
    await activation.park("APPROVAL", status="awaiting_review")


def dispatch(activation: Activation, call: CallState, answer: ApprovalState | None) -> None:
    """The intent of a call that waited for its turn, for a time, or for a person who said: run it."""
    if call.tool in activation.cast.team and not delegate_late(activation, call):
        return
    activation.intend(
        kinds.CALL_DISPATCHED,
        {"call_id": call.id, "approval_id": answer.id if answer else None},
        changed(call, "running"),
        ApprovalUse(approval_id=answer.id) if answer else None,
    )


def dispatch_approved(activation: Activation, call: CallState, answer: ApprovalState) -> None:
    """The intent of an approved call, with the arguments that were shown or edited, validated anew."""
    tool = activation.cast.runnable[call.tool]
    shown = approved_arguments(call, answer)
    arguments = dict(tool.validate(shown))
    activation.intend(
        kinds.CALL_DISPATCHED,
        {
            "call_id": call.id,
            "approval_id": answer.id,
            "arguments": arguments,
            "digest": asking.digest(call.tool, arguments),
            "schema_hash": tool.schema_hash,
        },
        replace(changed(call, "running"), tool_input=arguments),
        ApprovalUse(
            approval_id=answer.id,
            digest=answer.digest if answer.edit is None else asking.digest(call.tool, shown),
            schema_hash=answer.schema_hash,
        ),
    )


def approved_arguments(call: CallState, answer: ApprovalState) -> dict[str, Json]:
    """What the person agreed to: their edit, or what they were shown."""
    said = (answer.edit, answer.arguments, call.arguments)
    return dict(next(found for found in said if isinstance(found, Mapping)))


async def perform(activation: Activation, call: CallState) -> Ran:
    """Run one call whose intent is durable; if that was in an earlier activation, find out first."""
    tool = activation.cast.runnable.get(call.tool)
    if tool is None:
        return call, missing(call)
    limits = activation.limits
    run = run_call if call.fresh else recover_call
    with activation.desk.during(activation.id, call.id):
        outcome = await run(
            tool,
            context_for(activation, call),
            call.arguments,
            timeout_s=tool.timeout_s or limits.step_timeout_s,
            clock=activation.desk.clock,
            random=activation.desk.random,
            waits=call.waits,
            ready=partial(until_leased, activation),
        )
    return call, outcome


async def until_leased(activation: Activation) -> None:
    """Wait while the lease is not good: fences protect records, and effects only as long as nobody took over.

    A process that slept through its lease, or could not renew it, gets no further than here: the lease is renewed,
    or the activation is cancelled because the execution belongs to another worker.
    """
    while not activation.desk.holds_lease():
        await activation.desk.clock.sleep(LEASE_LOOK_S)


def context_for(activation: Activation, call: CallState) -> Context[object]:
    """What the tool may know."""
    return Context(
        deps=activation.cast.agent.deps,
        execution=activation.execution,
        call_id=call.id,
        step=call.step,
        idempotency_key=call.key,
        # A call taken over was under way: that attempt counts, although nobody knows what became of it.
        attempt=call.attempts + (1 if call.fresh else 2),
        user=activation.history.user,
    )


def missing(call: CallState) -> Outcome:
    """A tool that a deploy took away: what never began did not happen, what began is unknown."""
    unknown = not call.fresh and call.effect == "irreversible"
    said = f"The tool {call.tool!r} no longer exists."
    status = "in_doubt" if unknown else "failed"
    return Outcome(status=status, content=said, error=said, attempts=call.attempts, latency_ms=0.0, failure="missing")


async def leave_if_needed(activation: Activation, outcomes: Sequence[Ran]) -> None:
    """Park for a doubt or a long wait; end where a step took too long."""
    if not activation.history.approvals and all(outcome.status == "completed" for _, outcome in outcomes):
        return
    doubts = [call for call, outcome in outcomes if outcome.status == "in_doubt"]
    waits = [outcome.wait_s for _, outcome in outcomes if outcome.wait_s is not None]
    if doubts:
        await activation.park("IN_DOUBT", status="awaiting_review")
    elif not waits and any(not item.over for item in activation.history.approvals.values()):
        await activation.park("APPROVAL", status="awaiting_review")  # a fallback needs a yes
    elif waits:
        await activation.park_for(max(waits), "RETRY_LATER")
    elif late := [call.tool for call, outcome in outcomes if took_too_long(activation, call, outcome)]:
        await give_up(activation, "STEP_TIMEOUT", f"{', '.join(late)} took longer than step_timeout_s.")


def took_too_long(activation: Activation, call: CallState, outcome: Outcome) -> bool:
    """Whether a tool without a timeout of its own used up the step's."""
    tool = activation.cast.runnable.get(call.tool)
    return outcome.timed_out and outcome.status == "failed" and tool is not None and tool.timeout_s is None


def ask_about_doubt(activation: Activation, call: CallState, outcome: Outcome) -> None:
    """Nobody knows whether it happened: a person finds out."""
    desk = activation.desk
    activation.ask(
        asking.ask_person(
            kind="doubt",
            approval_id=desk.new_id(),
            question=f"Did this {call.tool} happen? Look it up, then say happened, run (it did not) or skip.",
            reason=outcome.error or "The outcome is unknown.",
            gate="effect",
            now=desk.clock.now(),
            expiry_s=desk.approval_expiry_s,
            call_id=call.id,
            tool=call.tool,
            arguments=call.arguments,
            digest=call.digest,
            schema_hash=call.schema_hash,
        )
    )


async def settle_answers(activation: Activation) -> None:
    """Take people's answers about the calls of this turn; what they agreed to starts when its turn comes."""
    for call in activation.history.open_calls():
        answer = activation.history.approval_for(call.id)
        if answer is None or not answer.over:
            continue
        match answer.kind:
            case "call":
                check_approval(activation, call, answer)
            case "doubt":
                take_doubt(activation, call, answer)
            case _:
                take_reply(activation, call, answer)
    if any(not item.over for item in activation.history.approvals.values()):
        await activation.park("APPROVAL", status="awaiting_review")


def check_approval(activation: Activation, call: CallState, answer: ApprovalState) -> None:
    """A no goes to the model. A yes must cover exactly what would run now, else people are asked again."""
    tool = activation.cast.runnable.get(call.tool)
    if answer.answer != "approve":
        end_call(activation, call, "denied", f"Not run. {refusal(answer)}")
    elif tool is None:
        end_call(activation, call, "failed", f"The tool {call.tool!r} no longer exists.")
    elif objection := why_not_covered(tool, call, answer):
        ask_again(activation, call, answer, objection)
    elif why := lost_right(activation, answer):
        ask_again(activation, call, answer, f"Agreed to, but {why}.")


def why_not_covered(tool: Tool, call: CallState, answer: ApprovalState) -> str | None:
    """Why an approval does not cover the call as it would run now, if it does not."""
    shown = approved_arguments(call, answer)
    try:
        arguments = tool.validate(shown)
    except InvalidArguments as error:
        return f"The approved arguments do not fit the tool: {error}"
    if tool.schema_hash != answer.schema_hash and tool.on_change != "continue":
        return "The tool changed after the approval."
    same = asking.digest(call.tool, arguments) == answer.digest
    if answer.edit is None and not same and tool.on_change != "continue":
        return "The arguments are not the ones that were approved."
    return None


def ask_again(activation: Activation, call: CallState, answer: ApprovalState | None, reason: str) -> None:
    """Open a new approval for the call as it would run now: with the arguments that were agreed to, edited or not."""
    desk, tool = activation.desk, activation.cast.runnable[call.tool]
    arguments = as_it_would_run(tool, approved_arguments(call, answer) if answer else call.arguments)
    question = asking.ask_person(
        kind="call",
        approval_id=desk.new_id(),
        question=f"May {activation.cast.agent.name} run {call.tool}?",
        reason=reason,
        gate=asking.ASKED_AGAIN,
        now=desk.clock.now(),
        expiry_s=desk.approval_expiry_s,
        call_id=call.id,
        tool=call.tool,
        arguments=arguments,
        digest=asking.digest(call.tool, arguments),
        schema_hash=tool.schema_hash,
    )
    routing = answer.routing if answer else None
    activation.ask(asking.route(question, routing, now=desk.clock.now(), expiry_s=desk.approval_expiry_s))


def as_it_would_run(tool: Tool, arguments: Mapping[str, Json]) -> dict[str, Json]:
    """Arguments as the tool reads them now; as they were where they do not fit it any more."""
    try:
        return dict(tool.validate(arguments))
    except InvalidArguments:
        return dict(arguments)


def take_doubt(activation: Activation, call: CallState, answer: ApprovalState) -> None:
    """A person found out whether an effect happened; a yes to running it starts it when its turn comes."""
    match answer.answer:
        case "happened":
            # The model is told the result as the call itself would have told it; who said so is on the record.
            found = answer.edit is not None
            said = as_text(answer.edit) if found else f"It happened; {answer.by} looked: {answer.note or 'done'}"
            end_call(activation, call, "completed", said, output=answer.edit)
        case "skip":
            said = f" {answer.note}" if answer.note else ""
            end_call(activation, call, "failed", f"It did not happen, and will not be run.{said}")
        case None:
            end_call(
                activation,
                call,
                "failed",
                "Nobody could say whether it happened. It will not be run again; count on neither.",
                failure="unknown",
            )
        case _:
            pass


def take_reply(activation: Activation, call: CallState, answer: ApprovalState) -> None:
    """A person answered the agent's question."""
    if answer.answer in {"answer", "approve"}:
        end_call(activation, call, "completed", f"{answer.by} answered: {answer.note or 'yes'}", output=answer.note)
    else:
        end_call(activation, call, "denied", f"No answer. {refusal(answer)}")
