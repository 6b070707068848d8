"""Weaves one execution's events into spans: what is under way, and what ended and was not taken yet."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from holdfast.trail import events as kinds
from holdfast.trail.traces import attributes as say
from holdfast.trail.traces.attributes import Data, Given
from holdfast.trail.traces.ids import ROOT, span_id_of, trace_id_of
from holdfast.trail.traces.span import Attributes, Link, Moment, Span
from holdfast.types import Execution

INTERRUPTED: Final = "worker_lost"
"""The error of a span whose worker died, or gave its executions back, before the end of it was durable."""
NOT_BY_A_WORKER: Final = frozenset(
    {
        kinds.CANCEL_REQUESTED,
        kinds.APPROVAL_VOTED,
        kinds.APPROVAL_DECIDED,
        kinds.APPROVAL_REMINDED,
        kinds.APPROVAL_ESCALATED,
        kinds.APPROVAL_EXPIRED,
        kinds.APPROVAL_WITHDRAWN,
    }
)


@dataclass(slots=True)
class Open:
    """Something under way."""

    span_id: int
    start_ns: int
    said: Given = field(default_factory=dict[str, say.Attribute])
    moments: list[Moment] = field(default_factory=list[Moment])
    links: list[Link] = field(default_factory=list[Link])
    end_ns: int | None = None
    """When the work ended, where that was seen before the commit that says so."""
    measured: bool = False
    """Whether the times are those of the work itself, seen in this process."""


@dataclass(slots=True)
class Totals:
    """What an execution has used."""

    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0


class Weaver:
    """One execution as its trace sees it. Fed by `chapters.feed`.

    Args:
        execution: Whose.
        content: Whether spans carry what was said, out of the journal. Default: they do not.
    """

    def __init__(self, execution: Execution, *, content: bool = False) -> None:
        self.execution, self.content = execution, content
        self.id, self.trace_id = execution.id, trace_id_of(execution.id)
        self.muted = False
        """True while events pass by whose spans were told already."""
        self.common: Given = {
            "gen_ai.agent.name": execution.agent_type,
            "gen_ai.conversation.id": execution.thread_id or execution.id,
        }
        self.root = Open(span_id_of(execution.id, ROOT), _ns(execution.created_at))
        self.again: Open | None = None
        """The latest retry."""
        self.activation: Open | None = None
        self.step: Open | None = None
        self.step_number = 0
        self.model: Open | None = None
        self.running: dict[str, Open] = {}
        """Calls under way, by id."""
        self.calls: dict[str, Data] = {}
        """What was decided of calls that are not over."""
        self.asked: dict[str, tuple[Open, Data]] = {}
        """Open questions to people, by id of the approval."""
        self.answered: list[Link] = []
        """Approval waits that ended since the last activation."""
        self.totals = Totals()
        self.last_ns = self.root.start_ns
        """When a worker last wrote something."""
        self._spans: list[Span] = []

    @property
    def top(self) -> int:
        """The span in which activations and waits are: the root, or the retry that is under way."""
        return (self.again or self.root).span_id

    @property
    def inner(self) -> int:
        """The span in which calls are."""
        within = self.step or self.activation
        return within.span_id if within else self.top

    def take(self) -> Sequence[Span]:
        """The spans that ended since the last time."""
        taken, self._spans = self._spans, []
        return taken

    def note(self, name: str, at_ns: int, attributes: Attributes) -> None:
        """Something that took no time."""
        within = self.step or self.activation
        if within and not self.muted:
            within.moments.append(Moment(name, at_ns, attributes))

    def tell(  # noqa: PLR0913 - what a span is made of
        self,
        name: str,
        ended: Open,
        at_ns: int,
        *,
        parent: int | None,
        said: Given,
        error: str | None = None,
        detail: object = None,
        client: bool = False,
    ) -> None:
        """Something came to its end."""
        if self.muted:
            return
        if error:
            said = {**said, "error.type": error}
        self._spans.append(
            Span(
                name=name,
                span_id=ended.span_id,
                parent_id=parent,
                start_ns=ended.start_ns,
                end_ns=max(ended.end_ns or at_ns, ended.start_ns),
                attributes={**ended.said, **said},
                client=client,
                moments=ended.moments,
                links=ended.links,
                error=error,
                detail=str(detail) if detail and self.content else None,
            )
        )

    # --- what is within what

    def enter_step(self, number: int, at_ns: int) -> None:
        """Be in that step; the one before it ends."""
        if self.step and self.step_number == number:
            return
        self.close_step(at_ns)
        within = self.activation.span_id if self.activation else 0
        self.step, self.step_number = Open(span_id_of(self.id, "step", within, number), at_ns), number

    def close_step(self, at_ns: int) -> None:
        """End the step. What is under way in it was broken off."""
        if self.model:
            said: Given = {"gen_ai.operation.name": "chat", **self.common}
            self.tell("chat", self.model, at_ns, parent=self.inner, said=said, error=INTERRUPTED, client=True)
            self.model = None
        for call_id in list(self.running):
            self.close_call(call_id, at_ns, {"holdfast.tool.status": "interrupted"}, error=INTERRUPTED)
        if self.step:
            step, self.step = self.step, None
            self.tell(
                f"step {self.step_number}", step, at_ns, parent=self.inner, said={"holdfast.step": self.step_number}
            )

    def close_activation(
        self,
        outcome: str,
        at_ns: int,
        *,
        reason: str | None = None,
        error: str | None = None,
        detail: object = None,
    ) -> None:
        """End the activation, if there is one."""
        self.close_step(at_ns)
        if self.activation:
            said = say.known({"holdfast.outcome": outcome, "holdfast.reason": reason})
            ended, self.activation = self.activation, None
            self.tell("activation", ended, at_ns, parent=self.top, said=said, error=error, detail=detail)

    def close_call(  # noqa: PLR0913 - what a call can come to
        self,
        call_id: str,
        at_ns: int,
        said: Given,
        *,
        error: str | None = None,
        detail: object = None,
        latency_ns: int = 0,
    ) -> None:
        """End a call, if it was under way."""
        begun = self.running.pop(call_id, None)
        if begun is None or self.muted:
            return  # one that never ran is told where somebody said no to it
        if latency_ns and not begun.measured:
            begun.end_ns = min(at_ns, begun.start_ns + latency_ns)
        call = self.calls.get(call_id, {})
        said = {**say.called(call_id, call, content=self.content), **said}
        name = f"execute_tool {said['gen_ai.tool.name']}"
        self.tell(name, begun, at_ns, parent=self.inner, said=said, error=error, detail=detail)

    def close_question(self, approval_id: str, answer: str, at_ns: int, said: Given | None = None) -> None:
        """End the wait for people, unless it ended before: somebody may take a yes back."""
        found = self.asked.pop(approval_id, None)
        if found is None:
            return
        waited, data = found
        about = say.asked(data, content=self.content)
        name = f"approval {about.get('gen_ai.tool.name') or about['holdfast.approval.kind']}"
        said = {**about, "holdfast.approval.answer": answer, **(said or {})}
        self.tell(name, waited, at_ns, parent=self.top, said=said)
        self.answered.append(Link(self.trace_id, waited.span_id, "approval"))

    def finish(self, status: str, at_ns: int, said: Given, *, error: str | None = None, detail: object = None) -> None:
        """End the execution, or its retry."""
        for approval_id in list(self.asked):
            self.close_question(approval_id, "withdrawn", at_ns)
        said = {**self.named(), **self._used(), "holdfast.status": status, **said}
        if self.again:
            self.tell("retry", self.again, at_ns, parent=self.root.span_id, said=said, error=error, detail=detail)
            return
        if parent := self.execution.parent_id:
            self.root.links = [Link(trace_id_of(parent), span_id_of(parent, ROOT), "parent")]
        name = f"invoke_agent {self.execution.agent_type}"
        self.tell(name, self.root, at_ns, parent=None, said=said, error=error, detail=detail)

    def named(self) -> Given:
        """What is known of an execution from its beginning."""
        return {
            "gen_ai.operation.name": "invoke_agent",
            **self.common,
            "gen_ai.agent.version": self.execution.agent_version,
            "holdfast.execution.id": self.id,
        }

    def _used(self) -> Mapping[str, say.Attribute]:
        return {
            "gen_ai.usage.input_tokens": self.totals.input_tokens,
            "gen_ai.usage.output_tokens": self.totals.output_tokens,
            "holdfast.cost_usd": round(self.totals.usd, 9),
            "holdfast.steps": self.step_number,
        }


def _ns(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000) * 1_000


def ns_of(at: datetime | str) -> int:
    """Nanoseconds since 1970 of a time, also as the journal spells it."""
    return _ns(datetime.fromisoformat(at) if isinstance(at, str) else at)
