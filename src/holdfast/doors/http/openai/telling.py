"""What responses are told of an execution: a fold over its journal. Pure.

    asked ----> [response 1: calls, then a question to people] --answered--> [response 2: calls, the answer]

A response is one leg of an execution: from the request, or people's answers, to the next question or the end.
The same events give the same words with the same numbers, in every process and at every time, so a stream that was
cut is resumed by number anywhere.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.doors.http.openai import items
from holdfast.doors.http.openai.items import Data
from holdfast.trail import events as kinds
from holdfast.types import Event, Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """One event of a response's stream."""

    leg: int
    """Of which response, from 1."""
    number: int
    """Its sequence number in there, from 0."""
    data: Data


@dataclass(slots=True, kw_only=True)
class Leg:
    """One response, as far as it is told."""

    number: int
    created_at: float
    given: list[Data]
    """The items of its input."""
    status: str = "queued"
    items: list[Data] = field(default_factory=list[Data])
    places: dict[str, int] = field(default_factory=dict[str, int])
    """Where the items of calls are, by call."""
    said: int = 0
    over: bool = False
    """Whether its stream has ended."""
    completed_at: float | None = None
    error: Data | None = None
    usage: dict[str, int] = field(default_factory=dict[str, int])


class Telling:
    """All responses of one execution. Changes only through `hear`.

    Args:
        execution_id: Whose journal it hears.
    """

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        self.legs: list[Leg] = []
        self.started: Mapping[str, Any] = {}
        """The data of the execution's first event."""
        self._calls: dict[str, tuple[str, Json]] = {}
        """Tool and arguments by call."""
        self._proposed: Json = None
        self._open: set[str] = set()
        """Questions to people."""
        self._answers: list[Data] = []
        """What people said since the newest response ended."""
        self._said: list[Told] = []

    @property
    def agent(self) -> str:
        """Who is asked."""
        return str(self.started.get("agent", ""))

    @property
    def now(self) -> Leg:
        """The newest response."""
        return self.legs[-1]

    @property
    def waits_for(self) -> frozenset[str]:
        """Open questions, by id."""
        return frozenset(self._open)

    def over(self, number: int) -> bool:
        """Whether the stream of a response has ended."""
        return len(self.legs) >= number and self.legs[number - 1].over

    def hear(self, event: Event) -> Sequence[Told]:
        """Take in the next event; what streams say of it."""
        self._said = []
        if event.kind == kinds.STARTED:
            self.started = event.data
            self._begin(event, [items.user_message(self.execution_id, items.as_words(event.data["input"]))])
        elif self.now.over and event.kind in {kinds.CLAIMED, kinds.RETRIED}:
            self._begin(event, self._answers)
        if hearing := _HEARING.get(event.kind):
            hearing(self, event.data, event)
        return self._said

    # --- beginning and ending

    def _begin(self, event: Event, given: list[Data]) -> None:
        self._answers = []
        at = event.at.timestamp()
        self.legs.append(Leg(number=len(self.legs) + 1, created_at=at, given=given))
        self._say("response.created", response=self.response(self.now))
        self._say("response.queued", response=self.response(self.now))

    def _end(self, event: Event, status: str) -> None:
        """The end, said once: an execution that is cancelled while it waits changes what is read, not what was said."""
        self.now.status, self.now.completed_at = status, event.at.timestamp()
        kind = status if status in {"completed", "failed"} else "incomplete"
        self._say(f"response.{kind}", response=self.response(self.now))
        self.now.over = True

    def claimed(self, _: Mapping[str, Any], __: Event) -> None:
        if self.now.status == "queued":
            self.now.status = "in_progress"
            self._say("response.in_progress", response=self.response(self.now))

    def parked(self, data: Mapping[str, Any], event: Event) -> None:
        if self._open and data["wake_at"] is None:
            self._end(event, "completed")

    def completed(self, data: Mapping[str, Any], event: Event) -> None:
        self._answer(data["result"])
        self._end(event, "completed")

    def failed(self, data: Mapping[str, Any], event: Event) -> None:
        if data["result"] is not None:
            self._answer(data["result"])
        self.now.error = {"code": "server_error", "message": f"{data['reason']}: {data['error']}"}
        self._end(event, "failed")

    def cancelled(self, _: Mapping[str, Any], event: Event) -> None:
        self._end(event, "cancelled")

    # --- calls

    def decided(self, data: Mapping[str, Any], _: Event) -> None:
        self._calls[data["call_id"]] = (data["gen_ai.tool.name"], data["arguments"])
        if data["status"] == "running":
            self._show(data["call_id"], approval_id=None)

    def fell_back(self, data: Mapping[str, Any], _: Event) -> None:
        self._calls[data["call_id"]] = (data["tool"], data["arguments"])

    def dispatched(self, data: Mapping[str, Any], _: Event) -> None:
        tool, arguments = self._calls[data["call_id"]]
        self._calls[data["call_id"]] = (tool, data.get("arguments") or arguments)
        self._show(data["call_id"], approval_id=data["approval_id"])

    def call_ended(self, data: Mapping[str, Any], _: Event) -> None:
        if data["status"] == "pending":
            return  # it asked to be tried later
        place = self._show(data["call_id"], approval_id=None)
        item = self.now.items[place] = items.ended(self.now.items[place], data)
        word = "completed" if item["status"] == "completed" else "failed"
        self._say(f"response.mcp_call.{word}", item_id=item["id"], output_index=place)
        self._say("response.output_item.done", item=item, output_index=place)

    def _show(self, call_id: str, *, approval_id: str | None) -> int:
        """The place of a call's item, which is new when it runs for the first time in this response."""
        if call_id in self.now.places:
            return self.now.places[call_id]
        tool, arguments = self._calls[call_id]
        spelled = items.as_words(arguments) or "{}"
        item = items.call(call_id, agent=self.agent, tool=tool, arguments=spelled, approval_id=approval_id)
        place = self.now.places[call_id] = self._add(item, begins={**item, "arguments": ""})
        about: Data = {"item_id": item["id"], "output_index": place}
        self._say("response.mcp_call.in_progress", **about)
        self._say("response.mcp_call_arguments.delta", delta=spelled, **about)
        self._say("response.mcp_call_arguments.done", arguments=spelled, **about)
        return place

    # --- people

    def proposed(self, data: Mapping[str, Any], _: Event) -> None:
        self._proposed = data["result"]

    def opened(self, data: Mapping[str, Any], _: Event) -> None:
        self._open.add(data["approval_id"])
        known = self._proposed if data["kind"] == "result" else self._calls.get(data["call_id"], ("", None))[1]
        item = items.approval_request(data, agent=self.agent, arguments=data.get("arguments", known))
        self._say("response.output_item.done", item=item, output_index=self._add(item))

    def ruled(self, data: Mapping[str, Any], event: Event) -> None:
        self._open.discard(data["approval_id"])
        if event.kind == kinds.APPROVAL_DECIDED:
            self._answers.append(items.approval_response(data, seq=event.seq))
        waited = self.now.over and self.now.status == "completed" and event.kind != kinds.APPROVAL_WITHDRAWN
        if waited and not self._open:
            self._begin(event, self._answers)

    # --- what is said

    def responded(self, data: Mapping[str, Any], _: Event) -> None:
        used = self.now.usage
        for name in (
            "gen_ai.usage.input_tokens",
            "gen_ai.usage.output_tokens",
            "cache_read_tokens",
            "cache_write_tokens",
        ):
            used[name] = used.get(name, 0) + int(data.get(name) or 0)

    def _answer(self, result: Json) -> None:
        text, name = items.as_words(result), f"{self.execution_id}_{self.now.number}"
        place = self._add(items.message(name, text), begins=items.message(name, None))
        item = self.now.items[place]
        about: Data = {"item_id": item["id"], "output_index": place, "content_index": 0}
        self._say("response.content_part.added", part=items.text_part(""), **about)
        self._say("response.output_text.delta", delta=text, logprobs=[], **about)
        self._say("response.output_text.done", text=text, logprobs=[], **about)
        self._say("response.content_part.done", part=items.text_part(text), **about)
        self._say("response.output_item.done", item=item, output_index=place)

    def _add(self, item: Data, *, begins: Data | None = None) -> int:
        self.now.items.append(item)
        place = len(self.now.items) - 1
        self._say("response.output_item.added", item=begins or item, output_index=place)
        return place

    def _say(self, kind: str, **more: object) -> None:
        leg = self.now
        if leg.over:
            return
        data = {"type": kind, "sequence_number": leg.said, **more}
        self._said.append(Told(leg=leg.number, number=leg.said, data=data))
        leg.said += 1

    # --- what is read

    def name(self, number: int) -> str:
        """The id of a response."""
        return f"resp_{self.execution_id}" + (f".{number}" if number > 1 else "")

    def response(self, leg: Leg) -> Data:
        """A response as it stands."""
        origin: Mapping[str, Any] = self.started.get("origin", {}).get("openai", {})
        first = leg.number == 1
        return {
            "id": self.name(leg.number),
            "object": "response",
            "created_at": int(leg.created_at),
            "completed_at": None if leg.completed_at is None else int(leg.completed_at),
            "status": leg.status,
            "background": bool(origin.get("background")),
            "error": leg.error,
            "incomplete_details": None,
            "instructions": origin.get("instructions"),
            "max_output_tokens": None,
            "metadata": origin.get("metadata") or {},
            "model": self.agent,
            "output": list(leg.items),
            "parallel_tool_calls": True,
            "previous_response_id": origin.get("previous") if first else self.name(leg.number - 1),
            "reasoning": {"effort": None, "summary": None},
            "store": True,
            "temperature": None,
            "text": {"format": {"type": "text"}},
            "tool_choice": "auto",
            "tools": [],
            "top_p": None,
            "truncation": "disabled",
            "usage": _usage(leg),
            "user": self.started.get("user"),
            "holdfast": {"execution_id": self.execution_id, "next_response_id": self._next(leg)},
        }

    def _next(self, leg: Leg) -> str | None:
        return self.name(leg.number + 1) if leg.number < len(self.legs) else None


def _usage(leg: Leg) -> Data | None:
    """What models were paid for; none before the end, as clients expect it."""
    if leg.completed_at is None:
        return None
    used = leg.usage
    asked, said = used.get("gen_ai.usage.input_tokens", 0), used.get("gen_ai.usage.output_tokens", 0)
    return {
        "input_tokens": asked,
        "input_tokens_details": {
            "cached_tokens": used.get("cache_read_tokens", 0),
            "cache_write_tokens": used.get("cache_write_tokens", 0),
        },
        "output_tokens": said,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": asked + said,
    }


_HEARING: Final[Mapping[str, Callable[[Telling, Mapping[str, Any], Event], None]]] = {
    kinds.CLAIMED: Telling.claimed,
    kinds.PARKED: Telling.parked,
    kinds.COMPLETED: Telling.completed,
    kinds.FAILED: Telling.failed,
    kinds.CANCELLED: Telling.cancelled,
    kinds.CALL_DECIDED: Telling.decided,
    kinds.CALL_FELL_BACK: Telling.fell_back,
    kinds.CALL_DISPATCHED: Telling.dispatched,
    kinds.CALL_ENDED: Telling.call_ended,
    kinds.RESULT_PROPOSED: Telling.proposed,
    kinds.APPROVAL_OPENED: Telling.opened,
    kinds.APPROVAL_DECIDED: Telling.ruled,
    kinds.APPROVAL_EXPIRED: Telling.ruled,
    kinds.APPROVAL_WITHDRAWN: Telling.ruled,
    kinds.MODEL_RESPONDED: Telling.responded,
    kinds.MODEL_ATTEMPT_FAILED: Telling.responded,
}
