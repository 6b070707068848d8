"""Tells the steps of a workflow in lines a person can follow."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rich.text import Text

from holdfast.doors.screen import STYLES, line, words
from holdfast.trail import events as kinds
from holdfast.types import Json

Data = Mapping[str, Json]
Cut = Callable[[str], str]
"""Shortens what is told, or does not."""
_VERBS: Final = {
    "agent": "gives work to an agent",
    "approve": "asks people",
    "sleep": "sleeps",
    "wait": "waits for a signal",
    "undo": "is undone",
}


def _started(data: Data, cut: Cut) -> Sequence[Text]:
    kind, name = str(data.get("kind")), str(data.get("name"))
    until = f" until {str(data['until'])[:19].replace('T', ' ')} UTC" if data.get("until") else ""
    said = _VERBS.get(kind, f"{data.get('effect')}")
    again = ", again" if data.get("again") else ""
    agent = f": {data['agent']}" if data.get("agent") else ""
    given = data.get("arguments")
    with_what = words(given) if given and kind not in {"sleep", "wait"} else ""
    head = (f"step {name}", "bold")
    return [line(head, (f"  {said}{agent}{until}{again}", "dim"), "  " if with_what else "", cut(with_what))]


def _ended(data: Data, cut: Cut) -> Sequence[Text]:
    status, attempt = str(data.get("status")), data.get("attempt")
    tries = f", attempt {attempt}" if isinstance(attempt, int) and attempt > 1 else ""
    by = f" by {data['by']}" if data.get("by") else ""
    until = f" until {str(data['until'])[:19].replace('T', ' ')} UTC" if data.get("until") else ""
    came = data.get("error") if status != "completed" else data.get("result")
    head = (f"{data.get('name')} {status}{by}{tries}{until}", STYLES.get(status, ""))
    lines = [line("→ ", head, "" if came is None else cut(f": {words(came)}"), indent=2)]
    if data.get("check"):
        lines.append(line(("its check refuses it: ", "red"), cut(str(data["check"])), indent=4))
    return lines


def _noted(data: Data, cut: Cut) -> Sequence[Text]:
    return [line((f"{data.get('kind')}  ", "dim"), cut(words(data.get("value"))))]


def _signalled(data: Data, cut: Cut) -> Sequence[Text]:
    brought = f": {words(data['payload'])}" if data.get("payload") is not None else ""
    return [line((f"signal {data.get('name')} ", "bold"), cut(f"from {data.get('by')}{brought}"))]


def _undoing(data: Data, cut: Cut) -> Sequence[Text]:
    what = "is cancelled" if data.get("cancelled") else "fails"
    return [line((f"{what} ", "bold red"), cut(f"{data.get('reason')}: {data.get('error')}"))]


def _changed(data: Data, cut: Cut) -> Sequence[Text]:
    decision = data.get("decision")
    said = decision.get("reason") if isinstance(decision, Mapping) else ""
    return [line(("its code changed: ", "yellow"), cut(f"{data.get('message')}; {said}"))]


STEP_TELLERS: Final[Mapping[str, Callable[[Data, Cut], Sequence[Text]]]] = {
    kinds.STEP_STARTED: _started,
    kinds.STEP_ENDED: _ended,
    kinds.STEP_NOTED: _noted,
    kinds.SIGNAL_RECEIVED: _signalled,
    kinds.WORKFLOW_UNDOING: _undoing,
    kinds.WORKFLOW_CHANGED: _changed,
}
