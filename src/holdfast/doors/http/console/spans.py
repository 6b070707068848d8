"""A stretch of a journal as spans, and what of the whole journal their telling needs."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from holdfast.doors.http.console.asked import gist_of
from holdfast.doors.http.console.span import Span
from holdfast.doors.http.console.telling import Data, Telling
from holdfast.doors.screen import words
from holdfast.doors.shortlist import words_of
from holdfast.trail import events as kinds
from holdfast.types import Event


def spans_of(events: Sequence[Event], takeovers: Mapping[int, str]) -> Sequence[Span]:
    """The story of a stretch. Pure."""
    telling = Telling(takeovers)
    for event in events:
        _TELLERS.get(event.kind, _unknown)(telling, event)
        telling.pass_time(event)
    return telling.finish()


def takeovers_of(changes: Sequence[Event]) -> Mapping[int, str]:
    """Claims of what another worker held until then, by sequence number, with that worker. Pure."""
    found: dict[int, str] = {}
    holder: str | None = None
    for event in changes:
        if event.kind == kinds.CLAIMED:
            if holder is not None:
                found[event.seq] = holder
            holder = str(event.data.get("worker"))
        elif event.kind not in {kinds.CANCEL_REQUESTED, kinds.GUIDED}:
            holder = None
    return found


def idle_of(changes: Sequence[Event], present: datetime) -> Iterator[tuple[datetime, datetime]]:
    """When nobody worked on it: from a parking to the next claim, or until now. Pure."""
    parked: datetime | None = None
    for event in changes:
        if event.kind in _IDLE and parked is None:
            parked = event.at
        elif event.kind == kinds.CLAIMED and parked is not None:
            yield parked, event.at
            parked = None
    if parked is not None and present > parked:
        yield parked, present


_IDLE: Final = frozenset({kinds.PARKED, kinds.STARTED, kinds.FAILED, kinds.RETRIED})
Teller = Callable[[Telling, Event], None]


def _unknown(telling: Telling, event: Event) -> None:
    telling.note(event, event.kind.replace(".", " "), words(event.data))


def _noted(name: str, say: Callable[[Data], str], status: str = "") -> Teller:
    def tell(telling: Telling, event: Event) -> None:
        telling.note(event, name, say(event.data), status)

    return tell


def _parked(data: Data) -> str:
    until = f" until {str(data['wake_at'])[:19].replace('T', ' ')} UTC" if data.get("wake_at") else ""
    return f"{str(data.get('reason')).lower().replace('_', ' ')}{until}"


def _retried(data: Data) -> str:
    step = f" from step {data['from_step']}; what was said since is set aside" if data.get("from_step") else ""
    return f"by {data.get('by')}{step}"


def _count(data: Data, name: str) -> int:
    value = data.get(name)
    return len(value) if isinstance(value, Sequence) else 0


def _changes(data: Data) -> str:
    changes = data.get("changes")
    given = changes if isinstance(changes, Sequence) and not isinstance(changes, str) else ()
    return ", ".join(str(one.get("tool")) for one in given if isinstance(one, Mapping))


def _proposed(telling: Telling, event: Event) -> None:
    decision = event.data.get("decision")
    verdict = str(decision.get("verdict")) if isinstance(decision, Mapping) else "allow"
    telling.note(event, "Result proposed", words(event.data.get("result")), verdict if verdict != "allow" else "")


def _panel(data: Data) -> str:
    decision = data.get("decision")
    why = f": {decision.get('reason')}" if isinstance(decision, Mapping) else ""
    whose = f", {data['member']}" if data.get("member") else ""
    return f"{data.get('panel')}: {str(data.get('outcome')).replace('_', ' ')}{whose}{why}"


def _plan(data: Data) -> str:
    because = data.get("because")
    why = f", because of {words(because)}" if because else ""
    return f"plan {data.get('revision')} of {_count(data, 'tasks')} tasks{why}"


def _plan_refused(data: Data) -> str:
    by, reasons = data.get("by"), data.get("reasons")
    told = "; ".join(map(words, reasons)) if isinstance(reasons, Sequence) and not isinstance(reasons, str) else ""
    return f"{f'by {by}' if by else 'it cannot be carried out'}: {told}"


def _judged(telling: Telling, event: Event) -> None:
    wrong = event.data.get("objection")
    said = f"{event.data.get('task')}: {words(wrong) if wrong is not None else 'accepted'}"
    telling.note(event, "Judged", said, "failed" if wrong is not None else "")


_TELLERS: Final[Mapping[str, Teller]] = {
    kinds.STARTED: _noted("Asked", lambda data: gist_of(data.get("input"))),
    kinds.CLAIMED: Telling.claim,
    kinds.PARKED: _noted("Parked", _parked),
    kinds.COMPLETED: Telling.over,
    kinds.FAILED: Telling.over,
    kinds.CANCELLED: Telling.over,
    kinds.CANCEL_REQUESTED: _noted("Cancel requested", lambda data: f"by {data.get('by')}: no new call starts"),
    kinds.RETRIED: _noted("Retried", _retried),
    kinds.GUIDED: _noted("Goes on", lambda data: f"with words of {data.get('by')}: {data.get('note')}"),
    kinds.MODEL_REQUESTED: Telling.request,
    kinds.MODEL_RESPONDED: Telling.response,
    kinds.MODEL_ATTEMPT_FAILED: Telling.attempt,
    kinds.MODEL_FAILED: Telling.no_response,
    kinds.CORRECTED: _noted("Corrected", lambda data: f"{data.get('problem')}: {words(data.get('message'))}"),
    kinds.CALL_DECIDED: Telling.decide,
    kinds.CALL_DISPATCHED: Telling.dispatch,
    kinds.CALL_FELL_BACK: Telling.fall_back,
    kinds.CALL_ENDED: Telling.end,
    kinds.APPROVAL_OPENED: Telling.ask,
    kinds.APPROVAL_VOTED: Telling.remark,
    kinds.APPROVAL_REMINDED: Telling.remark,
    kinds.APPROVAL_ESCALATED: Telling.remark,
    kinds.APPROVAL_DECIDED: Telling.settle,
    kinds.APPROVAL_EXPIRED: Telling.settle,
    kinds.APPROVAL_WITHDRAWN: Telling.settle,
    kinds.RESULT_PROPOSED: _proposed,
    kinds.RESULT_REFUSED: _noted("Result sent back", lambda data: words(data.get("message"))),
    kinds.FEEDBACK_RECALLED: _noted("Guided", lambda data: f"by {_count(data, 'notes')} corrections of people"),
    kinds.THREAD_RECALLED: _noted("Thread recalled", lambda data: f"{_count(data, 'executions')} earlier executions"),
    kinds.CONTEXT_COMPACTED: _noted(
        "Context compacted",
        lambda data: (
            f"up to step {data.get('keep_from')}: {data.get('bytes_before')} to {data.get('bytes_after')} bytes"
        ),
    ),
    kinds.TOOLS_CHANGED: _noted("Tools changed", _changes),
    kinds.TOOLS_SHORTLISTED: _noted("Tools shown", words_of),
    kinds.CHILD_STARTED: _noted("Asks", lambda data: f"{data.get('agent')} ({data.get('child_id')})"),
    kinds.CHILD_ENDED: _noted("Came back", lambda data: f"{data.get('agent')} {data.get('status')}"),
    kinds.PANEL_RESOLVED: _noted("Panel decided", _panel),
    kinds.CONVERSATION_TRANSFERRED: _noted("Handed over", lambda data: f"to {data.get('to')}: {data.get('reason')}"),
    kinds.STEP_STARTED: Telling.begin_step,
    kinds.STEP_ENDED: Telling.end_step,
    kinds.STEP_NOTED: _noted("Noted", lambda data: f"flow.{data.get('kind')}() {words(data.get('value'))}"),
    kinds.SIGNAL_RECEIVED: _noted("Signal", lambda data: f"{data.get('name')} from {data.get('by')}"),
    kinds.WORKFLOW_UNDOING: _noted("Undone", lambda data: f"{data.get('reason')}: {data.get('error')}"),
    kinds.WORKFLOW_CHANGED: _noted("Code changed", lambda data: words(data.get("message"))),
    kinds.PLAN_MADE: _noted("Planned", _plan),
    kinds.PLAN_REVISED: _noted("Planned anew", _plan),
    kinds.PLAN_REFUSED: _noted("Plan refused", _plan_refused, "failed"),
    kinds.PLAN_APPROVED: _noted("Plan agreed to", lambda data: f"by {data.get('by')}", "completed"),
    kinds.TASK_JUDGED: _judged,
}
