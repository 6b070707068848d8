"""Retrying from an earlier step: what is set aside, what of it has happened, and what stands in the way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from holdfast.errors import IllegalTransition, UsageError
from holdfast.loop.digest import fit
from holdfast.loop.fold import replay
from holdfast.loop.history import CALL_OVER, Happened, History, body_of
from holdfast.loop.rewind import Data, before_step, standing
from holdfast.ports import Store
from holdfast.trail import events as kinds
from holdfast.trail.codec import as_text
from holdfast.types import CallStatus, Effect, Event, Json, SetAside

SHOWN = 50
"""Calls that the model is told of; the recorded result is given for the others too."""

MAYBE = frozenset({"error", "timeout", "contract"})
"""Failures after which an idempotent call may have had its effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """A call of a turn that is set aside."""

    id: str
    step: int
    tool: str
    arguments: Json
    effect: Effect
    status: CallStatus
    digests: frozenset[str]
    key: str
    ended: Data = field(default_factory=dict[str, object])

    @property
    def unknown(self) -> bool:
        """Nobody has found out yet whether its effect happened."""
        return self.status == "in_doubt" or (self.status == "running" and self.effect == "irreversible")

    @property
    def settled(self) -> bool:
        """It had an effect, or nobody could ever say: it is not made again."""
        happened = self.status == "completed" and self.effect != "read"
        return happened or self.ended.get("failure") == "unknown"

    @property
    def repeatable(self) -> bool:
        """It may have happened, and may be made again under its key."""
        broken = self.status == "failed" and self.ended.get("failure") in MAYBE
        return self.effect == "idempotent" and (broken or self.status == "running")


def set_aside(execution_id: str, events: Sequence[Event], from_step: int) -> SetAside:
    """What going back to the beginning of a step leaves behind.

    Raises:
        UsageError: There is no such step to go back to, or a call behind it is in doubt.
    """
    now = standing(events)
    steps = sorted({cast("Data", e.data)["step"] for e in now if is_turn(e)})
    if from_step not in steps:
        has = f"its steps are {spans(steps)}" if steps else "it has none"
        raise UsageError(f"execution {execution_id} has no step {from_step} to go back to: {has}")
    made = list(calls_of(now[len(before_step(now, from_step)) :]))
    refuse_unknown(execution_id, made, from_step)
    history = History()
    replay(history, events)
    kept = [as_item(call) for call in made if call.settled or call.repeatable]
    known = {call.id: call for call in calls_of(events)}
    told = [
        line
        for call in [*(known[it.call_id] for it in history.happened if it.call_id in known), *made]
        if (line := line_of(call))
    ]
    return SetAside(
        from_step=from_step,
        told=in_words(from_step, told) if told else None,
        happened=[*map(carried, history.happened), *kept],
        last_seq=events[-1].seq,
    )


async def refuse_unfailed(store: Store, execution_id: str) -> None:
    """Refuse what has not failed.

    Raises:
        NotFound: There is no such execution.
        IllegalTransition: It has not failed.
    """
    found = await store.get(execution_id)
    if found.status != "failed":
        raise IllegalTransition(f"execution {found.id} is {found.status}: only a failed one can be retried")


def is_turn(event: Event) -> bool:
    """Whether it is the model's message of a turn."""
    return event.kind == kinds.MODEL_RESPONDED and event.data.get("purpose") == "turn"


def calls_of(events: Iterable[Event]) -> Iterable[Made]:
    """The calls of some events, as they stood in the end."""
    made: dict[str, Made] = {}
    for event in events:
        data = cast("Data", event.data)
        call = made.get(data.get("call_id", ""))
        if event.kind == kinds.CALL_DECIDED:
            made[data["call_id"]] = decided(data)
        elif call is None:
            continue
        elif event.kind == kinds.CALL_DISPATCHED:
            ran = {data["digest"]} if data.get("digest") else set[str]()
            made[call.id] = replace(call, status="running", digests=call.digests | ran)
        elif event.kind == kinds.CALL_FELL_BACK:
            made[call.id] = replace(
                call,
                effect=data["effect"],
                status=data["status"],
                digests=call.digests | {data["digest"]},
                key=f"{call.id}:{data['tool']}",
            )
        elif event.kind == kinds.CALL_ENDED:
            made[call.id] = replace(call, status=data["status"], ended=data)
    return made.values()


def decided(data: Data) -> Made:
    """A call as it was decided."""
    return Made(
        id=data["call_id"],
        step=data["step"],
        tool=data["gen_ai.tool.name"],
        arguments=data["arguments"],
        effect=data["effect"],
        status=data["status"],
        digests=frozenset({data["digest"]}),
        key=data.get("idempotency_key") or data["call_id"],
    )


def refuse_unknown(execution_id: str, made: Iterable[Made], from_step: int) -> None:
    """Refuse while nobody knows whether an effect behind the step happened."""
    for call in made:
        if call.unknown and call.status not in CALL_OVER:
            raise UsageError(
                f"execution {execution_id}: nobody knows whether {call.tool} of step {call.step} happened, so step"
                f" {from_step} cannot be done anew. Settle it first: `holdfast retry {execution_id}` without"
                " --from-step asks its probe or a person (`holdfast approvals`, then `holdfast resolve`)"
            )


def as_item(call: Made) -> dict[str, Json]:
    """A call that is not made again, as the journal keeps it."""
    source = call.ended.get("reused_from") or call.id
    return {
        "call_id": source,
        "tool": call.tool,
        "digests": sorted(call.digests),
        "key": None if call.settled else call.key,
    }


def carried(item: Happened) -> dict[str, Json]:
    """A call of turns that an earlier retry set aside, and that was not asked for since."""
    return {"call_id": item.call_id, "tool": item.tool, "digests": sorted(item.digests), "key": item.key or None}


def line_of(call: Made) -> str | None:
    """A call that is not made again, in one line."""
    shown = f"- {call.tool}({fit(as_text(call.arguments), 200)})"
    if call.settled and call.status == "completed":
        return f"{shown} -> {fit(body_of(call.ended), 300)}"
    if call.settled:
        return f"{shown}: nobody could say whether it happened"
    return f"{shown}: it may have happened; asked for again, it runs under the same key" if call.repeatable else None


def in_words(from_step: int, lines: Sequence[str]) -> str:
    """What the model is told."""
    more = [f"- and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    said = "\n".join([*lines[:SHOWN], *more])
    return (
        f"[The work goes back to before step {from_step}; what was said since is set aside. These calls have happened"
        " all the same. They are not done again: asked for once more with the same arguments, each gives its recorded"
        f" result once.]\n{said}"
    )


def spans(steps: Sequence[int]) -> str:
    """Steps in words: "1 to 3, 7"."""
    found: list[list[int]] = []
    for step in steps:
        if found and step == found[-1][-1] + 1:
            found[-1].append(step)
        else:
            found.append([step])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in found)
