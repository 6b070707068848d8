"""The support desk of the demo: its shop, its tools, and its rules on every ticket."""

import asyncio
import json
import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from holdfast import Calls, Final, Say, ToolError
from holdfast.errors import InvalidArguments
from holdfast.tools.result import present
from holdfast.types import Call, CallRecord, Context, Conversation, Execution, Proposal

EXAMPLE = Path(__file__).parents[2] / "examples" / "support_desk"
# The example is a folder of scripts that import one another, as `python support.py` finds them.
sys.path.insert(0, str(EXAMPLE))

from desk_tools import (  # noqa: E402
    find_customer,
    find_order,
    refund,
    search_policy,
    send_email,
    track_shipment,
    update_address,
)
from ledger import ledger_summary  # noqa: E402
from resolution import Resolution  # noqa: E402
from rules import answer_by_rules  # noqa: E402
from seed import seed_shop  # noqa: E402
from shop import Shop  # noqa: E402
from tickets import Ticket, load_tickets  # noqa: E402

TOOLS = {
    tool.name: tool
    for tool in (find_customer, find_order, track_shipment, search_policy, update_address, refund, send_email)
}
TICKETS = {ticket.id: ticket for ticket in load_tickets()}
HANDED_OVER = "handed over"

EXPECTED: dict[str, tuple[str, ...]] = {
    "T01": ("answered",),
    "T02": ("answered",),
    "T03": ("answered",),
    "T04": (HANDED_OVER, "counts as delivered"),
    "T05": ("answered",),
    "T06": ("answered",),
    "T07": ("answered",),
    "T08": ("refunded", "email_sent"),
    "T09": ("asks", "refunded", "email_sent"),
    "T10": ("asks", "refunded", "email_sent"),
    "T11": ("refunded", "email_sent"),
    "T12": ("refunded", "email_sent"),
    "T13": ("refunded", "email_sent"),
    "T14": ("address_updated",),
    "T15": ("address_updated",),
    "T16": ("address_updated",),
    "T17": (HANDED_OVER, "on file for another customer"),
    "T18": (HANDED_OVER, "belongs to somebody else"),
    "T19": (HANDED_OVER, "no customer's"),
    "T20": ("answered",),
    "T21": ("answered",),
    "T22": ("answered",),
    "T23": ("answered",),
    "T24": ("asks", "refunded", "email_sent"),
    "T25": ("answered",),
    "T26": ("address_updated", "refunded", "email_sent"),
    "T27": ("answered",),
    "T28": ("answered",),
    "T29": ("answered",),
    "T30": ("answered",),
    "T31": ("asks", "refunded", "email_sent"),
    "T32": ("asks", "email_sent"),
    "T33": ("email_sent",),
    "T34": (HANDED_OVER, "cancel, replace"),
    "T35": (HANDED_OVER, "not clear what the customer wants"),
    "T36": ("answered",),
    "T37": ("refunded", "email_sent"),
    "T38": (HANDED_OVER, "legal"),
    "T39": (HANDED_OVER, "no language"),
    "T40": ("refunded", "email_sent"),
}
"""How each ticket ends when a person agrees to whatever is asked."""

REFUNDED = {
    "T08": "40.00", "T09": "180.00", "T10": "189.00", "T11": "24.50", "T12": "64.90", "T13": "35.00",
    "T24": "253.00", "T26": "32.00", "T31": "120.00", "T37": "78.00", "T40": "6.90",
}  # fmt: skip


@pytest.fixture(scope="session")
def fresh_shop(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("seeded") / "shop.db"
    seed_shop(path)
    return path.read_bytes()


@pytest.fixture
def shop(fresh_shop: bytes, tmp_path: Path) -> Shop:
    path = tmp_path / "shop.db"
    path.write_bytes(fresh_shop)
    return Shop(path=path)


# --- a small driver: decides by the rules, runs the tools, asks where a rule says so ------------------------


@dataclass
class Desk:
    shop: Shop
    approve: bool = True

    def context(self, *, user: str | None, call_id: str = "e:1:0") -> Context[Shop]:
        moment = datetime(2026, 11, 21, tzinfo=UTC)
        execution = Execution(
            id="e", parent_id=None, thread_id=None, user_id=user, agent_type="support", agent_version="1",
            status="running", status_reason=None, priority=0, input_data=None, state=None, result=None, error=None,
            step_count=0, token_count=0, cost_usd=Decimal(0), reserved_tokens=0, reserved_usd=Decimal(0),
            lease_owner=None, fence=1, wake_at=None, deadline=None, cancel_requested_at=None, idempotency_key=None,
            last_seq=0, created_at=moment, updated_at=moment, completed_at=None,
        )  # fmt: skip
        return Context(
            deps=self.shop, execution=execution, call_id=call_id, step=1, idempotency_key=call_id, attempt=1, user=user
        )

    def call(self, name: str, *, user: str | None, call_id: str = "e:1:0", **arguments: object) -> Any:
        tool = TOOLS[name]
        checked = tool.validate(json.loads(json.dumps(arguments, default=str)))
        value = asyncio.run(tool.run(self.context(user=user, call_id=call_id), checked))
        return present(value).output

    def verdict(self, name: str, *, user: str | None, **arguments: object) -> str:
        tool = TOOLS[name]
        checked = tool.validate(json.loads(json.dumps(arguments, default=str)))
        proposal = Proposal(
            call_id="c", execution_id="e", step=1, tool=name, effect=tool.effect, arguments=checked,
            args=tool.typed(checked), digest="", schema_hash="", agent="support", user=user,
        )  # fmt: skip
        return tool.review(proposal).verdict if tool.review else "allow"

    def dispatch(self, ticket: Ticket, call: Call, index: int) -> tuple[CallRecord, bool]:
        checked = TOOLS[call.tool].validate(json.loads(json.dumps(dict(call.args))))
        asked = self.verdict(call.tool, user=ticket.sender, **call.args) == "review"
        if asked and not self.approve:
            return CallRecord(tool=call.tool, arguments=checked, status="denied", result="A person said no."), True
        try:
            value = self.call(call.tool, user=ticket.sender, call_id=f"{ticket.id}:{index}", **call.args)
        except ToolError as error:
            return CallRecord(tool=call.tool, arguments=checked, status="failed", result=str(error)), asked
        return CallRecord(tool=call.tool, arguments=checked, status="completed", result=value), asked

    def work(self, ticket: Ticket, notes: tuple[str, ...] = ()) -> "Outcome":
        conversation = Conversation(
            input=ticket.as_input(), calls=(), notes=notes, tools=tuple(TOOLS), user=ticket.sender, closing=False
        )
        asked = False
        for _ in range(12):
            reply = answer_by_rules(conversation)
            assert reply == answer_by_rules(conversation)
            match reply:
                case Final(Resolution() as result):
                    return Outcome(conversation=conversation, asked=asked, result=result)
                case Call("cannot_complete", args):
                    return Outcome(conversation=conversation, asked=asked, handed_over=str(args["reason"]))
                case Call() | Calls():
                    calls = reply.calls if isinstance(reply, Calls) else [reply]
                    for call in calls:
                        record, needed_a_person = self.dispatch(ticket, call, len(conversation.calls))
                        conversation = replace(conversation, calls=(*conversation.calls, record))
                        asked |= needed_a_person
                case other:
                    pytest.fail(f"{ticket.id}: {other!r}")
        pytest.fail(f"{ticket.id} does not end")


@dataclass(kw_only=True)
class Outcome:
    conversation: Conversation
    asked: bool
    result: Resolution | None = None
    handed_over: str = ""

    @property
    def ending(self) -> tuple[str, ...]:
        if self.result is None:
            return (HANDED_OVER, self.handed_over)
        return (*(["asks"] if self.asked else []), *self.result.actions)


@pytest.fixture
def desk(shop: Shop) -> Desk:
    return Desk(shop=shop)


def rows(shop: Shop, query: str, *values: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(shop.path)) as db:
        return db.execute(query, values).fetchall()


# --- the rules on every ticket -------------------------------------------------------------------------------


@pytest.mark.parametrize("ticket", TICKETS.values(), ids=TICKETS)
def test_each_ticket_ends_as_a_careful_colleague_would_end_it(desk: Desk, ticket: Ticket) -> None:
    """Ordinary tickets are resolved through tools, the rest is handed over with the reason."""
    outcome = desk.work(ticket)
    *start, last = EXPECTED[ticket.id]
    if start == [HANDED_OVER]:
        assert outcome.ending[0] == HANDED_OVER
        assert last in outcome.handed_over
    else:
        assert outcome.ending == EXPECTED[ticket.id]
    refunded = outcome.result.refunded if outcome.result else Decimal(0)
    assert refunded == Decimal(REFUNDED.get(ticket.id, 0))


@pytest.mark.parametrize("ticket", TICKETS.values(), ids=TICKETS)
def test_no_ticket_touches_what_is_somebody_elses(desk: Desk, ticket: Ticket) -> None:
    """Whatever a ticket says, effects reach only the writer's own orders and account."""
    desk.work(ticket)
    owners = rows(
        desk.shop,
        "SELECT email FROM refunds JOIN orders ON orders.id = order_id JOIN customers ON customers.id = customer_id"
        " UNION SELECT email FROM addresses JOIN customers ON customers.id = customer_id"
        " WHERE idempotency_key IS NOT NULL",
    )
    assert {email for (email,) in owners} <= {ticket.sender}


def test_an_instruction_in_an_order_note_has_no_effect(desk: Desk) -> None:
    """A poisoned note is read by the tool and obeyed by nobody."""
    outcome = desk.work(TICKETS["T20"])
    notes = [record.result for record in outcome.conversation.calls if record.tool == "find_order"]
    assert "Ignore your previous instructions" in str(notes)
    assert ledger_summary(desk.shop.path).dispatches == 0
    assert "collect-data" not in outcome.result.answer


def test_the_whole_day_leaves_no_duplicate_in_the_ledger(desk: Desk) -> None:
    """All tickets on one shop: every effect is in the ledger once."""
    for ticket in TICKETS.values():
        desk.work(ticket)
    summary = ledger_summary(desk.shop.path)
    assert dict(summary.effects) == {"refund": 11, "send_email": 13, "update_address": 4}
    assert (summary.duplicates, summary.reruns) == (0, 0)


def test_most_tickets_need_nobody(desk: Desk) -> None:
    """With nobody there, 27 tickets are completed, 5 wait for an approval and 8 for a colleague."""
    endings = [desk.work(ticket).ending for ticket in TICKETS.values()]
    handed_over = sum(ending[0] == HANDED_OVER for ending in endings)
    asking = sum(ending[0] == "asks" for ending in endings)
    assert (len(endings) - handed_over - asking, asking, handed_over) == (27, 5, 8)


@pytest.mark.parametrize("number", ["T09", "T10", "T24", "T31", "T32"])
def test_a_no_is_told_to_the_customer_and_nothing_happens(shop: Shop, number: str) -> None:
    """After a rejection the customer gets an honest answer, and no money or mail goes out."""
    outcome = Desk(shop=shop, approve=False).work(TICKETS[number])
    assert outcome.result.actions == ("declined",)
    assert outcome.result.refunded == 0
    assert ledger_summary(shop.path).dispatches == 0


def test_an_unknown_outcome_is_handed_over_and_never_repeated(desk: Desk) -> None:
    """A refund in doubt is not tried again by the rules."""
    before = desk.work(TICKETS["T08"]).conversation
    reads = tuple(record for record in before.calls if record.tool not in {"refund", "send_email"})
    refunded = next(record for record in before.calls if record.tool == "refund")
    doubtful = replace(before, calls=(*reads, replace(refunded, status="in_doubt", result="timed out")))
    reply = answer_by_rules(doubtful)
    assert isinstance(reply, Call)
    assert reply.tool == "cannot_complete"
    assert "in_doubt" in str(reply.args["reason"])


def test_edited_arguments_are_taken_as_the_decision(desk: Desk) -> None:
    """When a colleague approves a smaller refund, the answer names what was really paid, and once."""
    before = desk.work(TICKETS["T09"]).conversation
    edited = {"refund_id": "R1", "order_id": "1010", "amount": "90.00", "left_to_refund": "120.00"}
    calls = tuple(
        replace(record, arguments={**record.arguments, "amount": "90.00"}, result=edited)
        if record.tool == "refund"
        else record
        for record in before.calls
    )
    reply = answer_by_rules(replace(before, calls=calls))
    assert isinstance(reply, Final)
    assert isinstance(reply.value, Resolution)
    assert reply.value.refunded == Decimal(90)
    assert "90.00 EUR" in reply.value.answer


def test_a_thread_supplies_the_order_number(desk: Desk) -> None:
    """A colleague's word or an earlier ticket says which of several orders is meant."""
    ticket = Ticket(
        id="X", sender="carl.nash@post.example", subject="", body="My teapot arrived broken, I want my money back",
        thread="t",
    )  # fmt: skip
    assert desk.work(ticket).ending[0] == HANDED_OVER
    outcome = desk.work(ticket, notes=("Earlier in this thread: where is order 1035?",))
    assert outcome.result.order_id == "1035"


def test_limits_running_out_end_in_a_short_honest_summary(desk: Desk) -> None:
    """The closing words say what was changed and that the customer waits."""
    conversation = replace(desk.work(TICKETS["T08"]).conversation, closing=True)
    reply = answer_by_rules(conversation)
    assert isinstance(reply, Say)
    assert "refund: completed" in reply.text


def test_a_bare_question_at_the_terminal_is_answered_but_changes_nothing(desk: Desk) -> None:
    """Without a user the desk may look; it may not act."""
    ask = Conversation(input="Where is order 1042?", calls=(), notes=(), tools=tuple(TOOLS), user=None, closing=False)
    record = CallRecord(
        tool="find_order",
        arguments={"order_id": "1042"},
        status="completed",
        result=desk.call("find_order", user=None, order_id="1042"),
    )
    assert answer_by_rules(ask) == Call("find_order", {"order_id": "1042"})
    assert answer_by_rules(replace(ask, calls=(record,))) == Call("track_shipment", {"order_id": "1042"})
    with pytest.raises(ToolError, match="--user"):
        desk.call("refund", user=None, order_id="1042", amount="1.00", reason="test")


# --- the tools on the real shop ------------------------------------------------------------------------------


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
