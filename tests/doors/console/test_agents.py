"""Agents as they are declared and as they do; starting and stopping them."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from playwright.sync_api import Page, expect

from holdfast import Agent, Conversation, Model, Say, ToolRouter, ask_above, ask_always, never_ask, tool
from holdfast.doors.http.console.agent_view import declared, model_name, rule_in_words
from holdfast.doors.http.console.agents import cards, switch_of
from holdfast.policy.rules import ask_below_confidence, ask_when
from holdfast.types import AgentHealth, Controls, Switch
from tests.doors.console.served import Served

OpenPage = Callable[..., Page]
FIRST = datetime(2026, 11, 20, tzinfo=UTC)


def desk(conversation: Conversation) -> Say:
    """A rule."""
    return Say("hello")


@tool(effect="irreversible")
def pay(amount: int) -> str:
    """Pay somebody."""
    return "paid"


SUPPORT = Agent(name="support", models=["openai:gpt", Model("anthropic:opus"), desk], tools=[pay], version="3")


def test_a_declaration_is_told_in_words():
    """Models by name, rules of code as such, and what asks where nothing is declared."""
    view = declared(SUPPORT, Controls())
    assert [(rung.name, rung.is_rule) for rung in view.chain] == [
        ("openai:gpt", False), ("anthropic:opus", False), ("rules:desk", True)
    ]  # fmt: skip
    assert view.tools[0].review == "asks each time, as no rule is declared"
    assert model_name(desk) == ("rules:desk", True)


def test_an_agent_with_many_tools_says_how_many_are_shown():
    """By its router or by default; with few, or for rules, nothing is said."""
    many = [tool(pay.function, name=f"pay_{number}") for number in range(40)]
    agents = [
        Agent(name="a", models=[model], tools=many[:count], router=router)
        for model, count, router in [
            ("openai:gpt", 40, None), ("openai:gpt", 30, None), ("openai:gpt", 30, ToolRouter(most=5)), (desk, 40, None)
        ]
    ]  # fmt: skip
    told = [declared(agent, Controls()).shown for agent in agents]
    assert told == ["12 of 40 are shown at first", "", "5 of 30 are shown at first", ""]


def test_review_rules_are_told_in_words():
    """Who reads the page knows when a person is asked, and who."""
    told = [
        rule_in_words(rule)
        for rule in (
            ask_above(100, of="total", reviewers="leads", quorum=2),
            ask_always,
            ask_always("it moves money"),
            never_ask,
            ask_below_confidence(0.7),
            ask_when(lambda args: True, reason="it is late") | ask_above(5),
        )
    ]
    assert told == [
        "asks when total is above 100, 2 people of leads",
        "asks each time",
        "asks each time (it moves money)",
        "nobody is asked",
        "asks when confidence is below 0.7",
        "asks when its condition holds (it is late); or asks when amount is above 5",
    ]


def test_an_agent_that_this_server_does_not_have_is_listed_too():
    """Its executions are known; its own switch tells more than the one for all."""
    all_off = Switch(kind="all", name="*", why="x", by="Ada", at=FIRST)
    own = Switch(kind="agent", name="support", why="y", by="Bob", at=FIRST)
    gone = AgentHealth(
        agent="gone", executions=1, completed=1, failed=0, cancelled=0, completion_rate=1.0, average_steps=1.0,
        step_efficiency=None, tool_success_rate=None, human_review_rate=0.0, tokens=0, cost_usd=0,  # type: ignore[arg-type]
        tokens_per_completion=None, cost_per_completion_usd=None, p50_duration_s=None, p95_duration_s=None,
    )  # fmt: skip
    controls = Controls(switches=(all_off, own))
    assert [(card.name, card.version) for card in cards({"support": SUPPORT}, controls, [gone])] == [
        ("gone", ""), ("support", "3")
    ]  # fmt: skip
    assert switch_of(controls, "support") == own
    assert switch_of(controls, "gone") == all_off


def test_an_agent_is_started_from_its_page(page: Page, server: Served, accessible: Callable[[Page], None]) -> None:
    """Input as JSON is read as JSON; a wrong one is told, and nothing starts."""
    server.done("fail")
    page.goto("/agents")
    expect(page.get_by_role("article", name="clerk")).to_contain_text("ready")
    accessible(page)
    page.get_by_role("link", name="clerk").click()
    expect(page.get_by_role("region", name="Recent failures")).to_contain_text("MODEL_UNAVAILABLE")
    expect(page.get_by_role("region", name="Tools")).to_contain_text("asks when its condition holds")
    accessible(page)
    page.get_by_label("Input").fill('"hello from the page"')
    page.get_by_label("JSON").check()
    page.get_by_label("User").fill("mia")
    page.get_by_role("button", name="Start").click()
    expect(page).to_have_url(re.compile("/executions/"))
    execution = server.get(page.url.rpartition("/")[2].partition("?")[0])
    assert (execution.input_data, execution.user_id) == ("hello from the page", "mia")


def test_the_kill_switch_wants_a_reason_and_holds(page: Page, server: Served) -> None:
    """Pausing stops an agent and a tool everywhere; whoever looks reads who did it and why."""
    page.goto("/agents/other")
    page.locator(".head summary", has_text="Pause").click()
    page.locator(".head").get_by_label("Why").fill("it answers nonsense")
    page.locator(".head").get_by_role("button", name="Pause").click()
    expect(page.locator(".paused")).to_contain_text(re.compile("Paused by Ada .*: it answers nonsense"))
    row = page.locator(".tool-row", has_text="find_order")
    row.get_by_text("Pause").first.click()
    row.get_by_label("Why find_order is paused").fill("the shop moves")
    row.get_by_role("button", name="Pause", exact=True).click()
    expect(page.locator(".tool-row", has_text="find_order")).to_contain_text("the shop moves")
    on = {(one.kind, one.name, one.by) for one in server.run(server.app.control.look()).switches}
    assert on == {("agent", "other", "Ada"), ("tool", "find_order", "Ada")}
    page.locator(".tool-row", has_text="find_order").get_by_role("button", name="Resume").click()
    page.locator(".paused").get_by_role("button", name="Resume").click()
    expect(page.locator(".notice")).to_contain_text("The agent other goes on")
    assert server.run(server.app.control.look()).switches == ()


def test_a_viewer_cannot_steer(open_page: OpenPage, server: Served) -> None:
    """No buttons, and no by the server."""
    page = open_page("Vera", "viewer", viewport={"width": 390, "height": 800})
    page.goto("/agents/clerk")
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    expect(page.get_by_role("region", name="Start")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    csrf = page.locator("input[name=csrf]").first.input_value()
    answer = page.request.post("/agents/clerk/pause", form={"csrf": csrf, "why": "x"})
    assert answer.status == 403
    assert server.run(server.app.control.look()).switches == ()
