"""The support desk's agent as the runtime works it."""

import asyncio
import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from ledger import ledger_summary
from shop import Shop

from holdfast import App
from holdfast.types import Execution
from tests.examples.desk import TICKETS

KEYS = ("HOLDFAST_DEMO_MODEL", "OPENAI_API_KEY", "ANTHROPIC_API_KEY")


@pytest.fixture
def example(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """Loads `support.py` afresh, with only the environment given."""

    def load(**environment: str) -> ModuleType:
        for key in KEYS:
            monkeypatch.delenv(key, raising=False)
        monkeypatch.setenv("HOLDFAST_SHOP", str(shop.path))
        for key, value in environment.items():
            monkeypatch.setenv(key, value)
        return importlib.reload(importlib.import_module("support"))

    return load


def test_without_a_key_the_rules_are_the_only_rung(example: Callable[..., ModuleType]) -> None:
    """Nothing pretends to be a model."""
    assert [getattr(model, "__name__", model) for model in example().support.models] == ["answer_by_rules"]


@pytest.mark.parametrize(
    ("environment", "first"),
    [
        ({"HOLDFAST_DEMO_MODEL": "openai:some-model, rules"}, "openai:some-model"),
        ({"ANTHROPIC_API_KEY": "k"}, "anthropic:claude-sonnet-5-5"),
        ({"HOLDFAST_DEMO_MODEL": "rules", "OPENAI_API_KEY": "k"}, None),
    ],
)
def test_the_environment_chooses_models_before_the_rules(
    example: Callable[..., ModuleType], environment: dict[str, str], first: str | None
) -> None:
    """A named model comes first, then one whose key is set; the rules are always the last rung."""
    *models, last = example(**environment).support.models
    assert models == ([first] if first else [])
    assert last.__name__ == "answer_by_rules"


@pytest.mark.parametrize(
    ("number", "status", "reason"),
    [
        ("T01", "completed", None),
        ("T08", "completed", None),
        ("T09", "awaiting_review", "APPROVAL"),
        ("T18", "awaiting_review", "CANNOT_COMPLETE"),
        ("T21", "completed", None),
        ("T32", "awaiting_review", "APPROVAL"),
    ],
)
def test_the_runtime_ends_a_ticket_as_the_rules_mean_it(
    example: Callable[..., ModuleType], tmp_path: Path, number: str, status: str, reason: str | None
) -> None:
    """Completed with a resolution, or parked with the question that a person has to answer."""
    ticket = TICKETS[number]
    execution = run(App(agents=[example().support], database=str(tmp_path / "h.db")), number)
    assert (execution.status, execution.status_reason) == (status, reason)
    assert execution.user_id == ticket.sender


def test_an_approved_refund_is_paid_and_confirmed(
    example: Callable[..., ModuleType], shop: Shop, tmp_path: Path
) -> None:
    """After a colleague's yes the money goes out once, the customer is told, and the ticket is done."""

    async def story(app: App) -> Execution:
        async with app, app.worker(concurrency=1):
            waiting = await app.run("support", TICKETS["T09"].as_input(), user=TICKETS["T09"].sender)
            approvals = await app.approvals()
            await app.decide(approvals[0].id, "approve", by="test")
            return await app.wait(waiting.id, timeout_s=30)

    app = App(agents=[example().support], database=str(tmp_path / "h.db"))
    ended = asyncio.run(story(app))
    assert ended.status == "completed"
    assert dict(ledger_summary(shop.path).effects) == {"refund": 1, "send_email": 1}


def run(app: App, number: str) -> Execution:
    ticket = TICKETS[number]
    return app.run_sync("support", ticket.as_input(), user=ticket.sender, timeout_s=30)
