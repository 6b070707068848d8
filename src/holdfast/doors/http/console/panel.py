"""What the right panel says about a part of the story, by tab: each event adds what it knows."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Literal, TypeAlias, cast

from holdfast.doors.family import vote_words
from holdfast.doors.http.console.blocks import Blob, Block, Entry, Facts, Value, facts, loaded, message, value
from holdfast.doors.http.console.figures import money
from holdfast.doors.screen import call_words, words
from holdfast.trail import events as kinds
from holdfast.types import Event, Json

Tab = Literal["input", "output", "decisions", "attempts", "cost", "raw"]
TABS: Final[Mapping[Tab, str]] = {
    "input": "Input",
    "output": "Output",
    "decisions": "Decisions",
    "attempts": "Attempts",
    "cost": "Cost",
    "raw": "Raw",
}
MOST_BLOCKS: Final = 60
"""Of one tab."""
Data = Mapping[str, Json]
Added: TypeAlias = tuple[Tab, Block]


def panel_of(events: Sequence[Event], tab: Tab) -> Sequence[Block]:
    """The blocks of one tab, at most sixty: the newest of more. Pure."""
    if tab == "raw":
        return [raw(event) for event in events][-MOST_BLOCKS:]
    found = [block for event in events for of, block in _ADDERS.get(event.kind, _nothing)(event) if of == tab]
    return _once(found)[-MOST_BLOCKS:]


def _once(blocks: Sequence[Block]) -> list[Block]:
    """Without values that stand there already: a call runs with what it asked for, unless somebody changed it."""
    kept: list[Block] = []
    for block in blocks:
        if not isinstance(block, Value) or not any(isinstance(b, Value) and b.text == block.text for b in kept):
            kept.append(block)
    return kept


def raw(event: Event) -> Value:
    """One row of the journal, whole."""
    made = value(f"{event.seq} · {event.kind}", cast("Json", event.data))
    return Value(title=made.title, text=made.text, cut=made.cut, blobs=made.blobs)


# --- what each event adds


def _started(event: Event) -> Iterator[Added]:
    data = event.data
    yield "input", value("Asked", data.get("input"))
    yield (
        "input",
        facts(
            "Request",
            agent=f"{data.get('agent')} v{data.get('agent_version')}",
            user=data.get("user"),
            thread=data.get("thread"),
            priority=data.get("priority"),
        ),
    )
    limits = data.get("limits")
    if isinstance(limits, Mapping):
        yield "input", facts("Limits", **{_in_words(name): limit for name, limit in limits.items()})


def _in_words(name: str) -> str:
    """`total_timeout_s` as `total timeout, seconds`."""
    for ending, unit in (("_s", "seconds"), ("_usd", "dollars")):
        if name.endswith(ending):
            return f"{name.removesuffix(ending)}, {unit}".replace("_", " ")
    return name.replace("_", " ")


def _requested(event: Event) -> Iterator[Added]:
    data = event.data
    yield (
        "input",
        facts(
            f"Step {data.get('step')}",
            purpose="closing summary" if data.get("purpose") == "closing" else "next step",
            why=data.get("reason"),
            given="the instructions, the thread and everything above this step",
            at_most=f"{data.get('gen_ai.request.max_tokens')} tokens in the answer",
        ),
    )
    held = f"{data.get('reserved_tokens')} tokens, ${data.get('reserved_usd')}"
    yield "cost", facts("Held before the call", worst_case=held)


def _responded(event: Event) -> Iterator[Added]:
    data = event.data
    for block in message(data.get("response")):
        yield "output", block
    model, rung = str(data.get("gen_ai.request.model") or data.get("gen_ai.response.model")), _int(data.get("rung"))
    yield (
        "cost",
        facts(
            model,
            input=f"{_int(data.get('gen_ai.usage.input_tokens')):,} tokens",
            output=f"{_int(data.get('gen_ai.usage.output_tokens')):,} tokens",
            read_from_cache=_tokens(data.get("cache_read_tokens")),
            written_to_cache=_tokens(data.get("cache_write_tokens")),
            cost=_usd(data.get("cost_usd")),
            bill="unknown: what was held stays held" if data.get("bill_unknown") else None,
        ),
    )
    place = f", rung {rung + 1} of the chain" if rung else ""
    yield "attempts", Entry(title=model, said=f"answered after {_ms(data)}{place}", event=event, status="completed")


def _attempt(event: Event) -> Iterator[Added]:
    data = event.data
    said = f"{data.get('failure')} after {_ms(data)}: {words(data.get('error'))}"
    yield "attempts", Entry(title=str(data.get("gen_ai.request.model")), said=said, event=event, status="failed")
    if data.get("cost_usd") not in (None, "0", 0) or data.get("bill_unknown"):
        yield (
            "cost",
            facts(
                f"{data.get('gen_ai.request.model')}, not answered",
                cost=_usd(data.get("cost_usd")),
                bill="unknown: what was held stays held" if data.get("bill_unknown") else None,
            ),
        )


def _model_failed(event: Event) -> Iterator[Added]:
    said = f"{event.data.get('reason')}: {words(event.data.get('error'))}"
    yield "output", value("No model answered", said, look="failed")
    yield "attempts", Entry(title="The chain is at its end", said=said, event=event, status="failed")


def _corrected(event: Event) -> Iterator[Added]:
    yield "output", value(f"Corrected: {event.data.get('problem')}", event.data.get("message"))


def _decided(event: Event) -> Iterator[Added]:
    data = event.data
    yield "input", value(f"{data.get('gen_ai.tool.name')}, as the model asked for it", data.get("arguments"))
    yield "input", facts("Call", effect=data.get("effect"), id=data.get("call_id"), digest=data.get("digest"))
    yield from _decision(event)


def _decision(event: Event) -> Iterator[Added]:
    decision = event.data.get("decision")
    if not isinstance(decision, Mapping):
        return
    verdict, risk = str(decision.get("verdict")), decision.get("risk")
    at_risk = f" Risk {risk}." if isinstance(risk, (int, float)) and risk else ""
    said = words(decision.get("reason") or "") or "It may run: nothing speaks against it."
    tool = str(event.data.get("gen_ai.tool.name") or event.data.get("tool") or "result")
    yield (
        "decisions",
        Entry(
            title=f"{_VERDICTS.get(verdict, verdict)} by {decision.get('gate')}: {tool}",
            said=f"{said}{at_risk}",
            event=event,
            status=verdict,
        ),
    )
    if decision.get("rewritten") is not None:
        yield "decisions", value("Rewritten to", decision.get("rewritten"))


_VERDICTS: Final = {"allow": "Allowed", "review": "Sent to a person", "deny": "Denied", "rewrite": "Rewritten"}


def _dispatched(event: Event) -> Iterator[Added]:
    data = event.data
    why = "as approved" if data.get("approval_id") else f"attempt {data.get('attempt')}"
    if data.get("arguments") is not None:
        yield "input", value("As it ran", data.get("arguments"))
    approval = str(data.get("approval_id") or "")
    yield "attempts", Entry(title="Began", said=why, event=event, status="running", approval=approval)


def _fell_back(event: Event) -> Iterator[Added]:
    said = f"{words(data)} failed so far" if (data := event.data.get("error")) else ""
    title = f"{event.data.get('tool')} serves the call"
    yield "attempts", Entry(title=title, said=said, event=event, status="failed")
    yield from _decision(event)


def _ended(event: Event) -> Iterator[Added]:
    data, status = event.data, str(event.data.get("status"))
    content = data.get("content")
    if data.get("error"):
        yield "output", value("Error", data.get("error"), look="failed")
    if content not in (None, ""):
        yield "output", value("Told the model", loaded(content) if data.get("json") else content)
    if isinstance(digest := data.get("blob"), str):
        yield "output", Value(title="Whole output", text="", blobs=(Blob(digest=digest, size="kept as a blob"),))
    if data.get("reused_from"):
        yield "output", facts("Not run again", result_of=data.get("reused_from"))
    number = f"attempt {data.get('attempt')}, " if data.get("attempt") else ""
    failure = f", {data.get('failure')}" if data.get("failure") else ""
    yield (
        "attempts",
        Entry(
            title=status.replace("_", " ").capitalize(),
            said=f"{number}{_ms(data)}{failure}",
            event=event,
            status=status,
        ),
    )


def _asked(event: Event) -> Iterator[Added]:
    data = event.data
    tool = data.get("gen_ai.tool.name")
    if data.get("arguments") is not None:
        yield "input", value(call_words(str(tool or "Question"), None), data.get("arguments"))
    who = f" {data.get('reviewers')} may answer." if data.get("reviewers") else ""
    many = f" {data.get('quorum')} people must agree." if _int(data.get("quorum")) > 1 else ""
    until = str(data.get("expires_at"))[:16].replace("T", " ")
    yield (
        "decisions",
        Entry(
            title=words(data.get("question")),
            said=f"{words(data.get('reason'))}.{who}{many} Open until {until} UTC.",
            event=event,
            status="awaiting_review",
            approval=str(data.get("approval_id")),
        ),
    )


def _answered(event: Event) -> Iterator[Added]:
    data, answer = event.data, str(event.data.get("answer"))
    note = f": {data['note']}" if data.get("note") else ""
    so_far = f" ({data.get('yes')} of {data.get('quorum')} agreed)" if event.kind == kinds.APPROVAL_VOTED else ""
    status = "rejected" if answer in {"reject", "skip"} else "approved"
    yield (
        "decisions",
        Entry(
            title=f"{_ANSWERS.get(answer, answer)} by {data.get('by')}",
            said=f"{so_far}{note}".removeprefix(": ").strip(),
            event=event,
            status=status,
            approval=str(data.get("approval_id")),
        ),
    )
    if data.get("edit") is not None:
        yield "decisions", value("Changed to", data.get("edit"))


_ANSWERS: Final = {
    "approve": "Approved",
    "reject": "Rejected",
    "answer": "Answered",
    "happened": "Said to have happened",
    "run": "Told to run again",
    "skip": "Told to skip",
}


def _remarked(title: str) -> Callable[[Event], Iterator[Added]]:
    def add(event: Event) -> Iterator[Added]:
        data = event.data
        said = _names(data.get("to") or data.get("groups") or data.get("reason") or "")
        status = {kinds.APPROVAL_EXPIRED: "expired", kinds.APPROVAL_WITHDRAWN: "withdrawn"}.get(event.kind, "open")
        yield (
            "decisions",
            Entry(title=title, said=said, event=event, status=status, approval=str(data.get("approval_id"))),
        )

    return add


def _names(given: Json) -> str:
    if isinstance(given, Sequence) and not isinstance(given, str):
        return ", ".join(str(one) for one in given)
    return str(given)


def _resolved(event: Event) -> Iterator[Added]:
    yield from _decision(event)
    votes = cast("Sequence[Mapping[str, Json]]", event.data.get("votes") or ())
    said = tuple((str(vote.get("agent")), f"{vote.get('status')} {vote_words(vote)}") for vote in votes)
    yield "decisions", Facts(title=f"What the members of {event.data.get('panel')} said", pairs=said)
    yield "output", value("Result that counts", event.data.get("result"))


def _proposed(event: Event) -> Iterator[Added]:
    yield "output", value("Proposed result", event.data.get("result"))
    yield from _decision(event)


def _refused(event: Event) -> Iterator[Added]:
    yield "output", value("Sent back", event.data.get("message"))


def _completed(event: Event) -> Iterator[Added]:
    data = event.data
    yield "output", value("Result", data.get("result"))
    rung = _int(data.get("rung"))
    if rung:
        yield "output", facts("Degraded", answered_by=f"{data.get('model')}, rung {rung + 1} of the chain")


def _failed(event: Event) -> Iterator[Added]:
    data = event.data
    yield "output", value(f"Failed: {data.get('reason')}", data.get("error"), look="failed")
    if data.get("result") is not None:
        yield "output", value("Partial result", data.get("result"))


def _happened(title: str, status: str = "") -> Callable[[Event], Iterator[Added]]:
    def add(event: Event) -> Iterator[Added]:
        data = event.data
        told = {name: item for name, item in data.items() if item not in (None, "", []) and name != "happened"}
        said = ", ".join(f"{name.replace('_', ' ')} {words(item)}" for name, item in told.items())
        yield "attempts", Entry(title=title, said=said, event=event, status=status)

    return add


def _compacted(event: Event) -> Iterator[Added]:
    yield "output", value("What stands for the older part", event.data.get("digest"))


def _taught(event: Event) -> Iterator[Added]:
    yield "input", value("What people corrected earlier", event.data.get("notes"))


def _changed(event: Event) -> Iterator[Added]:
    yield "input", value("Tools that changed", event.data.get("changes"))
    yield from _decision(event)


def _shown(event: Event) -> Iterator[Added]:
    yield "input", value("Tools that the model is shown from here on", event.data.get("added"))
    yield from _decision(event)


def _nothing(_: Event) -> Iterator[Added]:
    return iter(())


def _int(given: Json) -> int:
    return int(given) if isinstance(given, (int, float)) else 0


def _tokens(given: Json) -> str | None:
    return f"{_int(given):,} tokens" if _int(given) else None


def _usd(given: Json) -> str:
    return money(float(str(given or 0)))


def _ms(data: Data) -> str:
    given = data.get("latency_ms")
    return f"{float(given):,.0f} ms" if isinstance(given, (int, float)) else "an unknown time"


_ADDERS: Final[Mapping[str, Callable[[Event], Iterator[Added]]]] = {
    kinds.STARTED: _started,
    kinds.CLAIMED: _happened("Claimed"),
    kinds.PARKED: _happened("Parked"),
    kinds.CANCEL_REQUESTED: _happened("Cancel requested"),
    kinds.COMPLETED: _completed,
    kinds.FAILED: _failed,
    kinds.CANCELLED: _happened("Cancelled", "cancelled"),
    kinds.RETRIED: _happened("Retried"),
    kinds.GUIDED: _happened("Goes on with words of a person"),
    kinds.MODEL_REQUESTED: _requested,
    kinds.MODEL_RESPONDED: _responded,
    kinds.MODEL_ATTEMPT_FAILED: _attempt,
    kinds.MODEL_FAILED: _model_failed,
    kinds.CORRECTED: _corrected,
    kinds.CALL_DECIDED: _decided,
    kinds.CALL_DISPATCHED: _dispatched,
    kinds.CALL_FELL_BACK: _fell_back,
    kinds.CALL_ENDED: _ended,
    kinds.CHILD_STARTED: _happened("Asked an agent"),
    kinds.CHILD_ENDED: _happened("An agent ended"),
    kinds.PANEL_RESOLVED: _resolved,
    kinds.CONVERSATION_TRANSFERRED: _happened("Handed over"),
    kinds.APPROVAL_OPENED: _asked,
    kinds.APPROVAL_VOTED: _answered,
    kinds.APPROVAL_DECIDED: _answered,
    kinds.APPROVAL_REMINDED: _remarked("Reminded"),
    kinds.APPROVAL_ESCALATED: _remarked("Nobody answered yet: further people are asked"),
    kinds.APPROVAL_EXPIRED: _remarked("Nobody answered: that counts as no"),
    kinds.APPROVAL_WITHDRAWN: _remarked("Withdrawn"),
    kinds.RESULT_PROPOSED: _proposed,
    kinds.RESULT_REFUSED: _refused,
    kinds.CONTEXT_COMPACTED: _compacted,
    kinds.FEEDBACK_RECALLED: _taught,
    kinds.TOOLS_CHANGED: _changed,
    kinds.TOOLS_SHORTLISTED: _shown,
}
