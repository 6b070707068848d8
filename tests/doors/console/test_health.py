"""How the system is, and what operators do about it."""

from collections.abc import Callable
from datetime import UTC, datetime

from playwright.sync_api import Page, expect

from holdfast.doors.http.console.health_page import breaker_view, queue_view
from holdfast.types import Breaker, Offer, Queue, Share
from tests.conformance.world import new_execution
from tests.doors.console.served import Served

AT = datetime(2026, 11, 20, tzinfo=UTC)
OpenPage = Callable[..., Page]


def test_a_queue_says_where_counting_ended():
    """Ten thousand and more is said so; what is parked says what it waits for."""
    view = queue_view(Queue(due=9_000, paused=1_000, due_since=AT, later={"BUDGET": 7, "MY_REASON": 1}))
    assert (view.due, view.paused) == ("10,000+", "1,000")
    assert view.later == [("for room in a budget", "7"), ("my reason", "1")]


def test_an_open_breaker_is_no_amber():
    """Amber belongs to what waits for a person."""
    breaker = Breaker(kind="model", name="m", status="open", reason="r", since=AT, until=None, ok=0, failed=3)
    assert breaker_view(breaker).look == "tripped"


def test_workers_show_what_they_hold_as_it_happens(
    page: Page, server: Served, accessible: Callable[[Page], None]
) -> None:
    """Host, process and lease of each, and a way to the executions under it; an open form stays open meanwhile."""
    page.goto("/health")
    workers = page.get_by_role("table", name="Workers")
    expect(workers).to_contain_text("alive")
    page.get_by_text("Open a breaker").click()
    page.get_by_label("Name", exact=True).fill("half-written")
    execution = server.start("gate health")
    expect(workers.get_by_role("link", name=execution.id[-8:])).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("half-written")
    expect(page.get_by_role("region", name="Database")).to_contain_text("SQLite")
    accessible(page)
    server.open_gate("health")


def test_a_breaker_is_opened_and_closed(page: Page, server: Served) -> None:
    """Until somebody closes it; the record knows who."""
    page.goto("/health")
    page.get_by_text("Open a breaker").click()
    page.get_by_label("Name", exact=True).fill("openai:gpt-5.2")
    page.get_by_label("Why").fill("its bills are wrong")
    page.get_by_role("button", name="Open", exact=True).click()
    row = page.locator("tr", has_text="openai:gpt-5.2")
    expect(row).to_contain_text("its bills are wrong, opened by Ada")
    row.get_by_role("button", name="Close").click()
    expect(page.locator(".notice")).to_contain_text("is closed")
    assert server.run(server.app.control.look()).breakers == ()


def test_shares_of_the_workers_are_shown_to_who_sees_everything(server: Served, open_page: OpenPage) -> None:
    """What they are called, whose they are, and how much that is; nothing of it to who is bound to a user."""
    share = Share(name="slow-agent", scope="agent", subject="far", limit=1_500)
    server.run(server.app.control.set_share(share, by="Ada"))
    whole, bound = open_page(role="viewer"), open_page("Mia", "viewer", "mia")
    whole.goto("/health")
    expect(whole.get_by_role("table", name="Shares of the workers")).to_contain_text("slow-agent far11,500")
    bound.goto("/health")
    expect(bound.get_by_role("region", name="Database")).to_be_visible()
    expect(bound.get_by_text("slow-agent")).to_have_count(0)
    server.run(server.app.control.drop_share("slow-agent", by="Ada"))


def test_a_worker_is_drained_and_what_nobody_serves_is_named(page: Page, server: Served) -> None:
    """Version, agents and capacity of each; the button takes effect in another process."""
    trail = server.run(server.app._parts.trail())
    offer = Offer(version="9.1", app_version="blue", serves={"far": "2"}, capacity=4)
    server.run(trail.register("far-1", host="far-box", pid=77, lease_s=600, offer=offer))
    server.run(trail.start(new_execution(agent_type="far", pinned=True)))
    page.goto("/health")
    row = page.locator("tr", has_text="far-box")
    expect(row).to_contain_text("serves far 2")
    expect(row).to_contain_text("Holdfast 9.1, app blue")
    expect(page.get_by_role("region", name="Waiting for a worker that is not there")).to_contain_text("far 1")
    row.get_by_role("button", name="Drain").click()
    expect(row).to_contain_text("draining")
    server.run(trail.unpin("far", by="test"))
    server.run(trail.retire("far-1"))


def test_a_viewer_looks_and_a_bound_one_sees_nobodys_executions(open_page: OpenPage, server: Served) -> None:
    """Machines are no secret; whose work they do is."""
    page = open_page("Vera", "viewer", user="vera", viewport={"width": 390, "height": 800})
    page.goto("/health")
    expect(page.get_by_role("table", name="Workers")).to_contain_text("alive")
    expect(page.get_by_text("Deliveries given up")).to_have_count(0)
    expect(page.get_by_text("Open a breaker")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    csrf = page.locator("input[name=csrf]").first.input_value()
    form = {"csrf": csrf, "kind": "model", "name": "m", "why": "x"}
    assert page.request.post("/health/breakers/open", form=form).status == 403
    assert server.run(server.app.control.look()).breakers == ()
