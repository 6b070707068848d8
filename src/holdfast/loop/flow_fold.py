"""Folding what a workflow's events say."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, TypeAlias

from holdfast.loop.flow_history import FlowHistory, Signal, StepState, Undoing
from holdfast.loop.history import History
from holdfast.trail import events as kinds

Data: TypeAlias = dict[str, Any]
"""An event's data, as in `fold`."""
UNDO: Final = "undo "
"""Before the name of a step, the name of the step that undoes it."""
VERDICT: Final = "verdict"
"""The kind of a place where something was decided between steps, and recorded."""


def started(history: History, data: Data) -> None:
    flow, known = history.flow, history.flow.steps.get(data["name"])
    if known is None:
        history.step += 1
    state = StepState(
        id=data["call_id"],
        name=data["name"],
        at=data["at"],
        kind=data["kind"],
        effect=data["effect"],
        status="running",
        key=data["key"],
        digest=data["digest"],
        number=known.number if known else history.step,
        attempts=known.attempts if known else 0,
        waits=known.waits if known else 0,
        until=_moment(data.get("until")),
        undo=data["undo"],
        signal=data.get("signal"),
    )
    flow.steps[state.name] = state
    if state.kind != "undo":
        flow.places[state.at] = (state.kind, state.name)
    history.use_approvals(state.id)


def ended(history: History, data: Data) -> None:
    flow = history.flow
    state, status = flow.steps[data["name"]], data["status"]
    state = replace(
        state,
        status=status,
        attempts=data["attempt"] or state.attempts,
        waits=state.waits + (status == "postponed"),
        until=_moment(data.get("until")),
        result=data["result"],
        error=data["error"],
        failure=data["failure"],
        check=data.get("check"),
        by=data.get("by"),
        signal_id=data.get("signal_id"),
    )
    if state.over:
        flow.ends += 1
        state = replace(state, ended=flow.ends)
        history.children.pop(state.id, None)
        history.use_approvals(state.id)
    flow.steps[state.name] = state


def noted(history: History, data: Data) -> None:
    history.flow.places[data["at"]] = (data["kind"], "")
    history.flow.notes[data["at"]] = data["value"]


def said(history: History, data: Data) -> None:
    history.flow.places[data["at"]] = (VERDICT, "")
    history.flow.notes[data["at"]] = data


def signalled(history: History, data: Data) -> None:
    history.flow.signals.append(Signal(id=data["id"], name=data["name"], payload=data["payload"]))


def undoing(history: History, data: Data) -> None:
    history.flow.undoing = Undoing(
        reason=data["reason"],
        error=data["error"],
        step=data["step"],
        cancelled=data["cancelled"],
        others=tuple(data.get("others", ())),
    )


def changed(history: History, data: Data) -> None:
    history.flow.adopted |= data["decision"]["verdict"] == "allow"
    history.forget_approvals("change")


def claimed(history: History) -> None:
    """Another activation begins: what was under way may have run."""
    flow = history.flow
    for name, state in flow.steps.items():
        if state.status == "running" and state.fresh:
            flow.steps[name] = replace(state, fresh=False)


def retried(history: History) -> None:
    """It goes on after it failed: the step that ended it, and those that were undone, are done anew."""
    flow = history.flow
    if flow.undoing is None:
        return
    gone = {flow.undoing.step, *flow.undoing.others} | {state.name.removeprefix(UNDO) for state in _undone(flow.steps)}
    for name in [name for name in flow.steps if name in gone or name.startswith(UNDO)]:
        flow.again[name] = flow.again.get(name, 0) + 1
        _forget_verdicts(flow, flow.steps.pop(name).at)
    flow.undoing = None


def _forget_verdicts(flow: FlowHistory, at: str) -> None:
    """What was said behind a step, in its branch, is said anew."""
    branch, _, number = at.rpartition(".")
    for place in [place for place, (kind, _) in flow.places.items() if kind == VERDICT]:
        before, _, later = place.rpartition(".")
        if before == branch and number.isdecimal() and int(later) > int(number):
            del flow.places[place], flow.notes[place]


def _undone(steps: Mapping[str, StepState]) -> list[StepState]:
    return [state for state in steps.values() if state.kind == "undo" and state.status == "completed"]


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


FLOW_HANDLERS: Final[Mapping[str, Callable[[History, Data], None]]] = {
    kinds.STEP_STARTED: started,
    kinds.STEP_ENDED: ended,
    kinds.STEP_NOTED: noted,
    kinds.SIGNAL_RECEIVED: signalled,
    kinds.WORKFLOW_UNDOING: undoing,
    kinds.WORKFLOW_CHANGED: changed,
    **dict.fromkeys(
        (kinds.PLAN_MADE, kinds.PLAN_REVISED, kinds.PLAN_REFUSED, kinds.PLAN_APPROVED, kinds.TASK_JUDGED), said
    ),
}
