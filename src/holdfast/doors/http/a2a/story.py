"""What a task is told of an execution: a fold over its journal, in the words of A2A. Pure.

    submitted -> working -> input required -> working -> completed | failed | rejected | canceled

The same events give the same task and the same updates in every process, so any server can show a task, go on with a
stream that another one began, or tell a client's webhook of it.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from holdfast.notify.message import CHOICES
from holdfast.trail import events as kinds
from holdfast.types import ApprovalKind, Event, Json, Line, Status

Data = dict[str, Any]

SUBMITTED, WORKING, INPUT_REQUIRED = "TASK_STATE_SUBMITTED", "TASK_STATE_WORKING", "TASK_STATE_INPUT_REQUIRED"
COMPLETED, FAILED, CANCELED = "TASK_STATE_COMPLETED", "TASK_STATE_FAILED", "TASK_STATE_CANCELED"
REJECTED: Final = "TASK_STATE_REJECTED"
TERMINAL: Final = frozenset({COMPLETED, FAILED, CANCELED, REJECTED})
_DECLINED: Final = "CANNOT_COMPLETE"
"""The reason of an execution whose agent said that it cannot do what it is asked."""
_FILE_NAMES: Final = frozenset({"url", "raw", "mediaType", "filename"})

STATUSES: Final[Mapping[str, Status]] = {
    SUBMITTED: "pending",
    WORKING: "running",
    INPUT_REQUIRED: "awaiting_review",
    COMPLETED: "completed",
    FAILED: "failed",
    REJECTED: "failed",
    CANCELED: "cancelled",
}
"""Where to look for tasks of a state."""


class Story:
    """One task, as far as it is told. Changes only through `hear`.

    Args:
        execution_id: Whose journal it hears; the id of the task.
    """

    def __init__(self, execution_id: str) -> None:
        self.id = execution_id
        self.seq = 0
        self.context = execution_id
        self.state = SUBMITTED
        self.open: dict[str, Mapping[str, Any]] = {}
        """Questions to people, by id, as they were asked."""
        self._calls: dict[str, Json] = {}
        self._proposed: Json = None
        self._status: Data = {}
        self._history: list[Data] = []
        self._artifacts: list[Data] = []
        self._told: list[Data] = []

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.state in TERMINAL

    @property
    def rests(self) -> bool:
        """Whether it is not the agent's turn."""
        return self.ended or self.state == INPUT_REQUIRED

    def hear(self, event: Event) -> list[Data]:
        """Take in the next event; the updates that clients are sent for it."""
        self.seq, self._told = event.seq, []
        if hearing := _HEARING.get(event.kind):
            hearing(self, event.data, event)
        return self._told

    def task(self, *, history_length: int | None = None, artifacts: bool = True) -> Data:
        """The task as it stands, with so many of the newest messages; `None`: with all."""
        shown = self._history if history_length is None else self._history[len(self._history) - history_length :]
        if history_length is not None and history_length > len(self._history):
            shown = self._history
        told: Data = {"id": self.id, "contextId": self.context, "status": self._status}
        if artifacts and self._artifacts:
            told["artifacts"] = list(self._artifacts)
        return told | ({"history": list(shown)} if shown else {})

    def question(self, words: str) -> Data:
        """The task with a remark in place of the question."""
        said = self._message(f"{self.id}-{self.seq}-remark", [{"text": words}, *self._asked()])
        return {**self.task(), "status": {**self._status, "message": said}}

    # --- what happens

    def started(self, data: Mapping[str, Any], event: Event) -> None:
        self.context = data["thread"] or self.id
        sent: Data | None = data.get("origin", {}).get("a2a", {}).get("message")
        said = sent or {"messageId": f"{self.id}-input", "parts": [part_of(data["input"])]}
        self._history.append({**said, "role": "ROLE_USER", "taskId": self.id, "contextId": self.context})
        self._status = {"state": SUBMITTED, "timestamp": moment(event.at)}

    def claimed(self, _: Mapping[str, Any], event: Event) -> None:
        if self.state != WORKING:
            self._become(WORKING, event)

    def retried(self, _: Mapping[str, Any], event: Event) -> None:
        self._artifacts = []
        self._become(SUBMITTED, event)

    def parked(self, data: Mapping[str, Any], event: Event) -> None:
        if self.open and data["wake_at"] is None:
            words = "\n".join(str(asked["question"]) for asked in self.open.values())
            self._become(INPUT_REQUIRED, event, [{"text": words}, *self._asked()])

    def completed(self, data: Mapping[str, Any], event: Event) -> None:
        self._result(data["result"])
        self._become(COMPLETED, event)

    def failed(self, data: Mapping[str, Any], event: Event) -> None:
        if data["result"] is not None:
            self._result(data["result"])
        state = REJECTED if data["reason"] == _DECLINED else FAILED
        self._become(state, event, [{"text": f"{data['reason']}: {data['error']}"}])

    def cancelled(self, _: Mapping[str, Any], event: Event) -> None:
        self._become(CANCELED, event)

    def call_decided(self, data: Mapping[str, Any], _: Event) -> None:
        self._calls[data["call_id"]] = data["arguments"]

    def proposed(self, data: Mapping[str, Any], _: Event) -> None:
        self._proposed = data["result"]

    def opened(self, data: Mapping[str, Any], _: Event) -> None:
        known = self._proposed if data["kind"] == "result" else self._calls.get(data["call_id"])
        self.open[data["approval_id"]] = {**data, "arguments": data.get("arguments", known)}

    def ruled(self, data: Mapping[str, Any], event: Event) -> None:
        self.open.pop(data["approval_id"], None)
        if self.state == INPUT_REQUIRED and not self.open and event.kind != kinds.APPROVAL_WITHDRAWN:
            self._become(WORKING, event)
        if event.kind == kinds.APPROVAL_DECIDED:
            said = {"text": data["note"] or data["answer"]}
            answer = self._message(f"{data['approval_id']}-{event.seq}-answer", [said])
            self._history.append({**answer, "role": "ROLE_USER"})

    # --- what is told

    def _become(self, state: str, event: Event, parts: list[Data] | None = None) -> None:
        if "message" in self._status:
            self._history.append(self._status["message"])
        self.state, self._status = state, {"state": state, "timestamp": moment(event.at)}
        if parts:
            self._status["message"] = self._message(f"{self.id}-{event.seq}", parts)
        self._told.append({"statusUpdate": {"taskId": self.id, "contextId": self.context, "status": self._status}})

    def _result(self, result: Json) -> None:
        artifact: Data = {"artifactId": "result", "name": "result", "parts": [part_of(result)]}
        self._artifacts = [artifact]
        about = {"taskId": self.id, "contextId": self.context}
        self._told.append({"artifactUpdate": {**about, "artifact": artifact, "append": False, "lastChunk": True}})

    def _asked(self) -> list[Data]:
        """What is open, for programs: what it is about, and what may be answered."""
        return [{"data": _as_data(asked), "mediaType": "application/json"} for asked in self.open.values()]

    def _message(self, name: str, parts: list[Data]) -> Data:
        return {
            "messageId": name,
            "role": "ROLE_AGENT",
            "taskId": self.id,
            "contextId": self.context,
            "parts": parts,
        }


_HEARING: Final[Mapping[str, Callable[[Story, Mapping[str, Any], Event], None]]] = {
    kinds.STARTED: Story.started,
    kinds.CLAIMED: Story.claimed,
    kinds.RETRIED: Story.retried,
    kinds.PARKED: Story.parked,
    kinds.COMPLETED: Story.completed,
    kinds.FAILED: Story.failed,
    kinds.CANCELLED: Story.cancelled,
    kinds.CALL_DECIDED: Story.call_decided,
    kinds.RESULT_PROPOSED: Story.proposed,
    kinds.APPROVAL_OPENED: Story.opened,
    kinds.APPROVAL_DECIDED: Story.ruled,
    kinds.APPROVAL_EXPIRED: Story.ruled,
    kinds.APPROVAL_WITHDRAWN: Story.ruled,
}


def task_of(line: Line) -> Data:
    """A task as a list shows it: without messages and artifacts."""
    status = {"state": state_of(line), "timestamp": moment(line.updated_at)}
    return {"id": line.id, "contextId": line.thread_id or line.id, "status": status}


def state_of(line: Line) -> str:
    """The state of a task by its execution's row."""
    match line.status:
        case "pending":
            return SUBMITTED if line.last_seq == 1 else WORKING
        case "failed":
            return REJECTED if line.status_reason == _DECLINED else FAILED
        case _:
            return {status: state for state, status in STATUSES.items() if state != REJECTED}[line.status]


def part_of(value: Json) -> Data:
    """A value as a part of a message: text, a file where it has a media type and an address or content, else data."""
    if isinstance(value, str):
        return {"text": value, "mediaType": "text/plain"}
    if isinstance(value, Mapping) and value.keys() <= _FILE_NAMES and len(value.keys() & {"url", "raw"}) == 1:
        told = {name: item for name, item in value.items() if item is not None}
        if "mediaType" in told and all(isinstance(item, str) for item in told.values()):
            return told
    return {"data": value, "mediaType": "application/json"}


def moment(at: datetime) -> str:
    """A time as ProtoJSON spells it."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _as_data(asked: Mapping[str, Any]) -> Data:
    kind: ApprovalKind = asked["kind"]
    return {
        "approval": asked["approval_id"],
        "kind": kind,
        "question": asked["question"],
        "reason": asked["reason"],
        "tool": asked.get("gen_ai.tool.name"),
        "arguments": asked["arguments"],
        "expires_at": asked["expires_at"],
        "answers": list(dict.fromkeys(choice.answer for choice in CHOICES[kind])),
    }
