"""A plan and the path through a workflow on the page of an execution, in a real browser."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from holdfast import Agent, Conversation, Final, Flow, Plan, Planner, Task, workflow
from holdfast.types import Execution
from tests.doors.console.served import GATES, Served, pass_gate, refund


async def wait(conversation: Conversation) -> Final:
    """Works until its gate is open."""
    await GATES.of(str(conversation.input)).wait()
    return Final(f"{conversation.input} is open")


def write(conversation: Conversation) -> Final:
    """A plan with one task that takes a while, one that a person is asked about, and one that waits for both."""
    gate: Any = conversation.input["goal"]  # pyright: ignore[reportIndexIssue, reportOptionalSubscript, reportCallIssue, reportArgumentType]
    pay = {"order_id": "7", "amount": 120}
    end = {"gate": {"$from": "gate"}, "paid": {"$from": "pay"}}
    tasks = (Task(id="gate", use="gatekeeper", input=gate), Task(id="pay", use="refund", input=pay))
    return Final(Plan(tasks=(*tasks, Task(id="end", use="writer", input=end)), reason="As short as it can be."))


def write_much(_: Conversation) -> Final:
    """A plan that is too large to stand in a row."""
    tasks = tuple(Task(id=f"part-{n}", use="writer", input="word " * 1_500) for n in range(3))
    end = Task(id="end", use="writer", input=[{"$from": task.id} for task in tasks])
    return Final(Plan(tasks=(*tasks, end)))


@workflow
async def onboard(flow: Flow, strict: bool) -> None:
    await flow.step("open account", lambda: "A1", effect="read")
    if strict:
        await flow.step("check credit", lambda: 1, effect="read")
    await flow.approve("sign off", question="May it?")
    await flow.step("tell", lambda: 2, effect="read")


GATEKEEPER = Agent(name="gatekeeper", models=[wait])
WRITER = Agent(name="writer", models=[lambda conversation: Final("all of it")])
TRIP = Planner(name="trip", models=[write], agents=[GATEKEEPER, WRITER], tools=[refund, pass_gate])


LARGE = Planner(name="large", models=[write_much], agents=[WRITER], approve=True)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Served]:
    """A console of a planner and a workflow."""
    database = shutil.copy(migrated_file, tmp_path_factory.mktemp("plans") / "trail.db")
    served = Served(str(database), [TRIP, LARGE, onboard])
    yield served
    served.close()


@pytest.fixture
def look(desk: Served, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Open the page of an execution; what breaks in it fails the test."""
    opened: list[Any] = []
    broken: list[str] = []

    def page_of(execution: Execution, **options: Any) -> Page:
        context = browser.new_context(base_url=desk.url, reduced_motion="reduce", **options)
        opened.append(context)
        cookie = {"name": "holdfast_session", "value": desk.session(), "url": desk.url}
        context.add_cookies([cookie | {"httpOnly": True, "sameSite": "Strict"}])
        page = context.new_page()
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.on("console", lambda said: broken.append(said.text) if said.type == "error" else None)
        page.goto(f"/executions/{execution.id}")
        return page

    yield page_of
    for context in opened:
        context.close()
    assert not broken, broken


def box(page: Page, name: str) -> Any:
    return page.locator(f'#graph .node[data-id="{name}"]')


def test_a_plan_is_drawn_while_it_is_carried_out(desk: Served, look: Callable[..., Page]) -> None:
    """Each task with its state, changing while one looks; each links to its execution."""
    started = desk.start("first gate", "trip")
    page = look(started)
    expect(page.locator("#graph h2")).to_have_text("Plan 1")
    expect(box(page, "gate")).to_contain_text("running")
    expect(box(page, "pay")).to_contain_text("waiting for a person")
    expect(box(page, "end")).to_contain_text("pending")
    expect(page.locator("#graph")).to_contain_text("Plan 1 has 3 tasks: As short as it can be.")
    desk.open_gate("first gate")
    expect(box(page, "gate")).to_contain_text("completed: first gate is open")
    (asked,) = desk.run(desk.app.approvals())
    desk.run(desk.app.decide(asked.id, "approve", by="Grace"))
    expect(box(page, "end")).to_contain_text("completed: all of it")
    expect(page.locator("#graph")).to_contain_text("3 of 3 tasks done")
    box(page, "gate").click()
    expect(page.locator(".head-facts")).to_contain_text("gatekeeper")


def test_a_graph_can_be_read_without_scripts_colours_and_room(
    desk: Served, look: Callable[..., Page], accessible: Callable[[Page], None]
) -> None:
    """As a list too, with a page that is not wider than a telephone: the drawing scrolls in its own box."""
    started = desk.start("second gate", "trip")
    wait_for_question(desk, started)
    page = look(started, viewport={"width": 390, "height": 844}, java_script_enabled=False)
    page.get_by_text("As a list").click()
    rows = page.locator("#graph tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(1)).to_contain_text("waiting for a person")
    expect(rows.nth(1).get_by_role("link", name="pay")).to_be_visible()
    sizes = "() => [document.documentElement.scrollWidth, document.querySelector('.graph-box').scrollWidth]"
    narrow = look(started, viewport={"width": 390, "height": 844})
    whole, inside = narrow.evaluate(sizes)
    assert whole <= 390 < inside
    accessible(narrow)
    desk.open_gate("second gate")


def wait_for_question(desk: Served, execution: Execution) -> None:
    """Until the task that is a tool waits for a person."""

    async def asked() -> None:
        async for event in desk.app.events(execution.id):
            if event.kind == "child.started" and event.data["agent"] == "trip-refund":
                await desk.app.wait(str(event.data["child_id"]), 20)
                return

    desk.run(asked())


def test_a_plan_is_drawn_where_people_are_asked_about_it(
    desk: Served, look: Callable[..., Page], accessible: Callable[[Page], None]
) -> None:
    """On the card, and on the page of the execution, however large its inputs are."""
    waiting = desk.done("all of it", "large")
    (asked,) = desk.run(desk.app.approvals(execution_id=waiting.id))
    page = look(waiting)
    expect(page.locator("#graph .node")).to_have_count(4)
    expect(page.locator("#graph .way")).to_have_count(3)
    page.goto(f"/approvals/{asked.id}")
    boxes = page.get_by_role("region", name="The plan as a graph").locator(".node")
    expect(boxes).to_have_count(4)
    expect(boxes.nth(0)).to_contain_text("pending: word word")
    accessible(page)


def test_the_path_of_a_workflow_shows_what_else_there_was(desk: Served, look: Callable[..., Page]) -> None:
    """Steps as they went, and dashed what the code has besides: not reached yet, or not taken."""
    started = desk.done(False, "onboard")
    page = look(started)
    expect(page.locator("#graph h2")).to_have_text("Path")
    expect(box(page, "open account")).to_contain_text("completed: A1")
    expect(box(page, "sign off")).to_contain_text("waiting for a person")
    expect(page.locator("#graph .node.ahead")).to_have_count(2)
    (asked,) = desk.run(desk.app.approvals(execution_id=started.id))
    desk.run(desk.app.decide(asked.id, "approve", by="Grace"))
    expect(box(page, "tell")).to_contain_text("completed: 2")
    expect(box(page, "check credit")).to_contain_text("not taken")
