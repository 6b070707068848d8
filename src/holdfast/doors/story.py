"""Tells an execution's journal in lines a person can follow, event by event."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Final, cast

from rich.text import Text

from holdfast.doors import family, shortlist
from holdfast.doors.plans import PLAN_TELLERS
from holdfast.doors.screen import STYLES, Part, call_words, clean, line, shorten, words
from holdfast.doors.steps import STEP_TELLERS, Cut
from holdfast.trail import events as kinds
from holdfast.types import Event, Json

Data = Mapping[str, Json]
_BRIEF: Final = 160
"""Characters of a value in the brief telling; the whole telling cuts nothing."""


@dataclass(slots=True, kw_only=True)
class Story:
    """What has been told so far of one execution; feed it the events in order.

    Args:
        whole: Cut nothing and say when each thing happened, since the start. Default: one short line each.
    """

    whole: bool = False
    began: datetime | None = None
    tools: dict[str, str] = field(default_factory=dict[str, str])
    """Tool by call id, for the events that name only the call."""
    asked: dict[str, object] = field(default_factory=dict[str, object])
    """Arguments by call id, as the model gave them."""
    limits: Data = field(default_factory=dict[str, Json])
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)
    worker: str | None = None
    """Who holds it by what was told: set by a claim, empty once it is parked or ended."""

    def tell(self, event: Event) -> Iterator[Text]:
        """The lines for one event; none for what only the machine needs."""
        self.began = self.began or event.at
        teller = _TELLERS.get(event.kind)
        told = teller(self, event.data) if teller else [line(f"{event.kind} {words(event.data)}")]
        for text in told:
            yield self._dated(event.at, text)

    def _dated(self, at: datetime, text: Text) -> Text:
        if not self.whole:
            return text
        seconds = (at - (self.began or at)).total_seconds()
        return Text.assemble((f"{f'+{seconds:.3f}s':>10}  ", "dim"), text)

    def spent(self) -> str:
        """Tokens and money so far, against the budget."""
        tokens, cost = self.limits.get("tokens"), self.limits.get("cost_usd")
        of_tokens = f" of {tokens:,}" if isinstance(tokens, int) else ""
        of_cost = f" of ${cost}" if cost is not None else ""
        return f"{self.tokens:,}{of_tokens} tokens, ${self.cost_usd:.4f}{of_cost}"

    def cut(self, text: str) -> str:
        """Data for a line: shortened in the brief telling, whole otherwise."""
        return text if self.whole else shorten(text, _BRIEF)


# --- the execution --------------------------------------------------------------------------------------


def _started(story: Story, data: Data) -> Sequence[Text]:
    limits = data.get("limits")
    story.limits = cast("Data", limits) if isinstance(limits, Mapping) else {}
    user = f" for {data['user']}" if data.get("user") else ""
    return [
        line(("started ", "bold"), f"{data.get('agent')} v{data.get('agent_version')}{user}"),
        line(("input: ", "dim"), story.cut(words(data.get("input"))), indent=2),
        *family.taken_over(data),
    ]


def _claimed(story: Story, data: Data) -> Sequence[Text]:
    before, story.worker = story.worker, str(data.get("worker"))
    fence = f"(fence {data.get('fence')})"
    if before is not None:
        return [
            line(("taken over ", "bold magenta"), f"by {story.worker} {fence}: {before} stopped without parking it")
        ]
    return [line(f"claimed by {story.worker} {fence}", indent=0)] if story.whole else []


def _parked(story: Story, data: Data) -> Sequence[Text]:
    story.worker = None
    until = f" until {data['wake_at']}" if data.get("wake_at") else ""
    return [line(("parked: ", "yellow"), f"{data.get('reason')}{until}")]


def _completed(story: Story, data: Data) -> Sequence[Text]:
    story.worker = None
    lines = [line(("completed: ", "bold green"), words(data.get("result")))]
    if rung := _number(data, "rung"):
        named = data.get("model") or "another model"
        lines.append(line(("degraded: ", "yellow"), f"answered by {named}, rung {rung + 1} of the chain", indent=2))
    return lines


def _failed(story: Story, data: Data) -> Sequence[Text]:
    story.worker = None
    lines = [line(("failed: ", "bold red"), f"{data.get('reason')}: {words(data.get('error'))}")]
    if data.get("result") is not None:
        lines.append(line(("partial result: ", "dim"), words(data["result"]), indent=2))
    return lines


def _cancelled(story: Story, data: Data) -> Sequence[Text]:
    story.worker = None
    return [line(("cancelled", "bold magenta"), f" by {data.get('by')}")]


def _retried(story: Story, data: Data) -> Sequence[Text]:
    story.worker = None
    step = f" from step {data['from_step']}; what was said since is set aside" if data.get("from_step") else ""
    return [line(("retried", "bold"), f" by {data.get('by')}{step}")]


# --- the model ------------------------------------------------------------------------------------------


def _requested(story: Story, data: Data) -> Sequence[Text]:
    if not story.whole:
        return []
    held = f"holds {data.get('reserved_tokens')} tokens, ${data.get('reserved_usd')}"
    return [line((f"step {data.get('step')} asks the model ({data.get('purpose')}); {held}", "dim"))]


def _responded(story: Story, data: Data) -> Sequence[Text]:
    story.tokens += _number(data, "gen_ai.usage.input_tokens") + _number(data, "gen_ai.usage.output_tokens")
    story.cost_usd += Decimal(str(data.get("cost_usd") or 0))
    provider, model = str(data.get("gen_ai.provider.name") or ""), str(data.get("gen_ai.response.model") or "")
    named = model if model.startswith(f"{provider}:") else f"{provider}:{model}"
    closing = " (closing summary)" if data.get("purpose") == "closing" else ""
    head = line((f"step {data.get('step')}", "bold"), f"  {named}{closing}  ", (story.spent(), "dim"))
    return [head, *_attempts(story, data), *_texts(story, data.get("response"))]


def _attempts(story: Story, data: Data) -> Iterator[Text]:
    """Rungs of the chain that failed before one answered."""
    attempts = data.get("attempts")
    for attempt in attempts if isinstance(attempts, Sequence) and not isinstance(attempts, str) else ():
        if isinstance(attempt, Mapping) and attempt.get("error"):
            said = f"{attempt.get('model')}: {attempt.get('failure')}: {attempt['error']}"
            yield line(("not answered ", "red"), story.cut(said), indent=2)


def _texts(story: Story, response: Json) -> Iterator[Text]:
    """What the model said in words; its calls are told when they are decided."""
    parts = response.get("parts") if isinstance(response, Mapping) else None
    for part in parts if isinstance(parts, Sequence) and not isinstance(parts, str) else ():
        if isinstance(part, Mapping) and part.get("part_kind") == "text" and part.get("content"):
            yield line(("says: ", "dim"), story.cut(str(part["content"])), indent=2)


def _attempt_failed(story: Story, data: Data) -> Sequence[Text]:
    """A rung that did not answer, and what follows."""
    story.tokens += _number(data, "gen_ai.usage.input_tokens") + _number(data, "gen_ai.usage.output_tokens")
    story.cost_usd += Decimal(str(data.get("cost_usd") or 0))
    asked, failure, then = data.get("gen_ai.request.model"), data.get("failure"), str(data.get("then"))
    waits = f", asks to wait {data['retry_after_s']} s" if data.get("retry_after_s") else ""
    said = story.cut(f"{asked}: {failure}{waits}: {data.get('error')}")
    head = line((f"step {data.get('step')}", "bold"), ("  not answered ", "red"), said)
    return [head, line((f"after {_number(data, 'latency_ms')} ms: {_THEN.get(then, then)}", "dim"), indent=2)]


_THEN: Final = {
    "again": "asked again",
    "next": "the next model is asked",
    "compact": "the context is shortened",
    "park": "waits for the provider",
    "give_up": "no other model is left",
}


def _model_failed(story: Story, data: Data) -> Sequence[Text]:
    said = f"{data.get('reason')}: {story.cut(words(data.get('error')))}"
    return [line((f"step {data.get('step')}", "bold"), ("  no model answered ", "red"), said), *_attempts(story, data)]


def _corrected(story: Story, data: Data) -> Sequence[Text]:
    return [line((f"{data.get('problem')}: ", "yellow"), story.cut(words(data.get("message"))), indent=2)]


def _number(data: Data, key: str) -> int:
    value = data.get(key)
    return int(value) if isinstance(value, (int, float)) else 0


# --- calls ----------------------------------------------------------------------------------------------


def _decided(story: Story, data: Data) -> Sequence[Text]:
    tool = str(data.get("gen_ai.tool.name"))
    story.tools[str(data.get("call_id"))] = tool
    story.asked[str(data.get("call_id"))] = data.get("arguments")
    call = story.cut(call_words(tool, data.get("arguments")))
    return [line((call, "bold"), (f"  {data.get('effect')}", "dim"), *_decision(story, data), indent=2)]


def _decision(story: Story, data: Data) -> list[Part]:
    decision = data.get("decision")
    if not isinstance(decision, Mapping):
        return []
    verdict = str(decision.get("verdict"))
    if verdict == "allow" and not story.whole:
        return []
    style = {"allow": "green", "review": "yellow", "deny": "red"}.get(verdict, "yellow")
    reason = f": {decision['reason']}" if decision.get("reason") else ""
    risk = f" (risk {decision['risk']})" if decision.get("risk") else ""
    return [(f"  {verdict} ", style), story.cut(f"by {decision.get('gate')}{reason}{risk}")]


def _dispatched(story: Story, data: Data) -> Sequence[Text]:
    tool = _tool(story, data)
    why = "as approved" if data.get("approval_id") else f"attempt {data.get('attempt')}"
    edited = data.get("arguments") not in (None, story.asked.get(str(data.get("call_id"))))
    call = story.cut(call_words(tool, data["arguments"])) if edited else tool
    return [line((call, "bold"), f"  runs, {'edited, ' if edited else ''}{why}", indent=2)]


def _fell_back(story: Story, data: Data) -> Sequence[Text]:
    failed, tool = story.cut(words(data.get("error"))), str(data.get("tool"))
    story.tools[str(data.get("call_id"))] = tool
    said = [(failed, "red"), "; its fallback ", (tool, "bold"), " serves the call", *_decision(story, data)]
    return [line(*said, indent=2)]


def _ended(story: Story, data: Data) -> Sequence[Text]:
    status = str(data.get("status"))
    attempt = f", attempt {data['attempt']}" if _number(data, "attempt") > 1 else ""
    latency = f", {_number(data, 'latency_ms')} ms" if data.get("latency_ms") is not None else ""
    said = story.cut(words(data.get("error") or data.get("content") or ""))
    head = f"{_tool(story, data)} {status}{attempt}{latency}: "
    return [line("→ ", (head, STYLES.get(status, "")), said, indent=4)]


def _tool(story: Story, data: Data) -> str:
    call = str(data.get("call_id"))
    return story.tools.get(call, call)


# --- people ---------------------------------------------------------------------------------------------


def _opened(story: Story, data: Data) -> Sequence[Text]:
    why = f" ({data['reason']})" if data.get("reason") else ""
    asks = line(("asks: ", "bold yellow"), story.cut(f"{data.get('question')}{why}"), indent=2)
    return [
        asks,
        line((f"approval {data.get('approval_id')}, until {_minute(data.get('expires_at'))}", "dim"), indent=4),
    ]


def _minute(at: Json) -> str:
    """A time of the journal, as exact as a person needs it."""
    return str(at)[:16].replace("T", " ") + " UTC"


def _answered(story: Story, data: Data) -> Sequence[Text]:
    answer, by = str(data.get("answer")), data.get("by")
    style = "red" if answer in {"reject", "skip"} else "green"
    edit = f", changed to {words(data['edit'])}" if data.get("edit") is not None else ""
    remark = f": {data['note']}" if data.get("note") else ""
    return [line((f"{answer} ", style), story.cut(f"by {by}{edit}{remark}"), indent=2)]


def _guided(story: Story, data: Data) -> Sequence[Text]:
    return [line(("goes on ", "bold"), story.cut(f"with words of {data.get('by')}: {data.get('note')}"))]


def _expired(_: Story, data: Data) -> Sequence[Text]:
    asked = f" ({_names(data.get('groups'))} were asked)" if data.get("groups") else ""
    said = f"approval {data.get('approval_id')}{asked}: that counts as no"
    return [line(("nobody answered ", "red"), said, indent=2)]


def _voted(story: Story, data: Data) -> Sequence[Text]:
    return [*_answered(story, data), line(f"{data.get('yes')} of {data.get('quorum')} needed people agreed", indent=4)]


def _reminded(_: Story, data: Data) -> Sequence[Text]:
    return [line(("reminded ", "yellow"), _names(data.get("groups")) or "everybody who may answer", indent=2)]


def _escalated(_: Story, data: Data) -> Sequence[Text]:
    return [line(("nobody answered yet: ", "yellow"), f"{data.get('to')} is asked too", indent=2)]


def _names(groups: Json) -> str:
    given = groups if isinstance(groups, Sequence) and not isinstance(groups, str) else ()
    return " and ".join(str(group) for group in given)


def _proposed(story: Story, data: Data) -> Sequence[Text]:
    result = story.cut(words(data.get("result")))
    return [line(("proposes ", "bold"), result, *_decision(story, data), indent=2)]


def _result_refused(story: Story, data: Data) -> Sequence[Text]:
    return [line(("told ", "yellow"), story.cut(words(data.get("message"))), indent=2)]


def _taught(story: Story, data: Data) -> Sequence[Text]:
    notes = data.get("notes")
    given = notes if isinstance(notes, Sequence) and not isinstance(notes, str) else ()
    return [line(("guided ", "bold"), story.cut(words(note))) for note in given]


def _withdrawn(_: Story, data: Data) -> Sequence[Text]:
    return [line(f"approval {data.get('approval_id')} withdrawn: {data.get('reason')}", indent=2)]


# --- the context ----------------------------------------------------------------------------------------


def _recalled(_: Story, data: Data) -> Sequence[Text]:
    executions = data.get("executions")
    count = len(executions) if isinstance(executions, Sequence) else 0
    return [line(f"continues a thread: {count} earlier execution{'' if count == 1 else 's'}")]


def _pruned(_: Story, data: Data) -> Sequence[Text]:
    return [line((f"[{data.get('events')} events were pruned]", "dim"))]


def _compacted(story: Story, data: Data) -> Sequence[Text]:
    saved = f"{data.get('bytes_before')} to {data.get('bytes_after')} bytes"
    lines = [line(("context compacted ", "bold"), f"up to step {data.get('keep_from')}: {saved}")]
    return [*lines, line(story.cut(words(data.get("digest"))), indent=2)] if story.whole else lines


def _tools_changed(story: Story, data: Data) -> Sequence[Text]:
    changes = data.get("changes")
    names = [
        str(change.get("tool"))
        for change in (changes if isinstance(changes, Sequence) and not isinstance(changes, str) else ())
        if isinstance(change, Mapping)
    ]
    return [line(("tools changed since it started: ", "yellow"), ", ".join(names), *_decision(story, data))]


def _of_others(tell: Callable[[Data, Cut], Sequence[Text]], story: Story, data: Data) -> Sequence[Text]:
    return tell(data, story.cut)


_OTHERS: Final = {**STEP_TELLERS, **PLAN_TELLERS, **family.FAMILY_TELLERS}
_TELLERS: Final[Mapping[str, Callable[[Story, Data], Sequence[Text]]]] = {
    kinds.STARTED: _started,
    kinds.CLAIMED: _claimed,
    kinds.PARKED: _parked,
    kinds.COMPLETED: _completed,
    kinds.FAILED: _failed,
    kinds.CANCELLED: _cancelled,
    kinds.CANCEL_REQUESTED: lambda _, data: [line(f"cancel requested by {data.get('by')}: no new call starts")],
    kinds.RETRIED: _retried,
    kinds.GUIDED: _guided,
    kinds.MODEL_REQUESTED: _requested,
    kinds.MODEL_RESPONDED: _responded,
    kinds.MODEL_ATTEMPT_FAILED: _attempt_failed,
    kinds.MODEL_FAILED: _model_failed,
    kinds.CORRECTED: _corrected,
    kinds.CALL_DECIDED: _decided,
    kinds.CALL_DISPATCHED: _dispatched,
    kinds.CALL_FELL_BACK: _fell_back,
    kinds.CALL_ENDED: _ended,
    kinds.APPROVAL_OPENED: _opened,
    kinds.APPROVAL_VOTED: _voted,
    kinds.APPROVAL_DECIDED: _answered,
    kinds.APPROVAL_REMINDED: _reminded,
    kinds.APPROVAL_ESCALATED: _escalated,
    kinds.RESULT_PROPOSED: _proposed,
    kinds.RESULT_REFUSED: _result_refused,
    kinds.FEEDBACK_RECALLED: _taught,
    kinds.APPROVAL_EXPIRED: _expired,
    kinds.APPROVAL_WITHDRAWN: _withdrawn,
    kinds.THREAD_RECALLED: _recalled,
    kinds.CONTEXT_COMPACTED: _compacted,
    kinds.TOOLS_CHANGED: _tools_changed,
    kinds.TOOLS_SHORTLISTED: shortlist.told,
    kinds.JOURNAL_PRUNED: _pruned,
    **{kind: partial(_of_others, tell) for kind, tell in _OTHERS.items()},
}


def raw(event: Event) -> Text:
    """One row of the journal on one line, whole."""
    at = event.at.isoformat(timespec="milliseconds")
    return line((f"{event.seq:>5} {at} ", "dim"), (f"{event.kind} ", "bold"), clean(words(event.data)))
