"""The support desk's tools on the real shop, and how the shop is built."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from ledger import ledger_summary
from seed import seed_shop
from shop import Shop

from holdfast import ToolError
from holdfast.errors import InvalidArguments
from holdfast.tools.result import present
from tests.examples.desk import TICKETS, TOOLS, Desk, rows


def test_find_customer_shows_the_writer_only(desk: Desk) -> None:
    """Nobody gets another customer's account."""
    mine = desk.call("find_customer", user="mia.carter@post.example", email="Mia.Carter@post.example")
    other = desk.call("find_customer", user="mia.carter@post.example", email="tom.briggs@post.example")
    assert mine["orders"][0]["order_id"] == "1042"
    assert (other["found"], other["why"]) == (False, "not_the_writers")


def test_find_order_adds_up(desk: Desk) -> None:
    """Total, paid and refundable agree with items and shipping."""
    order = desk.call("find_order", user="mia.carter@post.example", order_id="1042")
    assert (order["total"], order["paid"], order["refundable"]) == ("61.40", "61.40", "61.40")


@pytest.mark.parametrize("tool", ["find_order", "track_shipment"])
def test_an_order_of_somebody_else_is_not_shown(desk: Desk, tool: str) -> None:
    """The tool itself keeps other people's orders to itself, whatever the model asks."""
    shown = desk.call(tool, user="peter.stone@post.example", order_id="1010")
    assert set(shown) == {"found", "why", "message"}


def test_track_shipment_knows_lateness(desk: Desk) -> None:
    """Days late count from the promised day."""
    late = desk.call("track_shipment", user="tom.briggs@post.example", order_id="1003")
    assert (late["days_late"], late["status"]) == (2, "in_transit")


def test_search_policy_takes_any_text(desk: Desk) -> None:
    """A question is words to look for, never a query language."""
    found = desk.call("search_policy", user=None, question='return window" OR 1=1 * NEAR( ^')
    assert found[0]["section"] == "Return window"


def test_update_address_redirects_what_has_not_left(desk: Desk) -> None:
    """The new address holds for orders still in the warehouse; repeating it changes nothing."""
    customer = desk.call("find_customer", user="emily.ross@post.example", email="emily.ross@post.example")
    new = {"street": "14 Harbour Road", "postcode": "BS1 4RN", "city": "Bristol", "country": "GB"}
    for _ in range(2):
        change = desk.call("update_address", user="emily.ross@post.example", customer_id=customer["customer_id"], **new)
        assert change["redirected_orders"] == ["1015"]
    summary = ledger_summary(desk.shop.path)
    assert (summary.effects["update_address"], summary.reruns, summary.duplicates) == (1, 1, 0)


def test_a_late_repetition_does_not_undo_a_newer_address(desk: Desk) -> None:
    """The key of an old change brings back nothing."""
    user = "emily.ross@post.example"
    customer = desk.call("find_customer", user=user, email=user)
    for call_id, street in (("a", "1 First Road"), ("b", "2 Second Road"), ("a", "1 First Road")):
        desk.call(
            "update_address", user=user, call_id=call_id, customer_id=customer["customer_id"],
            street=street, postcode="BS1 4RN", city="Bristol", country="GB",
        )  # fmt: skip
    after = desk.call("find_customer", user=user, email=user)
    assert after["address"]["street"] == "2 Second Road"


def test_refund_stops_at_what_was_paid(desk: Desk) -> None:
    """No more goes back than came in, and a refusal leaves no trace."""
    user = "oliver.grant@post.example"
    desk.call("refund", user=user, call_id="a", order_id="1009", amount="40.00", reason="broken")
    with pytest.raises(ToolError, match=r"4\.90 left"):
        desk.call("refund", user=user, call_id="b", order_id="1009", amount="40.00", reason="broken")
    assert ledger_summary(desk.shop.path).effects["refund"] == 1


def test_the_shop_itself_refuses_to_pay_back_too_much(shop: Shop) -> None:
    """The database has the last word even without the code above it."""
    with closing(sqlite3.connect(shop.path)) as db, pytest.raises(sqlite3.IntegrityError, match="left of the payment"):
        db.execute("INSERT INTO refunds VALUES (1, '1009', 999999, 'x', '2026-01-01', 'k')")


def test_a_second_dispatch_pays_once_and_shows_in_the_ledger(desk: Desk) -> None:
    """The witness can see a duplicate: the same key twice is one refund and two entries."""
    user = "oliver.grant@post.example"
    first, second = (
        desk.call("refund", user=user, call_id="a", order_id="1009", amount="10.00", reason="broken") for _ in range(2)
    )
    assert first == second
    assert rows(desk.shop, "SELECT SUM(cents) FROM refunds") == [(1000,)]
    summary = ledger_summary(desk.shop.path)
    assert (summary.effects["refund"], summary.dispatches, summary.duplicates) == (1, 2, 1)


def test_refund_refuses_an_order_of_somebody_else(desk: Desk) -> None:
    """Ownership is checked where the money is, not only where the model looks."""
    with pytest.raises(ToolError, match="no order 1010"):
        desk.call("refund", user="peter.stone@post.example", order_id="1010", amount="1.00", reason="x")


@pytest.mark.parametrize("amount", ["0", "-5", "1.005", "NaN"])
def test_refund_refuses_amounts_that_are_none(desk: Desk, amount: str) -> None:
    """Nothing, less than nothing and fractions of a cent are refused before anything runs."""
    with pytest.raises(InvalidArguments):
        desk.call("refund", user="oliver.grant@post.example", order_id="1009", amount=amount, reason="x")


@pytest.mark.parametrize(("amount", "verdict"), [("40.00", "allow"), ("100.00", "allow"), ("100.01", "review")])
def test_refunds_over_100_ask(desk: Desk, amount: str, verdict: str) -> None:
    """The bound is 100 euros."""
    assert desk.verdict("refund", user="a@b.example", order_id="1", amount=amount, reason="x") == verdict


@pytest.mark.parametrize(
    ("to", "user", "verdict"),
    [
        ("Mia.Carter@post.example", "mia.carter@post.example", "allow"),
        ("warehouse@harbourandpine.example", "mia.carter@post.example", "allow"),
        ("tom.briggs@post.example", "mia.carter@post.example", "review"),
        ("x@harbourandpine.example.evil.example", "mia.carter@post.example", "review"),
        ("mia.carter@post.example", None, "review"),
    ],
)
def test_emails_to_outside_addresses_ask(desk: Desk, to: str, user: str | None, verdict: str) -> None:
    """Inside are the writer of the ticket and the shop itself; everybody else is outside."""
    assert desk.verdict("send_email", user=user, to=to, subject="s", body="b") == verdict


def test_the_probes_find_what_happened_and_nothing_else(desk: Desk) -> None:
    """After a lost answer the shop's own books tell whether it happened."""
    user = "oliver.grant@post.example"
    told = {"order_id": "1009", "amount": "40.00", "reason": "broken"}
    mail = {"to": user, "subject": "s", "body": "b"}

    def probe(name: str, arguments: dict[str, str]) -> object:
        return asyncio.run(TOOLS[name].ask_probe(desk.context(user=user, call_id="a"), arguments))

    assert probe("refund", told) is None
    assert probe("send_email", mail) is None
    receipt = desk.call("refund", user=user, call_id="a", **told)
    queued = desk.call("send_email", user=user, call_id="a", **mail)
    assert present(probe("refund", told)).output == receipt
    assert present(probe("send_email", mail)).output == queued


def test_a_missing_shop_says_how_to_build_one(tmp_path: Path) -> None:
    """A tool without its shop fails before it could do anything, and names the fix."""
    with pytest.raises(ToolError, match=r"seed\.py"):
        Desk(shop=Shop(path=tmp_path / "none.db")).call("find_order", user=None, order_id="1042")


# --- seed and tickets ----------------------------------------------------------------------------------------


def test_the_seed_decides_the_shop(tmp_path: Path) -> None:
    """The same seed gives the same shop, with a few hundred customers."""
    dumps = []
    for name in ("a.db", "b.db"):
        seed_shop(tmp_path / name, seed=3)
        with closing(sqlite3.connect(tmp_path / name)) as db:
            dumps.append([line for line in db.iterdump() if "policies" not in line])
    assert dumps[0] == dumps[1]
    assert sum(line.startswith('INSERT INTO "customers"') for line in dumps[0]) > 300


def test_there_are_40_tickets_one_of_200_kilobytes() -> None:
    """They come as customers wrote them, long pastes included."""
    assert len(TICKETS) == 40
    assert len(TICKETS["T21"].body.encode()) >= 200 * 1024


def test_every_writer_but_two_is_a_customer(shop: Shop) -> None:
    """Strangers write too; all others are on file."""
    known = {email for (email,) in rows(shop, "SELECT email FROM customers")}
    assert sorted({ticket.sender for ticket in TICKETS.values()} - known) == [
        "curious.reader@mail.example",
        "hannah.cole.new@elsewhere.example",
    ]
