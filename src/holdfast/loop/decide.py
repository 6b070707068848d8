"""Decide: what the model's message asks for, and what the gates say of each call. One commit: the intent."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeAlias

from holdfast.errors import GrantUnusable, InvalidArguments, Paused, Unavailable
from holdfast.loop.activation import Activation
from holdfast.loop.admit import leave_for, stand_back
from holdfast.loop.delegating import ceilings_for, delegate, refused_delegation, size_of
from holdfast.loop.granting import with_grants
from holdfast.loop.handover import account, in_words
from holdfast.loop.judged import Judged
from holdfast.loop.model import RawCall, Response
from holdfast.loop.output import parse_arguments
from holdfast.loop.propose import as_written, propose, recorded, rewritten
from holdfast.loop.result import correct, take_result, take_text
from holdfast.loop.reuse import give_recorded, recognised
from holdfast.loop.wrapup import give_up
from holdfast.policy import approval as asking
from holdfast.policy import gate
from holdfast.teams.handover import ALONE
from holdfast.trail import events as kinds
from holdfast.types import CallChange, CallStatus, Decision, Json

Record: TypeAlias = Callable[[str, Mapping[str, Json], CallChange], None]

EARLY = (
    "Not accepted: you asked for other calls in the same message. Look at their results, then give the final result."
)
GAVE_UP = Decision(verdict="deny", gate="order", reason="Not run: the same message says it cannot be completed.")
REVIEWED = Decision(verdict="review", gate="cannot_complete", reason="The agent says it cannot complete this.")
TAKEN = Decision(
    verdict="deny", gate="cannot_complete", reason="Noted: the work ends here, unless it is taken up again."
)


async def decide(activation: Activation, response: Response) -> None:
    """Obey, ask about, refuse or correct what the model said, and make that durable."""
    if not response.calls:
        await take_text(activation, response)
        return
    names = [call.tool for call in response.calls]
    if names == ["final_result"]:
        await take_result(activation, response.calls[0], cut=response.finish_reason == "length")
        return
    for call in response.calls:
        if call.tool == "final_result":
            correct(activation, "early_result", EARLY, call)
    others = [call for call in response.calls if call.tool != "final_result"]
    if "cannot_complete" in names:
        await hand_over(activation, others)
    else:
        judged = [judge(activation, index, call) for index, call in enumerate(others)]
        judged = with_room(activation, judged)
        if activation.history.happened:
            judged = recognised(activation.history, judged)
        await open_calls(activation, await with_grants(activation, judged))


def judge(activation: Activation, index: int, raw: RawCall) -> Judged:
    """What the gates say of one call. Pure but for reading the declarations."""
    call_id = f"{activation.id}:{activation.history.step}:{index}"
    try:
        arguments, text = as_written(activation, raw)
    except InvalidArguments as problem:
        return refused(call_id, index, raw, {}, Decision(verdict="deny", gate="arguments", reason=str(problem)))
    if raw.tool == "ask_person":
        return question(call_id, index, raw, arguments)
    tool = activation.cast.tools.get(raw.tool)
    if tool is None:
        return refused(call_id, index, raw, arguments, gate.unknown_tool(raw.tool, activation.cast.tools))
    try:
        proposal = propose(activation, tool, arguments, call_id=call_id, step=activation.history.step, text=text)
    except InvalidArguments as error:
        return refused(call_id, index, raw, arguments, gate.bad_arguments(error))
    decision = limited(activation, index) or gate.judge(tool.review, proposal)
    proposal, decision = rewritten(activation, tool, proposal, decision)
    return Judged(
        raw=raw,
        id=call_id,
        index=index,
        effect=tool.effect,
        arguments=dict(proposal.arguments),
        digest=proposal.digest,
        schema_hash=tool.schema_hash,
        decision=decision,
        proposal=proposal,
        text=text if tool.review is None and proposal.arguments == arguments else None,
    )


def with_room(activation: Activation, judged: Sequence[Judged]) -> Sequence[Judged]:
    """The same, where delegations that there is no room for are refused; what is left is shared among them."""
    if not activation.cast.team:
        return judged
    judged = [alone(activation, call, among=len(judged)) for call in judged]
    among = sum(size_of(activation, call.raw.tool) for call in judged if delegates_now(activation, call))
    if not among:
        return judged
    return [
        replace(call, decision=no)
        if delegates_now(activation, call) and (no := refused_delegation(activation, call.raw.tool, among=among))
        else call
        for call in judged
    ]


def alone(activation: Activation, call: Judged, *, among: int) -> Judged:
    """The same, where a conversation cannot go to another agent, because there are other calls in the message."""
    asked = activation.cast.team.get(call.raw.tool)
    if asked is None or not asked.takes_over or among == 1 or call.decision.verdict != "allow":
        return call
    return replace(call, decision=Decision(verdict="deny", gate="order", reason=ALONE))


def delegates_now(activation: Activation, call: Judged) -> bool:
    """Whether a call that may run is a task for a specialist."""
    return call.raw.tool in activation.cast.team and call.decision.verdict == "allow"


def limited(activation: Activation, index: int) -> Decision | None:
    """The no for a call beyond the limit on tool calls."""
    limit = activation.limits.tool_calls
    return gate.over_limit(limit) if limit is not None and activation.spent.tool_calls + index >= limit else None


def refused(call_id: str, index: int, raw: RawCall, arguments: dict[str, Json], decision: Decision) -> Judged:
    """A call that cannot run as it is written."""
    return Judged(
        raw=raw,
        id=call_id,
        index=index,
        effect="read",
        arguments=arguments or {"raw": str(raw.arguments)[:1000]},
        digest=asking.digest(raw.tool, arguments or {"raw": str(raw.arguments)}),
        schema_hash="",
        decision=decision,
    )


def question(call_id: str, index: int, raw: RawCall, arguments: dict[str, Json]) -> Judged:
    """The agent asks a person something."""
    if not str(arguments.get("question") or "").strip():
        no = Decision(verdict="deny", gate="arguments", reason="ask_person needs question: what you want to know.")
        return refused(call_id, index, raw, arguments, no)
    return Judged(
        raw=raw,
        id=call_id,
        index=index,
        effect="read",
        arguments=arguments,
        digest=asking.digest(raw.tool, arguments),
        schema_hash="",
        decision=Decision(verdict="review", gate="ask_person", reason="The agent asks."),
    )


async def open_calls(activation: Activation, judged: Sequence[Judged]) -> None:
    """Record every call with its decision; what needs a person parks the execution in the same commit."""
    approvals = dict(activation.history.approvals)
    waiting = any(call.decision.verdict == "review" for call in judged)
    begun = set[str]() if waiting else first_wave(judged)
    record_decisions(activation, judged, begun)
    try:
        if waiting:
            await activation.park("APPROVAL", status="awaiting_review")
        elif begun:
            await activation.commit(leave_for(call.raw.tool for call in judged if call.id in begun))
    except (Paused, Unavailable):
        # Which of them may begin is found out one by one, when each one's turn comes.
        stand_back(activation, begun)
    except GrantUnusable as refused_grant:
        activation.history.approvals = approvals
        await ask_after_all(activation, judged, str(refused_grant))


def record_decisions(activation: Activation, judged: Sequence[Judged], begun: set[str]) -> None:
    """What was decided of each call, and the questions and refusals that follow."""
    starts = {call.id: size_of(activation, call.raw.tool) for call in judged if delegates_now(activation, call)}
    among = sum(size for call_id, size in starts.items() if call_id in begun)
    for call in judged:
        status = status_of(call, begun)
        delegates = starts.get(call.id, 0) if status == "running" else 0
        room = ceilings_for(activation, call.raw.tool, among=among) if delegates else None
        if isinstance(room, str):
            status = "pending"  # as many as there is room for begin; the others when their turn comes
        activation.intend(
            kinds.CALL_DECIDED,
            decided(activation, call, status),
            row(activation, call, status),
            looked_at=call.text is not None and call.decision is gate.UNRULED,
        )
        if room and not isinstance(room, str):
            delegate(activation, activation.history.calls[call.id], ceilings=room)
        among -= delegates
        if call.grant:
            activation.use_grant(call.grant)
    for call in judged:
        if call.decision.verdict == "review":
            ask(activation, call)
        elif call.decision.verdict == "deny":
            refuse(activation, call, activation.intend)
        elif call.reused:
            give_recorded(activation, call)


async def ask_after_all(activation: Activation, judged: Sequence[Judged], reason: str) -> None:
    """A grant was used up or taken back at that very moment: nothing began, and people are asked."""
    for call in judged:
        state = activation.history.calls[call.id]
        if state.status == "running":
            activation.history.calls[call.id] = replace(state, status="pending")
        if call.asked:
            instead = replace(call, decision=replace(call.asked, reason=f"{call.asked.reason} ({reason})"))
            status = status_of(instead, set())
            activation.intend(
                kinds.CALL_DECIDED, decided(activation, instead, status), row(activation, instead, status)
            )
            ask(activation, instead)
        elif call.decision.verdict == "review":
            ask(activation, call)
    await activation.park("APPROVAL", status="awaiting_review")


def first_wave(judged: Sequence[Judged]) -> set[str]:
    """Calls whose intent is this very commit: all that may run, up to and with the first irreversible one.

    A later irreversible call gets its own intent when its turn comes, so that after a crash only the call that
    was really under way is in doubt.
    """
    wave = set[str]()
    for call in judged:
        if call.decision.verdict not in {"allow", "rewrite"} or call.reused:
            continue
        wave.add(call.id)
        if call.effect == "irreversible":
            break
    return wave


def status_of(call: Judged, begun: set[str]) -> CallStatus:
    """The status a call is recorded with."""
    match call.decision.verdict:
        case "review":
            return "awaiting_review"
        case "deny":
            return "pending"
        case _:
            return "running" if call.id in begun else "pending"


def decided(activation: Activation, call: Judged, status: CallStatus) -> dict[str, Json]:
    """The `call.decided` event."""
    return {
        "call_id": call.id,
        "step": activation.history.step,
        "index": call.index,
        "gen_ai.tool.name": call.raw.tool,
        "gen_ai.tool.call.id": call.raw.provider_call_id,
        "arguments": call.arguments,
        "effect": call.effect,
        "status": status,
        "decision": gate.as_event(call.decision),
        "digest": call.digest,
        "schema_hash": call.schema_hash,
        **({} if call.key == call.id else {"idempotency_key": call.key}),
    }


def row(activation: Activation, call: Judged, status: CallStatus) -> CallChange:
    """The call's row as it begins."""
    return CallChange(
        id=call.id,
        status=status,
        step_number=activation.history.step,
        tool_name=call.raw.tool,
        effect=call.effect,
        idempotency_key=call.key,
        tool_input=call.arguments,
        input_text=call.text,
        called_at=activation.desk.clock.now(),
    )


def ask(activation: Activation, call: Judged) -> None:
    """Open the approval, or the agent's question."""
    desk = activation.desk
    if call.proposal:
        activation.ask(
            asking.ask_for_call(
                call.proposal,
                call.decision,
                approval_id=desk.new_id(),
                now=desk.clock.now(),
                expiry_s=desk.approval_expiry_s,
            )
        )
        return
    activation.ask(
        asking.ask_person(
            kind="question",
            approval_id=desk.new_id(),
            question=str(call.arguments["question"]),
            reason=call.decision.reason,
            gate=call.decision.gate,
            now=desk.clock.now(),
            expiry_s=desk.approval_expiry_s,
            call_id=call.id,
            tool=call.raw.tool,
            arguments=call.arguments,
            digest=call.digest,
        )
    )


def refuse(activation: Activation, call: Judged, record: Record) -> None:
    """A no is an answer: the model gets the reason."""
    status: CallStatus = "failed" if call.decision.gate in {"known_tool", "arguments"} else "denied"
    record(
        kinds.CALL_ENDED,
        {
            "call_id": call.id,
            "status": status,
            "content": call.decision.reason,
            "blob": None,
            "error": call.decision.reason,
            "attempt": 0,
            "latency_ms": 0.0,
        },
        CallChange(
            id=call.id,
            status=status,
            step_number=activation.history.step,
            tool_name=call.raw.tool,
            effect=call.effect,
            idempotency_key=call.id,
            tool_input=call.arguments,
            error=call.decision.reason,
            finished_at=activation.desk.clock.now(),
        ),
    )


async def hand_over(activation: Activation, calls: Sequence[RawCall]) -> None:
    """The agent says that it cannot complete: end with its reason, or ask a person."""
    saying = next(call for call in calls if call.tool == "cannot_complete")
    try:
        said = parse_arguments(saying.arguments)
    except InvalidArguments:
        said = {"reason": str(saying.arguments)}
    parts = [f"{name}: {said[name]}" for name in ("reason", "done", "open") if said.get(name)]
    words = "; ".join(parts) or "no reason given"
    asks = activation.cast.agent.on_failure == "review"
    # Every call is answered, also where the execution ends: a retry goes on from here.
    record = activation.intend if asks else activation.fact
    saying_decision = REVIEWED if asks else TAKEN
    judged = [
        given_up(activation, index, call, said, saying_decision)
        if call is saying
        else given_up(activation, index, call, {}, GAVE_UP)
        for index, call in enumerate(calls)
    ]
    for call in judged:
        status: CallStatus = "awaiting_review" if call.decision is REVIEWED else "pending"
        record(kinds.CALL_DECIDED, decided(activation, call, status), row(activation, call, status))
    for call in judged:
        if call.decision is not REVIEWED:
            refuse(activation, call, record)
    handed = account(activation, str(said.get("reason") or words), said)
    error = f"{words}. {in_words(handed)}"
    await give_up(activation, "CANNOT_COMPLETE", error, call_id=judged[calls.index(saying)].id, handed=handed)


def given_up(
    activation: Activation, index: int, call: RawCall, arguments: Mapping[str, Json], decision: Decision
) -> Judged:
    """A call of a message that says it cannot be completed."""
    call_id = f"{activation.id}:{activation.history.step}:{index}"
    return refused(call_id, index, call, recorded(activation, arguments), decision)
