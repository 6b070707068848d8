"""The list of executions, and starting, cancelling and retrying them."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.doors.console.served import Served


def test_an_execution_is_started_from_the_form_and_watched_to_its_end(page: Page, server: Served) -> None:
    """The page of what was started grows until it ends, without being loaded again."""
    page.goto("/executions/new?agent=clerk")
    page.get_by_label("Input").fill("gate watched")
    page.get_by_role("button", name="Start").click()
    expect(page.locator("#spans")).to_contain_text("pass_gate")
    page.evaluate("window.same = true")
    server.open_gate("watched")
    expect(page.locator("#head .state").first).to_have_text("completed")
    expect(page.locator("#spans")).to_contain_text("done: gate watched")
    assert page.evaluate("window.same")


def test_an_input_that_is_no_json_is_said_and_kept(page: Page) -> None:
    """A mistake costs no typing."""
    page.goto("/executions/new")
    page.get_by_label("Input").fill('{"a":')
    page.get_by_label("JSON").check()
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("alert")).to_contain_text("not JSON")
    expect(page.get_by_label("Input")).to_have_value('{"a":')


def test_filters_stand_in_the_address(page: Page, server: Served) -> None:
    """A filtered list can be sent to a colleague."""
    server.done("hello", user="filtered@example.com")
    page.goto("/executions")
    page.get_by_label("User").fill("filtered@example.com")
    page.get_by_label("Status").select_option("completed")
    page.get_by_role("button", name="Filter").click()
    assert "user=filtered%40example.com" in page.url
    assert "status=completed" in page.url
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_label("Status").select_option("failed")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_text("Nothing fits these filters")).to_be_visible()


def test_part_of_an_id_leads_to_its_execution(page: Page, server: Served) -> None:
    """An id from a log or a chat is enough."""
    execution = server.done("hello")
    page.goto(f"/executions?id={execution.id[-10:]}")
    assert page.url.endswith(f"/executions/{execution.id}")


def test_the_list_goes_on_page_by_page(page: Page, server: Served) -> None:
    """A hundred rows, then the next hundred, none twice."""

    async def many() -> None:
        for number in range(103):
            await server.app.start("other", f"row {number}", user="paged@example.com")

    server.run(many())
    page.goto("/executions?user=paged@example.com")
    first = page.locator("tbody tr").all()
    seen = {row.get_attribute("data-id") for row in first}
    page.get_by_role("link", name="Older").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    assert len(seen) == 100
    assert not seen & {row.get_attribute("data-id") for row in page.locator("tbody tr").all()}


def test_one_is_cancelled_on_its_page(page: Page, server: Served) -> None:
    """A click stops it, and the record says who."""
    execution = server.done("pay 500")
    page.goto(f"/executions/{execution.id}")
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator("#head .state").first).to_have_text("cancelled")
    expect(page.locator("#spans")).to_contain_text("by Ada")


def test_many_are_cancelled_at_once_without_javascript(open_page: Callable[..., Page], server: Served) -> None:
    """Ticks and a button; what cannot be cancelled is said."""
    waiting = [server.done(f"pay {amount}", user="bulk@example.com") for amount in (200, 300)]
    server.done("hello", user="bulk@example.com")
    page = open_page(java_script_enabled=False)
    page.goto("/executions?user=bulk@example.com")
    for tick in page.get_by_role("checkbox").all():
        tick.check()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".notice")).to_contain_text("2 executions cancelled or asked to stop. 1 refused")
    assert {server.get(one.id).status for one in waiting} == {"cancelled"}


def test_a_failed_one_is_retried(page: Page, server: Served) -> None:
    """It goes on where it stopped, with a person's name on it."""
    execution = server.done("fail")
    page.goto(f"/executions/{execution.id}")
    page.get_by_role("button", name="Retry").click()
    expect(page.locator("#spans")).to_contain_text("Retried")
    expect(page.locator("#spans")).to_contain_text("by Ada")


def test_a_viewer_gets_no_buttons_and_may_not_post(open_page: Callable[..., Page], server: Served) -> None:
    """What somebody may not do is not offered, and refused."""
    execution = server.done("pay 700")
    page = open_page("Vera", "viewer")
    page.goto(f"/executions/{execution.id}")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    csrf = page.locator("input[name=csrf]").first.get_attribute("value")
    answer = page.request.post(f"/executions/{execution.id}/cancel", form={"csrf": str(csrf)})
    assert answer.status == 403
    assert server.get(execution.id).status == "awaiting_review"


def test_nobody_sees_what_is_another_users(open_page: Callable[..., Page], server: Served) -> None:
    """Not in the list, not by its address, not in the stream."""
    execution = server.done("hello", user="somebody@example.com")
    page = open_page("Rita", "runner", "rita@example.com")
    page.goto("/executions?user=somebody@example.com")
    expect(page.get_by_text("Nothing fits these filters")).to_be_visible()
    for path in ("", "/panel", "/blobs/" + "0" * 64):
        assert page.request.get(f"/executions/{execution.id}{path}").status == 404
    assert page.request.get(f"/live/executions/{execution.id}").status == 404


def test_keys_walk_over_rows_and_open_them(page: Page, server: Served) -> None:
    """j, k, Enter, / and ? do what they say."""
    execution = server.done("hello", user="keys@example.com")
    server.done("both", user="keys@example.com")
    page.goto("/executions?user=keys@example.com")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_label("Status")).to_be_focused()
    page.locator("h1").click()
    for key in ("j", "j", "k", "j", "Enter"):
        page.keyboard.press(key)
    page.wait_for_url(f"**/executions/{execution.id}")


def test_lists_are_accessible_and_fit_a_telephone(
    open_page: Callable[..., Page], server: Served, accessible: Callable[[Page], None]
) -> None:
    """axe-core finds nothing in light or dark; nothing scrolls sideways at 390 pixels."""
    for asked in ("pay 900", "fail"):
        server.done(asked, user="axe@example.com")
    page = open_page(viewport={"width": 390, "height": 800})
    for path in ("/", "/executions?user=axe@example.com", "/executions?user=nobody", "/executions/new"):
        page.goto(path)
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
