"""Each fault of a provider, in whole executions by a worker: what is recorded, what is spent, where it ends.

The provider is aimock. Two faults come from `tests/providers/server.py`, because aimock cannot have them: a 429
without Retry-After, and the content filter as OpenAI's Responses API reports it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest

from holdfast import Context, Conversation, tool
from holdfast.testing import Ledger, Say
from tests.providers.aimock.faults import APIS, FAULTS, TOKENS, Fault, says
from tests.providers.aimock.server import Aimock
from tests.providers.aimock.witness import Ran, run
from tests.providers.server import Provider

every_api = pytest.mark.parametrize("api", APIS)
every_fault = pytest.mark.parametrize("name", FAULTS)

COST = {APIS[0]: Decimal("0.00011725"), APIS[1]: Decimal("0.00011725"), APIS[2]: Decimal("0.000092")}
"""Of one answer: 11 tokens in, 7 out."""
OTHER = {APIS[0]: APIS[2], APIS[1]: APIS[2], APIS[2]: APIS[0]}
"""A model of the other provider, to stand behind it."""


@tool(effect="read")
async def look(ctx: Context[Ledger], order: int) -> str:
    """Look at an order."""
    ctx.deps.record(ctx.idempotency_key, "look", {"order": order})
    return "on its way"


@pytest.fixture
def ledger(tmp_path) -> Ledger:
    """What the tool did."""
    return Ledger(tmp_path / "ledger.jsonl")


@contextmanager
def having(fault: Fault, api: str, aimock: Aimock, patch: pytest.MonkeyPatch, *, behind: str = "") -> Iterator[None]:
    """A provider with the fault, and the other one, which is well and says this."""
    own, does = ("claude" if "claude" in api else "gpt"), fault.of(api)
    other = "gpt" if own == "claude" else "claude"
    name = "ANTHROPIC" if own == "claude" else "OPENAI"
    if fault.wrong_key:
        patch.setenv(f"{name}_API_KEY", "sk-of-somebody-else")
    if isinstance(does, dict):
        aimock.play(does, **{other: says(behind)} if behind else {})
        yield
        return
    aimock.play(says(behind or "-"))
    with Provider().serving() as ours:
        ours.script = [does]
        patch.setenv(f"{name}_BASE_URL", ours.url if own == "claude" else f"{ours.url}/v1")
        yield


def spent(ran: Ran, api: str, fault: Fault) -> tuple[int, Decimal, bool]:
    """Tokens, dollars, and whether a reservation stays held, as they should be."""
    times = fault.asked if fault.spent == "billed" else 0
    return times * TOKENS, times * COST[api], fault.spent == "held"


@every_api
@every_fault
def test_alone_in_its_chain(
    sqlite_database: str, ledger: Ledger, aimock: Aimock, monkeypatch: pytest.MonkeyPatch, api: str, name: str
):
    """A fault that lasts: each attempt is recorded, spent is what may have been, and the end has its reason."""
    fault = FAULTS[name]
    with having(fault, api, aimock, monkeypatch):
        ran = run(sqlite_database, ledger, fault.model(api), tools=[look])
    ended = ran.execution
    assert f"{ended.status} {ended.status_reason}" == fault.end
    assert [failure for failure, _ in ran.attempts] == ([fault.failure] * fault.asked if fault.failure else [])
    assert len(ran.of("model.requested")) == fault.asked
    assert (ended.token_count, ended.cost_usd, ended.reserved_usd > 0) == spent(ran, api, fault)
    assert ended.reserved_tokens == ran.held
    assert ran.escaped == []
    assert ledger.effects() == []
    assert_shared(ran, api, fault)


def assert_shared(ran: Ran, api: str, fault: Fault) -> None:
    """The budget of everybody, breaker, gate and the operators' record say what happened, too."""
    assert ran.account is not None
    assert (ran.account.spent, ran.account.reserved) == (ran.execution.cost_usd + ran.execution.reserved_usd, 0)
    model, gate = ran.breaker, ran.gate
    said = {
        "opens": (("open", 2), None, [f"model:{api}"]),
        "counts": (("closed", 1), None, []),
        "gate": (None, ("open", 1), [f"provider:{api.partition(':')[0]}"]),
        "-": (None, None, []),
    }
    shown = [(one.status, one.failed) if one else None for one in (model, gate)]
    assert (*shown, ran.opened) == said[fault.breaker]
    [used] = ran.usage
    failed = fault.asked if fault.failure else 0
    assert (used.model, used.calls, used.failed_calls) == (api, fault.asked - failed, failed)


@every_api
@pytest.mark.parametrize("name", [name for name, fault in FAULTS.items() if fault.failure])
def test_another_provider_answers(
    sqlite_database: str, ledger: Ledger, aimock: Aimock, monkeypatch: pytest.MonkeyPatch, api: str, name: str
):
    """With a model of another provider behind it every failure ends in an answer, which says where it is from."""
    fault, other = FAULTS[name], OTHER[api]
    with having(fault, api, aimock, monkeypatch, behind="here"):
        ran = run(sqlite_database, ledger, fault.model(api), other, on_rate_limit="next")
    assert (ran.execution.status, ran.execution.result) == ("completed", "here")
    assert ran.execution.state == {"model": other, "rung": 1, "degraded": True}
    assert [then for _, then in ran.attempts] == ["again"] * (fault.asked - 1) + ["next"]
    tokens, dollars, held = spent(ran, api, fault)
    paid = (ran.execution.token_count, ran.execution.cost_usd, ran.execution.reserved_tokens > 0)
    assert paid == (tokens + TOKENS, dollars + COST[other], held)
    assert ran.escaped == []


@every_api
@pytest.mark.parametrize("name", ["500", "529", "connection reset", "malformed body", "cut stream", "empty message"])
def test_a_fault_that_passes(sqlite_database: str, ledger: Ledger, aimock: Aimock, api: str, name: str):
    """What goes wrong once is asked once more, and the first model's answer is the answer."""
    fault = FAULTS[name]
    aimock.play(fault.of(api), says("better"))
    ran = run(sqlite_database, ledger, fault.model(api))
    assert (ran.execution.status, ran.execution.result) == ("completed", "better")
    assert ran.execution.state == {"model": api, "rung": 0, "degraded": False}
    assert ran.attempts == ([(fault.failure, "again")] if fault.failure else [])
    assert len(aimock.received()) == 2


@every_api
def test_arguments_that_are_put_right(sqlite_database: str, ledger: Ledger, aimock: Aimock, api: str):
    """The model is told what was wrong with its arguments; the tool runs with the right ones alone, once."""
    right = {"response": {"toolCalls": [{"name": "look", "arguments": '{"order": 7}'}]}}
    aimock.play(FAULTS["malformed tool arguments"].of(api), right, says("on its way"))
    ran = run(sqlite_database, ledger, api, tools=[look])
    assert (ran.execution.status, ran.execution.result) == ("completed", "on its way")
    assert [(call.status, call.tool_name) for call in ran.execution.tool_calls] == [
        ("failed", "look"),
        ("completed", "look"),
    ]
    assert [effect.args["order"] for effect in ledger.effects()] == [7]


@every_api
def test_a_person_hears_of_a_filtered_answer(
    sqlite_database: str, ledger: Ledger, aimock: Aimock, monkeypatch: pytest.MonkeyPatch, api: str
):
    """With `on_failure="review"` nobody else is asked to say what one provider would not: a person is."""
    with having(FAULTS["content filter"], api, aimock, monkeypatch, behind="I would"):
        ran = run(sqlite_database, ledger, api, OTHER[api], on_failure="review")
    assert ran.end == ("awaiting_review", "MODEL_UNAVAILABLE")
    assert ran.attempts == [("refusal", "give_up")]


@pytest.mark.parametrize(
    ("api", "word", "failure"),
    [(APIS[0], "content_filter", "refusal"), (APIS[1], "failed", "server"), (APIS[2], "refusal", "refusal")],
)
def test_half_an_answer_is_no_answer(
    sqlite_database: str, ledger: Ledger, aimock: Aimock, api: str, word: str, failure: str
):
    """What was said before a filter or a failure stopped the model is paid for, and is nobody's result."""
    aimock.play(says("You may have your money back, unless", finishReason=word))
    ran = run(sqlite_database, ledger, api, lambda _talk: Say("Ask us tomorrow."))
    assert ran.execution.result == "Ask us tomorrow."
    assert {one for one, _ in ran.attempts} == {failure}
    assert ran.execution.cost_usd == len(ran.attempts) * COST[api]


@every_api
def test_a_wrong_key_is_said_at_once(
    sqlite_database: str, ledger: Ledger, aimock: Aimock, monkeypatch: pytest.MonkeyPatch, api: str
):
    """Somebody has to mend it: an error in the log, with the key nowhere in the record."""
    with having(FAULTS["wrong API key"], api, aimock, monkeypatch):
        ran = run(sqlite_database, ledger, api, by_rules)
    assert ran.execution.result == "by the rules"
    [said] = [line for line in ran.logs if line["event"] == "model_attempt_failed"]
    assert (said["log_level"], said["failure"], said["model"]) == ("error", "authentication", api)
    assert "sk-of-somebody-else" not in str(ran)


def by_rules(_talk: Conversation) -> Say:
    return Say("by the rules")
