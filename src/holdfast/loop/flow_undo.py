"""Compensation: what the finished steps of a workflow did is undone, the last one first, each by a step of its own."""

from holdfast.errors import StepFailed
from holdfast.loop.flow_fold import UNDO
from holdfast.loop.flow_history import StepState, Undoing
from holdfast.loop.flow_record import Ended, Start, record_start
from holdfast.loop.flow_stage import Stage
from holdfast.loop.flow_steps import Doing, bring_to_end, record_doubt
from holdfast.teams.flow import AskedStep
from holdfast.teams.work import AnyFunction, Work, undo_takes_result
from holdfast.trail import events as kinds
from holdfast.types import Json


def to_undo(stage: Stage) -> list[StepState]:
    """Finished steps that can be undone and are not yet, in the order in which they are undone."""
    steps = stage.flow.steps
    done = [state for state in steps.values() if state.undo and state.status == "completed"]
    left = [state for state in done if not (undo := steps.get(UNDO + state.name)) or not undo.over]
    return sorted(left, key=lambda state: state.ended, reverse=True)


def begin_undoing(stage: Stage, undoing: Undoing) -> None:
    """Remember why it ends: from here on nothing new begins, also after a crash."""
    stage.activation.fact(
        kinds.WORKFLOW_UNDOING,
        {
            "reason": undoing.reason,
            "error": undoing.error,
            "step": undoing.step,
            "cancelled": undoing.cancelled,
            **({"others": list(undoing.others)} if undoing.others else {}),
        },
    )
    stage.undoing = True


async def undo_all(stage: Stage) -> None:
    """Undo what is left to be undone, one after the other."""
    for state in to_undo(stage):
        await undo(stage, state, stage.undos.get(state.name))


async def undo(stage: Stage, state: StepState, function: AnyFunction | None) -> None:
    """Undo one step; what cannot be undone by code, people do."""
    name = UNDO + state.name
    given = (_value(stage, state),) if function is None or undo_takes_result(function) else ()
    work = Work(name, function or _gone, given)
    start = Start(name=name, at=name, kind="undo", arguments=work.arguments, effect=work.effect)
    doing = Doing(stage, AskedStep(name=name, work=work, timeout_s=work.timeout_s, undo=None), start)
    known = doing.state
    if function is None and known is None:
        await _give_to_people(doing)
        known = doing.state
    try:
        await bring_to_end(doing, known)
    except StepFailed:
        return  # people said to leave it, or nobody answered: the end tells


async def _give_to_people(doing: Doing) -> None:
    """The code has no way to undo it any more."""

    def write() -> None:
        record_start(doing.activation, doing.start, begun=True)
        record_doubt(doing, Ended(status="in_doubt", error="The code says no more how it is undone."))

    with doing.stage.asking():
        await doing.stage.clerk.durable(write)


def _value(stage: Stage, state: StepState) -> object:
    """What the step came to, as the undo gets it: as the code of the step has it, where it was come to."""
    return stage.values.get(state.name, state.result)


def undone_words(stage: Stage) -> str:
    """What was undone and what was not, for the record."""
    undos = [state for state in stage.flow.steps.values() if state.kind == "undo"]
    done = [state.name.removeprefix(UNDO) for state in undos if state.status == "completed"]
    left = [state.name.removeprefix(UNDO) for state in undos if state.status != "completed"]
    parts = [("Undone", done), ("Not undone", left)]
    return " ".join(f"{word}: {', '.join(names)}." for word, names in parts if names)


def _gone(result: Json) -> None:
    """What stands for an undo that the code does not have any more."""
    raise LookupError(f"the code says no more how this is undone: {result!r}")
