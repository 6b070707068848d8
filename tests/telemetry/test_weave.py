"""A journal makes the same spans wherever it is cut between workers."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from holdfast import Call, Calls, Say
from holdfast.trail import events as kinds
from holdfast.trail.traces.chapters import feed
from holdfast.trail.traces.ids import span_id_of
from holdfast.trail.traces.span import Span
from holdfast.trail.traces.weave import INTERRUPTED, Weaver, ns_of
from holdfast.types import Event, Execution
from tests.telemetry.desk import agree, ask, clerk, play, traced

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def woven(execution: Execution, events: Sequence[Event], *, from_seq: int = 1) -> list[Span]:
    """The spans that events from there on end, by a worker that knows those before."""
    weaver = Weaver(execution)
    for event in events:
        weaver.muted = event.seq < from_seq
        feed(weaver, event.seq, event.kind, event.data, ns_of(event.at))
    return list(weaver.take())


def story_of(database: str, agent: Any, execution_id: str) -> list[Event]:
    async def story(app: Any) -> Any:
        return [event async for event in app.events(execution_id, follow=False)]

    return play(traced(database, agent, enabled=False), story)  # type: ignore[return-value, arg-type]


def test_spans_are_the_same_whoever_tells_them(sqlite_database: str):
    """Each is told by exactly one of two workers that share an execution, wherever the one stopped."""
    steps = [
        Calls([Call("look", {"order": "7"}), Call("send", {"to": "bob"})]),
        Call("look_slowly", {"order": "8"}),
        Say("So."),
    ]
    agent = clerk(steps)
    execution = ask(traced(sqlite_database, agent, enabled=False))
    execution = agree(traced(sqlite_database, agent, enabled=False), execution.id)
    events = story_of(sqlite_database, agent, execution.id)
    whole = woven(execution, events)
    assert len({span.span_id for span in whole}) == len(whole) > 10
    for cut in range(1, len(events) + 2):
        before, after = woven(execution, events[: cut - 1]), woven(execution, events, from_seq=cut)
        assert [span.span_id for span in (*before, *after)] == [span.span_id for span in whole]


def journal(*said: tuple[str, dict[str, Any]]) -> tuple[Execution, list[Event]]:
    """An execution whose journal says this, one second after the other."""
    events = [
        Event(
            execution_id="e",
            seq=seq,
            kind=kind,
            version=1,
            data=data,
            at=NOW + timedelta(seconds=seq),
            hash="",
        )
        for seq, (kind, data) in enumerate(said, 1)
    ]
    return execution_of(), events


def execution_of() -> Execution:
    names = Execution.__dataclass_fields__
    given: dict[str, Any] = dict.fromkeys(names) | {"id": "e", "agent_type": "clerk", "agent_version": "1"}
    return Execution(**given | {"created_at": NOW, "tool_calls": ()})


STARTED = (kinds.STARTED, {"input": "hi"})
CLAIMED = (kinds.CLAIMED, {"worker": "w", "fence": 1})
ASKED = (kinds.MODEL_REQUESTED, {"step": 1, "purpose": "turn"})
DECIDED = (
    kinds.CALL_DECIDED,
    {
        "call_id": "e:1:0",
        "step": 1,
        "gen_ai.tool.name": "find",
        "gen_ai.tool.call.id": "c",
        "arguments": {},
        "effect": "read",
        "status": "running",
        "decision": {"verdict": "allow", "gate": "effect", "reason": ""},
    },
)


def brief(spans: Sequence[Span]) -> list[tuple[str, str | None]]:
    return [(span.name, span.error) for span in spans]


def test_what_was_under_way_when_a_worker_died_is_an_error():
    """The model call, the step and the activation end with the last thing that the dead worker wrote."""
    spans = woven(*journal(STARTED, CLAIMED, ASKED, CLAIMED))
    assert brief(spans) == [("chat", INTERRUPTED), ("step 1", None), ("activation", INTERRUPTED)]
    assert {span.end_ns for span in spans} == {ns_of(NOW + timedelta(seconds=3))}


def test_a_call_that_is_recovered_is_a_span_of_its_own():
    """Each activation that works on a call has one; the second is in the step that it belongs to."""
    ended = (kinds.CALL_ENDED, {"call_id": "e:1:0", "status": "completed", "content": "", "attempt": 2})
    spans = woven(*journal(STARTED, CLAIMED, ASKED, DECIDED, CLAIMED, ended))
    calls = [span for span in spans if span.name == "execute_tool find"]
    assert brief(calls) == [("execute_tool find", INTERRUPTED), ("execute_tool find", None)]
    assert calls[0].span_id != calls[1].span_id


def test_a_fallback_is_a_span_beside_the_call_that_failed():
    """One call of the model is then two spans: the tool's, and that of what stood in."""
    fell = {"call_id": "e:1:0", "tool": "find_elsewhere", "error": "broken", "failure": "timeout", "effect": "read"}
    decision = {"verdict": "allow", "gate": "effect", "reason": ""}
    instead = (kinds.CALL_FELL_BACK, {**fell, "status": "running", "arguments": {}, "decision": decision})
    ended = (kinds.CALL_ENDED, {"call_id": "e:1:0", "status": "completed", "content": "", "attempt": 1})
    spans = woven(*journal(STARTED, CLAIMED, ASKED, DECIDED, instead, ended))
    assert brief(spans) == [("execute_tool find", "timeout"), ("execute_tool find_elsewhere", None)]


def test_an_activation_that_broke_is_an_error():
    """What broke it is named; the execution goes on in another one."""
    parked = (kinds.PARKED, {"reason": "ACTIVATION_FAILED", "wake_at": None, "error": "RuntimeError: no"})
    assert brief(woven(*journal(STARTED, CLAIMED, parked))) == [("activation", "ACTIVATION_FAILED")]


def test_a_call_whose_outcome_nobody_knows_is_an_error():
    """It is in doubt, and the wait for a person who finds out is a span."""
    doubt = (kinds.CALL_ENDED, {"call_id": "e:1:0", "status": "in_doubt", "content": "", "failure": "timeout"})
    asked = (kinds.APPROVAL_OPENED, {"approval_id": "a", "kind": "doubt", "call_id": "e:1:0"})
    answered = (kinds.APPROVAL_DECIDED, {"approval_id": "a", "kind": "doubt", "answer": "happened", "by": "Ada"})
    parked = (kinds.PARKED, {"reason": "IN_DOUBT", "wake_at": None})
    spans = woven(*journal(STARTED, CLAIMED, ASKED, DECIDED, doubt, asked, parked, answered))
    assert brief(spans) == [
        ("execute_tool find", "timeout"),
        ("chat", INTERRUPTED),
        ("step 1", None),
        ("activation", None),
        ("approval doubt", None),
    ]
    assert spans[-1].span_id == span_id_of("e", "approval", "a")


def test_a_yes_that_is_taken_back_ends_no_second_wait():
    """The wait ended with the first answer."""
    asked = (kinds.APPROVAL_OPENED, {"approval_id": "a", "kind": "call"})
    yes = (kinds.APPROVAL_DECIDED, {"approval_id": "a", "answer": "approve", "by": "Ada"})
    no = (kinds.APPROVAL_DECIDED, {"approval_id": "a", "answer": "reject", "by": "Bob"})
    assert brief(woven(*journal(STARTED, asked, yes, no))) == [("approval call", None)]


def test_a_kind_of_event_that_no_trace_shows_changes_nothing():
    """New kinds may come; a trace shows those it knows."""
    assert woven(*journal(STARTED, ("something.new", {}))) == []
