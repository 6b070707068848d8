"""Puts the answer to a ticket, and its e-mails, together from what the tools really returned."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from case import Case
from phrases import SIGNATURE, say
from records import AddressChange, Order, Queued, Refund, Tracking
from resolution import Action, Resolution
from words import Wish

from holdfast.types import Call, CallRecord

ABOUT_THE_PARCEL: frozenset[Wish] = frozenset({"track", "not_received"})


def resolution(case: Case, order: Order | None) -> Resolution:
    """The result of a ticket whose every planned effect has an outcome."""
    refund = case.answer(Refund, "refund")
    guessed = bool(order and case.reading.order_ids and order.order_id not in case.reading.order_ids)
    return Resolution(
        answer=_letter(case, _paragraphs(case, order)),
        actions=tuple(_actions(case)) or ("answered",),
        order_id=order.order_id if order else None,
        refunded=refund.amount if refund else Decimal(0),
        confidence=0.6 if guessed else 0.9,
    )


def about_order(order: Order) -> str:
    """An order in one sentence, for a colleague."""
    return f"Order {order.order_id}: {order.status}, paid {order.paid}, refunded {order.refunded}."


def refund_confirmation(case: Case, order: Order, record: CallRecord) -> Call:
    """The e-mail that confirms a refund, to the address on file."""
    to = case.customer.email if case.customer else case.writer or ""
    subject = say("refund_subject", case.language, order=order.order_id)
    body = _letter(case, [_refund_paragraph(case, order, record)])
    return Call("send_email", {"to": to, "subject": subject, "body": body})


def invoice(case: Case, order: Order, *, to: str) -> Call:
    """The e-mail with the invoice of an order."""
    lines = [f"{item.quantity} x {item.name}  {item.quantity * item.unit_price} EUR" for item in order.items]
    lines += [f"Shipping  {order.shipping} EUR", f"Total  {order.total} EUR"]
    subject = say("invoice_subject", case.language, order=order.order_id)
    return Call("send_email", {"to": to, "subject": subject, "body": "\n".join([subject, "", *lines, "", SIGNATURE])})


def _letter(case: Case, paragraphs: list[str]) -> str:
    greeting = [say("hello", case.language, name=case.customer.name)] if case.customer else []
    return "\n\n".join([*greeting, *paragraphs, SIGNATURE])


def _paragraphs(case: Case, order: Order | None) -> list[str]:
    return [
        *_about_the_order(case, order),
        *_about_the_address(case),
        *_about_money(case, order),
        *_about_the_invoice(case, order),
        *_about_policies(case),
    ]


def _about_the_order(case: Case, order: Order | None) -> Iterator[str]:
    if order is None or not case.reading.wishes & ABOUT_THE_PARCEL:
        return
    asked = [number for number in case.reading.order_ids if number != order.order_id]
    if asked:
        yield say("other_order", case.language, asked=asked[0], order=order.order_id)
    tracking = case.tracking(order.order_id)
    if tracking is None:
        yield say("processing", case.language, order=order.order_id)
    else:
        yield from _about_the_parcel(case, order, tracking)


def _about_the_parcel(case: Case, order: Order, tracking: Tracking) -> Iterator[str]:
    if tracking.status == "lost":
        if not case.records("refund"):
            yield say("lost", case.language, order=order.order_id, carrier=tracking.carrier, amount=order.refundable)
        return
    if tracking.delivered_on:
        yield say(
            "delivered",
            case.language,
            order=order.order_id,
            day=tracking.delivered_on,
            carrier=tracking.carrier,
            number=tracking.tracking_no,
        )
        return
    if tracking.days_late:
        yield say("sorry_late", case.language, days=tracking.days_late)
    last = tracking.events[-1]
    yield say(
        "on_its_way",
        case.language,
        order=order.order_id,
        carrier=tracking.carrier,
        number=tracking.tracking_no,
        day=last.on_day,
        event=last.what,
        place=last.place,
        promised=tracking.promised_on,
    )


def _about_the_address(case: Case) -> Iterator[str]:
    change = case.answer(AddressChange, "update_address")
    if change:
        saved = say("address_saved", case.language, address=change.address.in_one_line())
        orders = ", ".join(change.redirected_orders)
        yield f"{saved} {say('redirected', case.language, orders=orders)}" if orders else saved


def _about_money(case: Case, order: Order | None) -> Iterator[str]:
    record = next(iter(case.records("refund")), None)
    if record and order:
        yield _refund_paragraph(case, order, record)


def _refund_paragraph(case: Case, order: Order, record: CallRecord) -> str:
    refund = case.answer(Refund, "refund")
    if record.status != "completed" or refund is None:
        # Why a colleague said no is between colleagues.
        return say("refund_declined", case.language, order=order.order_id)
    return say("refunded", case.language, amount=refund.amount, order=refund.order_id)


def _about_the_invoice(case: Case, order: Order | None) -> Iterator[str]:
    if "invoice" not in case.reading.wishes or order is None:
        return
    record = case.records("send_email")[-1]
    if record.status == "completed" and isinstance(record.result, Mapping):
        sent = Queued.model_validate(record.result)
        yield say("invoice_sent", case.language, order=order.order_id, to=sent.to)
    else:
        yield say("invoice_declined", case.language, order=order.order_id)


def _about_policies(case: Case) -> Iterator[str]:
    if "policy" not in case.reading.wishes:
        return
    for topic in case.reading.policy_topics:
        for passage in case.passages(topic)[:1]:
            title = f"{passage.document}, {passage.section}"
            yield say("policy", case.language, title=title, text=passage.text)


_DONE: Mapping[str, Action] = {
    "refund": "refunded",
    "update_address": "address_updated",
    "send_email": "email_sent",
}


def _actions(case: Case) -> Iterator[Action]:
    for record in case.conversation.calls:
        if record.tool in _DONE:
            yield _DONE[record.tool] if record.status == "completed" else "declined"
