"""The onboarding example: branches, an agent's step, an approval and compensation, offline."""

import asyncio
import sys
from pathlib import Path

import pytest

from holdfast import App
from holdfast.testing import check_workflow
from holdfast.types import Execution

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "onboarding"))

import bank
from onboarding import assessor, onboard

MIA = {"name": " Mia ", "email": "Mia@post.example", "income": 4_200}


@pytest.fixture(autouse=True)
def books(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bank, "FILE", tmp_path / "bank.jsonl")


def done() -> list[str]:
    return [entry.what for entry in bank.entries()]


def run(database: str, customer: dict[str, object], *, answer: str | None = None) -> Execution:
    async def whole() -> Execution:
        async with App(agents=[assessor], workflows=[onboard], database=database) as app, app.worker():
            started = await app.start("onboard", customer)
            ended = await app.wait(started.id, 30)
            if answer:
                (asked,) = await app.approvals()
                await app.decide(asked.id, answer, by="ada")
                ended = await app.wait(started.id, 30)
            return ended

    return asyncio.run(whole())


def test_a_small_credit_is_granted_without_people(sqlite_database: str) -> None:
    """The whole way, each effect once."""
    ended = run(sqlite_database, {**MIA, "wants_credit": 900})
    assert (ended.status, ended.result["credit"]) == ("completed", 900)
    assert done() == ["opened", "credit", "letter"]


@pytest.mark.parametrize(("answer", "credit"), [("approve", 9_000), ("reject", 0)])
def test_people_decide_about_a_large_credit(sqlite_database: str, answer: str, credit: int) -> None:
    """A no leaves the account without credit."""
    ended = run(sqlite_database, {**MIA, "wants_credit": 9_000}, answer=answer)
    assert (ended.status, ended.result["credit"]) == ("completed", credit)


def test_a_listed_customer_is_refused_and_nothing_is_done(sqlite_database: str) -> None:
    """The branch ends before any effect."""
    assert run(sqlite_database, {**MIA, "name": "Boris Badenov"}).result["status"] == "refused"
    assert done() == []


def test_what_was_done_is_undone_when_the_letter_fails(sqlite_database: str) -> None:
    """The last first, and the record says so."""
    ended = run(sqlite_database, {**MIA, "email": "nowhere", "wants_credit": 900})
    assert (ended.status, str(ended.error).endswith("Undone: credit, open.")) == ("failed", True)
    assert done() == ["opened", "credit", "revoked", "closed"]


def test_it_is_deterministic() -> None:
    """Its code comes to the same each time it runs."""
    assert check_workflow(onboard, {**MIA, "wants_credit": 9_000}).status == "completed"
