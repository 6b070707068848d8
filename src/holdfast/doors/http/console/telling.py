"""Turns a journal's events, in order, into spans: what each event adds to the story."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, cast

from holdfast.doors.http.console.asked import gist_of
from holdfast.doors.http.console.span import Span
from holdfast.doors.screen import call_words, words
from holdfast.trail import events as kinds
from holdfast.types import Event, Json

Data = Mapping[str, Json]
_OF_THE_WHOLE: Final = frozenset({kinds.COMPLETED, kinds.FAILED, kinds.CANCELLED, kinds.RETRIED, kinds.STARTED})
_THEN: Final = {
    "again": "is asked again",
    "next": "the next model is asked",
    "compact": "is asked again with a shorter context",
    "park": "waits for the provider",
    "give_up": "no other model is left",
}


class Telling:
    """Turns events, in order, into spans.

    Args:
        takeovers: Claims by which an execution was taken over, with the worker that had it before.
    """

    def __init__(self, takeovers: Mapping[int, str]) -> None:
        self._takeovers = takeovers
        self.spans: list[Span] = []
        self._step: Span | None = None
        self._model: Span | None = None
        self._calls: dict[str, Span] = {}
        self._questions: dict[str, Span] = {}

    def pass_time(self, event: Event) -> None:
        """A step lasts as long as something happens in it."""
        if self._step is not None:
            self._step.ended_at = event.at

    def open(self, span: Span) -> Span:
        """Begin a span in the present step, where there is one."""
        span.step = self._step.step if self._step else 0
        self.spans.append(span)
        return span

    def note(self, event: Event, name: str, said: str = "", status: str = "") -> None:
        """A moment."""
        depth = 1 if event.kind not in _OF_THE_WHOLE else 0
        made = Span(
            seq=event.seq, kind="note", name=name, said=said, status=status, queued_at=event.at, ended_at=event.at,
            depth=depth if self._step else 0, events=[event],
        )  # fmt: skip
        self.open(made)

    # --- the model

    def request(self, event: Event) -> None:
        """A step begins, or is begun again."""
        number = _int(event.data.get("step"))
        if self._model is not None and self._model.ended_at is None:
            self._cut_off(event.at)
        if self._step is None or self._step.step != number or event.data.get("purpose") == "closing":
            self._close_step()
            name = "Closing summary" if event.data.get("purpose") == "closing" else f"Step {number}"
            self._step = Span(
                seq=event.seq, kind="step", name=name, status="running", step=number, queued_at=event.at,
                started_at=event.at, events=[event],
            )  # fmt: skip
            self.spans.append(self._step)
        self._model = self.open(
            Span(
                seq=event.seq,
                kind="model",
                name="model",
                status="running",
                queued_at=event.at,
                depth=1,
                started_at=event.at,
                events=[event],
                said="is asked",
            )
        )

    def _cut_off(self, at: datetime) -> None:
        """The worker stopped before the answer was durable: the call was made again."""
        if self._model is not None:
            self._model.status, self._model.ended_at = "cancelled", at
            self._model.said = "no answer was recorded: its worker stopped; asked again"

    def attempt(self, event: Event) -> None:
        """A rung did not answer."""
        data = event.data
        said = f"{data.get('failure')}: {words(data.get('error'))}"
        began = event.at - _ms(data)
        if self._model is not None:
            self._model.events.append(event)
            self._model.said = _THEN.get(str(data.get("then")), "")
            self._model.started_at = event.at
            if data.get("then") == "park":
                self._model.status, self._model.ended_at = "pending", event.at
        failed = Span(
            seq=event.seq, kind="attempt", name=str(data.get("gen_ai.request.model")), said=said, status="failed",
            queued_at=began, started_at=began, ended_at=event.at, depth=2, events=[event],
        )  # fmt: skip
        self.open(failed)

    def response(self, event: Event) -> None:
        """The model answered."""
        model = self._model_of(event)
        model.name = str(event.data.get("gen_ai.request.model") or event.data.get("gen_ai.response.model"))
        model.status, model.ended_at, model.said = "completed", event.at, _answer(event.data.get("response"))
        model.started_at = max(model.queued_at, event.at - _ms(event.data))

    def no_response(self, event: Event) -> None:
        """No rung answered."""
        model = self._model_of(event)
        model.status, model.ended_at = "failed", event.at
        model.said = f"{event.data.get('reason')}: {words(event.data.get('error'))}"

    def _model_of(self, event: Event) -> Span:
        if self._model is None:
            self._model = self.open(
                Span(seq=event.seq, kind="model", name="model", status="running", queued_at=event.at, depth=1)
            )
        self._model.events.append(event)
        return self._model

    # --- calls

    def decide(self, event: Event) -> None:
        """A call was asked for, and a gate said what becomes of it."""
        data, status = event.data, str(event.data.get("status"))
        name = str(data.get("gen_ai.tool.name"))
        span = self.open(
            Span(
                seq=event.seq,
                kind="call",
                name=name,
                status=status,
                queued_at=event.at,
                depth=1,
                events=[event],
                started_at=event.at if status == "running" else None,
                said=call_words("", data.get("arguments")),
            )
        )
        self._calls[str(data.get("call_id"))] = span

    def dispatch(self, event: Event) -> None:
        """A call begins after it was decided."""
        if span := self._call(event):
            span.status, span.started_at, span.ended_at = "running", event.at, None
            if event.data.get("arguments") is not None:
                span.said = call_words("", event.data.get("arguments"))

    def fall_back(self, event: Event) -> None:
        """Another tool serves it."""
        if span := self._call(event):
            span.name, span.status = f"{span.name} → {event.data.get('tool')}", str(event.data.get("status"))

    def end(self, event: Event) -> None:
        """What a call came to, for now or for good."""
        if span := self._call(event):
            span.status = str(event.data.get("status"))
            span.ended_at = None if span.status == "pending" else event.at
            if span.started_at is not None and event.data.get("latency_ms") is not None:
                span.started_at, span.ended_at = _ran(span, event)
            if error := event.data.get("error"):
                span.said = words(error)

    # --- steps of a workflow

    def begin_step(self, event: Event) -> None:
        """A step of a workflow begins, or is tried again."""
        data, waits = event.data, event.data.get("kind") == "approve"
        status = "awaiting_review" if waits else "running"
        if (known := self._calls.get(str(data.get("call_id")))) is not None:
            known.events.append(event)
            known.status, known.ended_at = status, None
            return
        self._calls[str(data.get("call_id"))] = self.open(
            Span(
                seq=event.seq,
                kind="call",
                name=str(data.get("name")),
                status=status,
                queued_at=event.at,
                depth=0,
                events=[event],
                started_at=event.at,
                said=words(data.get("agent") or data.get("signal")) or call_words("", data.get("arguments")),
            )
        )

    def end_step(self, event: Event) -> None:
        """What a step came to, for now or for good."""
        if span := self._call(event):
            status = str(event.data.get("status"))
            span.status = "failed" if event.data.get("check") else "pending" if status == "postponed" else status
            span.ended_at = None if status in {"postponed", "in_doubt"} else event.at
            if said := event.data.get("check") or event.data.get("error"):
                span.said = words(said)

    def _call(self, event: Event) -> Span | None:
        span = self._calls.get(str(event.data.get("call_id")))
        if span is None:
            self.note(event, event.kind, str(event.data.get("call_id")))
        else:
            span.events.append(event)
        return span

    # --- people

    def ask(self, event: Event) -> None:
        """A person is asked."""
        data = event.data
        span = self._calls.get(str(data.get("call_id")))
        if span is None:
            span = self.open(
                Span(
                    seq=event.seq,
                    kind="question",
                    name=words(data.get("question")),
                    said=words(data.get("reason")),
                    status="awaiting_review",
                    queued_at=event.at,
                    depth=1 if self._step else 0,
                )
            )
        span.status = "in_doubt" if data.get("kind") == "doubt" else "awaiting_review"
        span.waits.append((event.at, None))
        span.events.append(event)
        span.approvals.append(str(data.get("approval_id")))
        self._questions[str(data.get("approval_id"))] = span

    def settle(self, event: Event) -> None:
        """A question has its answer, or will not get one."""
        if span := self._question(event):
            span.waits = [(begun, until or event.at) for begun, until in span.waits]
            if span.kind == "question":
                span.ended_at = event.at
                span.status = str(event.data.get("status") or event.kind.removeprefix("approval."))
            elif span.status == "awaiting_review":
                span.status = "pending"

    def _question(self, event: Event) -> Span | None:
        span = self._questions.get(str(event.data.get("approval_id")))
        if span is None:
            self.note(event, event.kind.replace(".", " "), words(event.data.get("by") or ""))
        else:
            span.events.append(event)
        return span

    def remark(self, event: Event) -> None:
        """A vote, a reminder, an escalation."""
        self._question(event)

    # --- the end of things

    def finish(self) -> list[Span]:
        """The spans; steps that were overtaken by others are over."""
        if self._step is not None:
            self._step.status = self._status_of_step()
            if self._step.status in {"running", "awaiting_review", "in_doubt"}:
                self._step.ended_at = None
        return self.spans

    def over(self, event: Event) -> None:
        """The execution ended: its step with it."""
        self._close_step()
        status = event.kind.removeprefix("execution.")
        said = {kinds.COMPLETED: gist_of(event.data.get("result")), kinds.CANCELLED: f"by {event.data.get('by')}"}
        failed = f"{event.data.get('reason')}: {words(event.data.get('error'))}"
        if self._model is not None and self._model.ended_at is None:
            self._model.status, self._model.ended_at, self._model.said = "cancelled", event.at, "no answer was recorded"
        self.note(event, status.capitalize(), said.get(event.kind, failed), status)

    def claim(self, event: Event) -> None:
        """A worker took it."""
        worker = str(event.data.get("worker"))
        if before := self._takeovers.get(event.seq):
            self._begin_again(event.at)
            self.note(event, "Taken over", f"by {worker}: {before} stopped without parking it", "failed")
        else:
            self.note(event, "Claimed", f"by {worker}")

    def _begin_again(self, at: datetime) -> None:
        """What may be repeated begins anew; of the rest it is asked whether it happened."""
        if self._model is not None and self._model.ended_at is None:
            self._cut_off(at)
        for span in self._calls.values():
            if span.status == "running" and span.events[0].data.get("effect") != "irreversible":
                span.started_at = at

    def _close_step(self) -> None:
        if self._step is not None:
            self._step.status = self._status_of_step()
        self._step, self._calls = None, {}

    def _status_of_step(self) -> str:
        inside = [one for one in self.spans if self._step and one.step == self._step.step and one.depth]
        for status in ("in_doubt", "awaiting_review", "running"):
            if any(one.status == status for one in inside):
                return status
        last = next((one for one in reversed(inside) if one.kind == "model"), None)
        return "failed" if last is not None and last.status == "failed" else "completed"


def _ran(span: Span, event: Event) -> tuple[datetime, datetime | None]:
    """When a call ran: outcomes are written together, when all calls of a turn are done.

    Reads run side by side from the beginning; effects one after the other, so theirs is nearer the end.
    """
    begun, took = span.started_at or event.at, _ms(event.data)
    if span.ended_at is None:
        return begun, None
    if span.events and span.events[0].data.get("effect") == "read":
        return begun, min(begun + took, event.at)
    return max(begun, event.at - took), event.at


def _answer(response: Json) -> str:
    """What a model's message says or asks for, in a line."""
    parts = response.get("parts") if isinstance(response, Mapping) else None
    given = [cast("Data", one) for one in parts if isinstance(one, Mapping)] if isinstance(parts, Sequence) else []
    texts = [words(one.get("content")) for one in given if one.get("part_kind") == "text" and one.get("content")]
    calls = [str(one.get("tool_name")) for one in given if one.get("part_kind") == "tool-call"]
    return " ".join([*texts, *([f"asks for {', '.join(calls)}"] if calls else [])])


def _int(value: Json) -> int:
    return int(value) if isinstance(value, (int, float)) else 0


def _ms(data: Data) -> timedelta:
    value = data.get("latency_ms")
    return timedelta(milliseconds=float(value)) if isinstance(value, (int, float)) else timedelta()
