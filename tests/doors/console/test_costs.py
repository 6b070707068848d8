"""What was spent, and what may still be."""

import asyncio
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from playwright.sync_api import Page, expect
from sqlalchemy import create_engine

from holdfast.doors.http.console.charts import Stacked, gathered, stacked
from holdfast.doors.http.console.costs import costs_view, dollars
from holdfast.doors.http.console.remembered import Remembered
from holdfast.trail.controls import spending
from holdfast.types import Budget, Cost, DayCost
from tests.doors.console.served import Served

FIRST = datetime(2026, 11, 20, tzinfo=UTC)


def day(day: str, model: str, usd: str) -> DayCost:
    return DayCost(day=day, model=model, executions=1, calls=2, input_tokens=10, output_tokens=5, cost_usd=Decimal(usd))


def test_money_is_added_up_exactly_however_it_is_written(tmp_path: Path) -> None:
    """A database that keeps money as text adds it to the last digit, also what Python writes as 1E-7."""
    amounts = [
        "0.1",
        "0.2",
        "1E-7",
        "0.000000000000000001",
        "0.0000000000000000000003",
        "12",
        "0E-8",
        "999999.999999999",
    ]
    path = tmp_path / "costs.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE agent_executions (id, user_id, agent_type, created_at)")
        connection.execute(
            "CREATE TABLE agent_model_usage (execution_id, model, calls, input_tokens, output_tokens, cost_usd)"
        )
        for number, amount in enumerate(amounts):
            at = "2026-11-21T10:00:00.000000+00:00"
            connection.execute("INSERT INTO agent_executions VALUES (?, 'u', 'a', ?)", (number, at))
            connection.execute("INSERT INTO agent_model_usage VALUES (?, 'm', 1, 1, 1, ?)", (number, amount))
        connection.commit()
    with create_engine(f"sqlite:///{path}").connect() as reading:
        (found,) = spending.costs(reading, by="agent", span=spending.Span(since=FIRST))
        assert spending.costs(reading, by="user", span=spending.Span(user="nobody")) == []
    assert found.cost_usd == sum(map(Decimal, amounts))
    assert (found.executions, found.calls) == (8, 8)


def test_a_chart_has_words_for_all_that_it_shows():
    """Who cannot see it hears the sum, the day with the most, and each part."""
    chart = Stacked(title="By day", columns=["11-20", "11-21"], series=gathered({"a": [1.0, 2.0], "b": [0.5, 0.0]}))
    drawn = stacked(chart, key="k")
    assert "most on 11-21 with $2.00" in drawn
    assert "a $3.00, b $0.50" in drawn
    assert len(re.findall(r'<rect class="s1"', drawn)) == 2
    assert "style=" not in drawn


def test_more_series_than_colours_are_added_up():
    """The three largest stay, the rest is one; nothing is lost."""
    found = gathered({name: [float(size)] for size, name in enumerate("abcdef")})
    assert [(one.name, one.total) for one in found] == [("f", 5), ("e", 4), ("d", 3), ("3 others", 3)]


def test_names_of_models_are_text_in_a_chart():
    """A name cannot leave the picture."""
    drawn = stacked(Stacked(title="t", columns=["1"], series=gathered({"<script>\u202e": [1.0]})), key="k")
    assert "<script>" not in drawn
    assert "&lt;script&gt;\\u202e" in drawn


def test_all_numbers_of_the_page_come_from_the_same_rows():
    """The sum over days, models and agents is one."""
    rows = [day("2026-11-20", "a", "1.25"), day("2026-11-21", "a", "0.75"), day("2026-11-21", "b", "2")]
    agents = [Cost(name="desk", executions=2, calls=6, input_tokens=30, output_tokens=15, cost_usd=Decimal(4))]
    view = costs_view(rows, agents, agents, first=FIRST, days=2)
    assert (
        view.total == Decimal(4) == sum(usd for _, usd, _, _ in view.days) == sum(bar.cost_usd for bar in view.models)
    )
    assert [(bar.name, bar.share) for bar in view.models] == [("a", 0.5), ("b", 0.5)]
    assert view.agents[0].link == "/executions?agent=desk"
    assert [dollars(Decimal(usd)) for usd in ("0", "0.0123", "12.5")] == ["$0.00", "$0.0123", "$12.50"]


def test_dear_answers_are_kept_for_a_time_that_fits_their_cost(server: Served) -> None:
    """Many who ask at once cause one question, and a stale answer comes at once."""

    async def story() -> None:
        asked: list[int] = []
        known = Remembered()

        async def find() -> int:
            asked.append(1)
            await asyncio.sleep(0)
            return len(asked)

        answers = await asyncio.gather(*(known.ask("q", find) for _ in range(20)))
        assert {value for value, _ in answers} == {1}
        assert (await known.ask("q", find))[0] == 1
        assert len(asked) == 1

    server.run(story())


def test_a_budget_shows_what_is_left_and_is_topped_up(
    page: Page, server: Served, accessible: Callable[[Page], None]
) -> None:
    """More room is a form away, and on the record with who gave it."""
    server.run(server.app.control.set_budget(Budget(name="trial", scope="global", usd=Decimal("2.5")), by="the tests"))
    server.done("hello")
    page.goto("/costs")
    row = page.locator("tr", has_text="trial")
    expect(row).to_contain_text("$2.50")
    accessible(page)
    row.get_by_text("Top up").first.click()
    row.get_by_label("US dollars more for trial").fill("1.5")
    row.get_by_label("Why trial gets more").fill("busy day")
    row.get_by_role("button", name="Top up").click()
    expect(page.locator(".notice")).to_contain_text("trial has 1.5 more")
    expect(page.locator("tr", has_text="trial")).to_contain_text("$4.00")
    (account,) = [one for one in server.run(server.app.control.budgets()) if one.budget.name == "trial"]
    assert account.amount == 4
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
