"""The rules of the support desk on every ticket."""

from dataclasses import replace
from decimal import Decimal

import pytest
from ledger import ledger_summary
from resolution import Resolution
from rules import answer_by_rules
from shop import Shop
from tickets import Ticket

from holdfast import Final, Say, ToolError
from holdfast.types import Call, CallRecord, Conversation
from tests.examples.desk import HANDED_OVER, TICKETS, TOOLS, Desk, rows

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


@pytest.mark.parametrize(
    ("sender", "body"),
    [
        ("oliver.grant", "The lamp of order 1009 is a bit broken but I don't want my money back."),
        ("oliver.grant", "If the lamp of 1009 arrives broken, do I get my money back?"),
        ("sabine.kruger", "Das Teeservice aus Bestellung 1011 ist nicht kaputt. Ich möchte mein Geld zurück."),
        ("emily.ross", "Please do not send 1015 to my new address: 14 Harbour Road, Bristol BS1 4RN"),
        ("oliver.grant", "The lamp of order 1009 is broken, I want 400 euros back."),
        ("hannah.cole", "Something in order 1010 arrived broken, I want my money back."),
        ("peter.stone", "A bowl of order 1019 is broken, I want my money back."),
        ("karl.brandt", "I was charged twice for order 1028, I want my money back."),
        ("emily.ross", "I have moved, new address: Harbour Road"),
    ],
)
def test_what_is_doubtful_changes_nothing(desk: Desk, sender: str, body: str) -> None:
    """Denied, supposed, excessive, unclear, late, unproved and incomplete wishes go to a person."""
    ticket = Ticket(id="X", sender=f"{sender}@post.example", subject="", body=body, thread=None)
    assert desk.work(ticket).ending[0] == HANDED_OVER
    assert ledger_summary(desk.shop.path).dispatches == 0


@pytest.mark.parametrize(
    ("sender", "body", "ending"),
    [
        ("mia.carter", "1042???", ("answered",)),
        (
            "hannah.cole",
            "My armchair from order 1010 has a cracked leg, I want my money back",
            ("asks", "refunded", "email_sent"),
        ),
        ("amy.lowe", "the lamp i got is broken!! refund 20 euros please", ("refunded", "email_sent")),
        ("freja.nielsen", "Jeg er flyttet, ny adresse: Skovvej 5, 8240 Risskov", ("address_updated",)),
        ("luc.moreau", "Bonjour, où est mon colis ? Merci", ("answered",)),
    ],
)
def test_ordinary_wishes_in_other_words_are_resolved_too(
    desk: Desk, sender: str, body: str, ending: tuple[str, ...]
) -> None:
    """The rules read wishes, not the forty tickets."""
    ticket = Ticket(id="X", sender=f"{sender}@post.example", subject="", body=body, thread=None)
    assert desk.work(ticket).ending == ending


def test_a_writer_who_is_no_email_address_is_nobody(desk: Desk) -> None:
    """A door that names its users otherwise gets a hand-over, not a malformed call."""
    ticket = Ticket(
        id="X", sender="web-42", subject="", body="The lamp of order 1009 is broken, refund me", thread=None
    )
    assert desk.work(ticket).handed_over == "order 1009 is claimed from an address that is no customer's"
