"""How a journal is told."""

from datetime import UTC, datetime, timedelta

from holdfast.doors.story import Story, raw
from holdfast.trail import events as kinds
from holdfast.types import Event, Json

BEGAN = datetime(2026, 1, 2, tzinfo=UTC)


def event(seq: int, kind: str, **data: Json) -> Event:
    at = BEGAN + timedelta(seconds=seq)
    return Event(execution_id="e1", seq=seq, kind=kind, version=1, data=data, at=at, hash="")


def told(*events: Event, whole: bool = False) -> str:
    story = Story(whole=whole)
    return "\n".join(text.plain for it in events for text in story.tell(it))


def test_a_second_claim_without_a_rest_is_a_take_over() -> None:
    """After a crash the story says who took over from whom."""
    text = told(event(1, kinds.CLAIMED, worker="w1", fence=1), event(2, kinds.CLAIMED, worker="w2", fence=2))
    assert text == "taken over by w2 (fence 2): w1 stopped without parking it"


def test_a_claim_after_a_rest_is_no_take_over() -> None:
    """Waking up after a wait is ordinary."""
    text = told(
        event(1, kinds.CLAIMED, worker="w1", fence=1),
        event(2, kinds.PARKED, reason="APPROVAL", wake_at=None),
        event(3, kinds.CLAIMED, worker="w2", fence=2),
    )
    assert "taken over" not in text


def test_a_step_says_what_was_spent_against_the_budget() -> None:
    """Tokens and money add up over the steps."""
    usage: dict[str, Json] = {"gen_ai.usage.input_tokens": 1_000, "gen_ai.usage.output_tokens": 200, "cost_usd": "0.01"}
    text = told(
        event(1, kinds.STARTED, agent="a", agent_version="1", input="x", limits={"tokens": 50_000, "cost_usd": 0.5}),
        event(2, kinds.MODEL_RESPONDED, step=1, **usage),
        event(3, kinds.MODEL_RESPONDED, step=2, **usage),
    )
    assert "2,400 of 50,000 tokens, $0.0200 of $0.5" in text


def test_a_review_is_told_with_its_gate_and_reason() -> None:
    """Why a person is asked is part of the story."""
    decision: dict[str, Json] = {"verdict": "review", "gate": "review_rule", "reason": "over 100", "risk": 0.5}
    call: dict[str, Json] = {"call_id": "c", "gen_ai.tool.name": "refund", "arguments": {"amount": 120}}
    text = told(event(1, kinds.CALL_DECIDED, effect="irreversible", decision=decision, **call))
    assert text == "  refund(amount=120)  irreversible  review by review_rule: over 100 (risk 0.5)"


def test_only_a_changed_call_is_told_as_edited() -> None:
    """A plain yes runs what was shown, and an edit names what runs instead."""
    call: dict[str, Json] = {"call_id": "c", "gen_ai.tool.name": "refund", "arguments": {"amount": 120}}
    decided = event(1, kinds.CALL_DECIDED, effect="irreversible", **call)
    plain = told(decided, event(2, kinds.CALL_DISPATCHED, call_id="c", approval_id="a", arguments={"amount": 120}))
    assert plain.endswith("refund  runs, as approved")
    edited = told(decided, event(2, kinds.CALL_DISPATCHED, call_id="c", approval_id="a", arguments={"amount": 80}))
    assert edited.endswith("refund(amount=80)  runs, edited, as approved")


def test_rungs_that_did_not_answer_are_named() -> None:
    """A fall to the next model is visible."""
    attempt: dict[str, Json] = {"rung": 0, "model": "openai:gpt-5.2", "failure": "rate_limit", "error": "429"}
    text = told(event(1, kinds.MODEL_RESPONDED, step=1, attempts=[attempt]))
    assert "not answered openai:gpt-5.2: rate_limit: 429" in text


def test_the_whole_story_cuts_nothing_and_says_when() -> None:
    """`show` has each value in full and the seconds since the start."""
    long = "word " * 500
    text = told(event(1, kinds.STARTED, input="x"), event(3, kinds.COMPLETED, result=long), whole=True)
    assert f"+2.000s  completed: {long}" in text


def test_a_choice_of_tools_says_which_and_why() -> None:
    """And why something else than was declared decided."""
    added: dict[str, Json] = {"always": ["find_order"], "ranked": ["refund", "track"]}
    decision: dict[str, Json] = {"verdict": "allow", "reason": "3 of 40 tools, by their words"}
    text = told(event(1, kinds.TOOLS_SHORTLISTED, added=added, decision=decision, fell_back="it is down"))
    assert text == (
        "shows 3 of 40 tools, by their words (it is down). always: find_order; seem to be needed: refund, track"
    )


def test_every_kind_of_event_has_words() -> None:
    """No event of this version is shown as raw data in the story."""
    for kind in kinds.VERSIONS:
        assert kind not in told(event(1, kind), whole=True)


def test_a_kind_this_version_does_not_know_is_shown_as_it_is() -> None:
    """Nothing in a journal is hidden."""
    assert told(event(1, "later.kind", a=1)) == 'later.kind {"a": 1}'


def test_a_raw_row_is_one_line_without_escape_sequences() -> None:
    """The raw journal is safe to print too."""
    row = raw(event(7, kinds.COMPLETED, result="\x1b[2J\n")).plain
    assert row.isprintable()
    assert row.startswith("    7 2026-01-02T00:00:07.000+00:00 execution.completed ")


def test_a_model_that_did_not_answer_is_told_with_what_follows() -> None:
    """A failed attempt says which model, how it failed, how long that took and what comes next."""
    text = told(
        event(
            1,
            kinds.MODEL_ATTEMPT_FAILED,
            step=2,
            failure="rate_limit",
            error="too many",
            retry_after_s=60,
            latency_ms=12.5,
            then="park",
            **{"gen_ai.request.model": "openai:gpt-5.2"},
        )
    )
    assert text == (
        "step 2  not answered openai:gpt-5.2: rate_limit, asks to wait 60 s: too many\n"
        "  after 12 ms: waits for the provider"
    )


def test_a_fallbacks_answer_is_told_as_one() -> None:
    """Who reads the story sees that another model than the first one answered."""
    text = told(event(1, kinds.COMPLETED, result="ok", rung=1, model="anthropic:claude-sonnet-5"))
    assert text == "completed: ok\n  degraded: answered by anthropic:claude-sonnet-5, rung 2 of the chain"
    assert told(event(1, kinds.COMPLETED, result="ok", rung=0, model="openai:gpt-5.2")) == "completed: ok"


def test_a_step_of_a_workflow_is_told_apart_from_what_it_is_given() -> None:
    """Whom it asks, and what for."""
    step: dict[str, Json] = {"name": "look", "kind": "agent", "agent": "researcher", "arguments": "Rome in May"}
    began = Event(execution_id="e1", seq=1, kind=kinds.STEP_STARTED, version=1, data=step, at=BEGAN, hash="")
    assert told(began) == "step look  gives work to an agent: researcher  Rome in May"
