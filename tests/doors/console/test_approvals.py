"""Answering questions in the console, as a person does it."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from holdfast.types import Approval
from tests.doors.console.served import Served

OpenPage = Callable[..., Page]


def ask(server: Served, amount: int, **given: str) -> Approval:
    """A refund that waits for a person."""
    execution = server.done(f"pay {amount}", **given)
    (approval,) = server.run(server.app.approvals(execution_id=execution.id))
    return approval


def now(server: Served, approval: Approval) -> Approval:
    found = server.run(server.app.approvals(None, execution_id=approval.execution_id))
    return next(one for one in found if one.id == approval.id)


@pytest.fixture(autouse=True)
def nobody_waits(server: Served) -> None:
    """Each story begins with no open question."""
    for one in server.run(server.app.approvals()):
        server.run(server.app.decide(one.id, "reject", by="the tests", note="over"))


def test_a_card_shows_exactly_what_would_run_and_a_click_approves_it(
    page: Page, server: Served, accessible: Callable[[Page], None]
) -> None:
    """The oldest question stands beside the list; after the answer the next one is a key away."""
    first, second = ask(server, 120), ask(server, 130)
    page.goto("/approvals")
    card = page.locator(".question-card")
    expect(card.get_by_text("Waiting for a person")).to_be_visible()
    assert card.locator(".argument").all_inner_texts() == ["amount\nnumber\n120", "order_id\ntext\n1042"]
    accessible(page)
    card.get_by_role("button", name="Approve").click()
    expect(page.locator(".notice")).to_contain_text("Approved by Ada")
    assert now(server, first).decided_by == "Ada"
    page.wait_for_load_state()
    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(second.id))


def test_keys_approve_and_reject(page: Page, server: Served) -> None:
    """A and R work without a mouse; a no wants its reason before anything is sent."""
    yes, no = ask(server, 140), ask(server, 150)
    page.goto(f"/approvals/{yes.id}")
    page.keyboard.press("a")
    expect(page.locator(".notice")).to_contain_text("Approved")
    page.goto(f"/approvals/{no.id}")
    page.keyboard.press("r")
    expect(page.get_by_label("Note")).to_be_focused()
    page.keyboard.type("we have paid them already")
    page.get_by_role("button", name="Reject").click()
    expect(page.locator(".notice")).to_contain_text("Rejected")
    assert (now(server, yes).status, now(server, no).note) == ("approved", "we have paid them already")


def test_an_edit_is_checked_against_the_tool_and_compared_before_it_counts(
    page: Page, server: Served, accessible: Callable[[Page], None]
) -> None:
    """The server names the argument that does not fit, then shows what would change."""
    asked = ask(server, 160)
    page.goto(f"/approvals/{asked.id}")
    page.keyboard.press("e")
    editor = page.locator("#edit")
    expect(editor).to_be_focused()
    editor.fill('{"order_id": "1042", "amount": "much"}')
    expect(page.locator("#preview [role=alert]")).to_contain_text("amount")
    editor.fill('{"order_id": "1042", "amount": 80}')
    expect(page.locator("#preview .d-new")).to_contain_text('"amount": 80')
    expect(page.locator("#preview .d-gone mark")).to_have_text("160")
    accessible(page)
    page.get_by_role("button", name="Approve with changes").click()
    expect(page.get_by_role("heading", name="What was changed")).to_be_visible()
    assert now(server, asked).edit == {"amount": 80, "order_id": "1042"}


def test_everything_works_without_javascript(open_page: OpenPage, server: Served) -> None:
    """Compare, be refused, and approve with changes, by forms alone."""
    asked = ask(server, 170)
    page = open_page(java_script_enabled=False)
    page.goto(f"/approvals/{asked.id}")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("alert")).to_contain_text("Say why")
    page.get_by_text("Edit what runs").click()
    page.locator("#edit").fill('{"order_id": 7}')
    page.get_by_role("button", name="Approve with changes").click()
    expect(page.locator("#preview [role=alert]")).to_contain_text("amount: missing")
    page.locator("#edit").fill('{"order_id": "7", "amount": 1}')
    page.get_by_role("button", name="Check and compare").click()
    expect(page.locator("#preview .d-new").first).to_be_visible()
    assert now(server, asked).status == "open"
    page.get_by_role("button", name="Approve with changes").click()
    assert now(server, asked).edit == {"order_id": "7", "amount": 1}


def test_the_second_of_two_tabs_is_told_who_was_faster(open_page: OpenPage, server: Served) -> None:
    """One answer counts; the other tab hears of it, at once and when it answers all the same."""
    asked = ask(server, 180)
    ada, bob = open_page("Ada"), open_page("Bob", java_script_enabled=False)
    watching = open_page("Cleo")
    for tab in (ada, bob, watching):
        tab.goto(f"/approvals/{asked.id}")
    ada.get_by_role("button", name="Approve").click()
    expect(watching.locator("#meanwhile")).to_contain_text("Approved by Ada")
    with bob.expect_response(lambda answer: answer.request.method == "POST") as answered:
        bob.get_by_role("button", name="Approve").click()
    assert answered.value.status == 409
    expect(bob.get_by_role("alert")).to_contain_text(re.compile(r"Already decided: approved by Ada at .* UTC"))
    assert now(server, asked).decided_by == "Ada"


def test_new_questions_appear_and_selections_stay(page: Page, server: Served) -> None:
    """The list follows what happens without losing what was ticked."""
    first = ask(server, 190)
    page.goto("/approvals")
    page.locator(f"#q-{first.id} input").check()
    second = ask(server, 195)
    expect(page.locator(f"#q-{second.id}")).to_be_visible()
    expect(page.locator(f"#q-{first.id} input")).to_be_checked()
    expect(page.locator("#open-approvals")).to_have_text("2")


def test_many_are_decided_together_after_all_were_seen(
    page: Page, server: Served, accessible: Callable[[Page], None]
) -> None:
    """Alike questions get one answer; each is on the record singly."""
    asked = [ask(server, amount) for amount in (200, 210, 220)]
    page.goto(f"/approvals/{asked[0].id}")
    page.get_by_role("link", name="Decide all alike together").click()
    expect(page.locator(".bulk-card")).to_have_count(3)
    accessible(page)
    page.locator(".bulk-card input").nth(1).uncheck()
    page.get_by_role("button", name="Approve selected").click()
    expect(page.locator(".notice")).to_contain_text("2 decided")
    assert [now(server, one).status for one in asked] == ["approved", "open", "approved"]


def test_a_grant_is_given_within_bounds_and_taken_back(
    page: Page, server: Served, accessible: Callable[[Page], None]
) -> None:
    """The bounds begin with what this call needs."""
    asked = ask(server, 230)
    page.goto(f"/approvals/{asked.id}")
    page.get_by_text("Stop asking me about this").click()
    assert page.get_by_label("Bounds").input_value() == "amount<=230\norder_id=1042"
    page.get_by_label("Bounds").fill("amount<=230")
    page.get_by_label("Why").fill("small ones are fine this week")
    page.get_by_role("button", name="Give the grant").click()
    expect(page.locator(".notice")).to_contain_text("refund may run 10 times")
    (grant,) = server.run(server.app.grants())
    assert (grant.bounds, grant.agent, grant.by) == ({"amount": {"max": "230"}}, "clerk", "Ada")
    page.goto("/approvals?tab=grants")
    accessible(page)
    page.get_by_role("button", name="Take back").click()
    assert server.run(server.app.grants()) == []


def test_a_viewer_sees_no_buttons_and_is_refused(open_page: OpenPage, server: Served) -> None:
    """Looking is not deciding."""
    asked = ask(server, 240)
    page = open_page("Vera", "viewer")
    page.goto(f"/approvals/{asked.id}")
    expect(page.locator("#deciding")).to_have_count(0)
    expect(page.get_by_role("checkbox", name="Select")).to_have_count(0)
    csrf = page.locator("input[name=csrf]").first.input_value()
    answer = page.request.post(f"/approvals/{asked.id}", form={"csrf": csrf, "choice": "approve"})
    assert answer.status == 403
    assert now(server, asked).status == "open"


def test_nobody_sees_questions_about_other_peoples_executions(open_page: OpenPage, server: Served) -> None:
    """Who is bound to a user is not even told that there is one."""
    asked = ask(server, 250, user="mia")
    page = open_page("Leo", "viewer", user="leo")
    page.goto("/approvals")
    expect(page.get_by_text("Nobody is waited for")).to_be_visible()
    gone = page.goto(f"/approvals/{asked.id}")
    assert gone
    assert gone.status == 404


def test_decisions_stay_readable_and_a_phone_shows_one_thing_at_a_time(
    open_page: OpenPage, server: Served, accessible: Callable[[Page], None]
) -> None:
    """390 pixels are enough: first the list, then the card; nothing reaches over the edge."""
    asked = ask(server, 260)
    page = open_page(viewport={"width": 390, "height": 800})
    page.goto("/approvals")
    expect(page.locator(".question-card")).to_be_hidden()
    page.locator(f"#q-{asked.id} a").click()
    expect(page.locator(".question-card")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    accessible(page)
    page.goto("/approvals?tab=history")
    expect(page.locator("tbody tr").first).to_contain_text("rejected")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    accessible(page)
