"""The rule-based model: plain code that resolves ordinary tickets through the tools and hands over the rest.

It is the last rung of the chain: it answers when no model is configured or none can be reached. It keeps
nothing between turns; whatever it says follows from the conversation, so another process may go on with it.
Text in the shop's data (an order's note, a policy) is shown or ignored, never obeyed.
"""

from collections.abc import Iterator

from case import Case
from claims import ABOUT_MONEY, Claim, Doubt, judge_claim
from letters import about_order, invoice, refund_confirmation, resolution
from phrases import say
from records import Order
from resolution import Resolution
from words import FOR_PEOPLE, Wish

from holdfast.types import Call, CallRecord, Calls, Conversation, Final, Reply, Say

ONLY_THANKS: frozenset[Wish] = frozenset({"thanks"})
NEEDS_NO_ACCOUNT: frozenset[Wish] = frozenset({"policy", "thanks"})
NEEDS_AN_ORDER: frozenset[Wish] = ABOUT_MONEY.union(("track", "not_received", "invoice"))
NEEDS_TRACKING: frozenset[Wish] = NEEDS_AN_ORDER.difference(("invoice", "charged_twice"))
MOST_ORDERS = 3

Steps = list[tuple[Call, CallRecord | None]]
"""Effects in order, each with its call so far."""


def answer_by_rules(conversation: Conversation) -> Reply:
    """Decide the next call, the result, or that a person has to take over."""
    case = Case(conversation=conversation)
    if conversation.closing:
        return Say(f"Not finished. {_done_so_far(case)} Open: the customer has no answer yet.")
    match _understand(case):
        case Doubt(reason):
            return _hand_over(case, reason)
        case Call() | Calls() | Final() as reply:
            return reply
        case order:
            return _resolve(case, order)


# --- understanding: reads only ---------------------------------------------------------------------------


def _understand(case: Case) -> Call | Calls | Final | Doubt | Order | None:
    """The order a ticket is about (`None`: about none), or what has to happen before that is known."""
    wishes = case.reading.wishes
    if case.reading.language is None and not (wishes - NEEDS_NO_ACCOUNT):
        return Doubt("the ticket is in no language that the rules read")
    if wishes == ONLY_THANKS:
        return Final(_thanks(case))
    if reads := _first_reads(case):
        return _in_one_message(reads)
    if doubt := _not_for_rules(case):
        return doubt
    return _find_the_order(case) if wishes & NEEDS_AN_ORDER else None


def _in_one_message(reads: list[Call]) -> Call | Calls:
    return reads[0] if len(reads) == 1 else Calls(reads)


def _first_reads(case: Case) -> list[Call]:
    """What is worth looking up before any judgement, for a person too; each once."""
    reads: list[Call] = []
    if case.reading.wishes - NEEDS_NO_ACCOUNT or not case.reading.wishes:
        reads += [Call("find_customer", {"email": case.writer})] if case.writer else []
        reads += [Call("find_order", {"order_id": number}) for number in case.reading.order_ids[:MOST_ORDERS]]
    if "policy" in case.reading.wishes:
        reads += [Call("search_policy", {"question": topic}) for topic in case.reading.policy_topics]
    return [read for read in reads if case.not_yet(read)]


def _not_for_rules(case: Case) -> Doubt | None:
    reading = case.reading
    if failed := next((record for record in case.conversation.calls if _is_broken_read(record)), None):
        return Doubt(f"{failed.tool} does not answer: {failed.result}")
    if not reading.wishes - {"thanks"}:
        return Doubt("it is not clear what the customer wants")
    if for_people := sorted(reading.wishes & FOR_PEOPLE):
        return Doubt(f"the ticket asks for what the rules may not decide: {', '.join(for_people)}")
    if "policy" in reading.wishes and not any(map(case.passages, reading.policy_topics)):
        return Doubt("the policies say nothing about the question")
    if len(reading.order_ids) > MOST_ORDERS:
        return Doubt(f"the ticket names {len(reading.order_ids)} orders")
    return None


def _is_broken_read(record: CallRecord) -> bool:
    return record.tool in {"find_customer", "find_order", "track_shipment"} and record.status != "completed"


def _find_the_order(case: Case) -> Order | Call | Doubt:  # noqa: PLR0911 - one case each
    """The one order it is about; a number that is wrong or missing may leave only one that can be meant."""
    if len(case.found_orders) == 1:
        return _with_tracking(case, case.found_orders[0])
    if case.found_orders:
        return Doubt(f"the ticket is about {len(case.found_orders)} orders at once")
    if case.reading.order_ids and case.reading.wishes - {"track", "thanks", "policy"}:
        return Doubt(_why_not_that_order(case))
    if case.vouched and case.customer is None:
        return Doubt("the ticket comes from an address that is no customer's")
    meant = _only_possible_order(case)
    if meant is None:
        return Doubt("it is not clear which order the ticket is about")
    known = case.order(meant)
    if known is not None:
        return _with_tracking(case, known)
    read = Call("find_order", {"order_id": meant})
    return read if case.not_yet(read) else Doubt(f"order {meant} cannot be read")


def _why_not_that_order(case: Case) -> str:
    number = case.reading.order_ids[0]
    if case.customer is None:
        return f"order {number} is claimed from an address that is no customer's"
    if case.forbidden(number):
        return f"order {number} belongs to somebody else than the writer"
    return f"there is no order {number}"


def _only_possible_order(case: Case) -> str | None:
    orders = case.customer.orders if case.customer else ()
    ids = [order.order_id for order in orders]
    if said := [number for number in case.order_ids_in_notes if number in ids]:
        return said[0]
    under_way = [order.order_id for order in orders if order.status in {"processing", "shipped", "lost"}]
    candidates = under_way if "track" in case.reading.wishes and under_way else ids
    return candidates[0] if len(candidates) == 1 else None


def _with_tracking(case: Case, order: Order) -> Order | Call:
    read = Call("track_shipment", {"order_id": order.order_id})
    needed = case.reading.wishes & NEEDS_TRACKING and order.status != "processing"
    return read if needed and case.not_yet(read) else order


# --- acting: all doubts first, then effects, one a turn --------------------------------------------------


def _resolve(case: Case, order: Order | None) -> Reply:
    plan = _plan(case, order)
    if isinstance(plan, Doubt):
        return _hand_over(case, plan.reason)
    for planned, record in plan:
        if record is None:
            return planned
        if record.status in {"failed", "in_doubt"}:
            return _hand_over(case, f"{planned.tool} did not work ({record.status}): {record.result}")
    return Final(resolution(case, order))


def _plan(case: Case, order: Order | None) -> Steps | Doubt:
    """The effects this ticket calls for, each with what came of it so far; or why none may be begun."""
    steps: Steps = []
    for planned in (_plan_address(case), _plan_refund(case, order), _plan_invoice(case, order)):
        if isinstance(planned, Doubt):
            return planned
        steps += planned
    if steps and not case.vouched:
        return Doubt("nobody vouches for who wrote the ticket, so nothing may be changed for them")
    if doubt := _not_received_after_all(case, order):
        return doubt
    return list(_with_records(case, steps, order))


def _plan_address(case: Case) -> Steps | Doubt:
    if "address" not in case.reading.wishes:
        return []
    if case.customer is None:
        return Doubt("a change of address comes from an address that is no customer's")
    new = case.reading.address
    if case.reading.hedges("address"):
        return Doubt("it is not certain that the customer wants another address")
    if new is None:
        return Doubt("the new address is missing or incomplete")
    address = new.in_country(case.customer.address.country)
    arguments = {"customer_id": case.customer.customer_id, **address.model_dump()}
    return [(Call("update_address", arguments), None)]


def _plan_refund(case: Case, order: Order | None) -> Steps | Doubt:
    if not case.reading.wishes & ABOUT_MONEY or order is None:
        return []
    if case.customer is None:
        return Doubt("money is asked back from an address that is no customer's")
    if case.records("refund"):
        return [(Call("refund"), None)]
    claim = judge_claim(case.reading, order=order, tracking=case.tracking(order.order_id), customer=case.customer)
    match claim:
        case Doubt():
            return claim
        case Claim(amount, reason):
            arguments = {"order_id": order.order_id, "amount": str(amount), "reason": reason}
            return [(Call("refund", arguments), None)]


def _plan_invoice(case: Case, order: Order | None) -> Steps | Doubt:
    if "invoice" not in case.reading.wishes or order is None:
        return []
    others = [email for email in case.reading.emails if email.casefold() != (case.writer or "").casefold()]
    if len(others) > 1:
        return Doubt(f"the invoice is to go to {len(others)} addresses")
    return [(invoice(case, order, to=others[0] if others else case.writer or ""), None)]


def _not_received_after_all(case: Case, order: Order | None) -> Doubt | None:
    if "not_received" in case.reading.wishes and order and order.status == "delivered":
        return Doubt(f"order {order.order_id} counts as delivered, the customer has not got it")
    return None


def _with_records(case: Case, steps: Steps, order: Order | None) -> Iterator[tuple[Call, CallRecord | None]]:
    """Each planned effect with its call, by tool and place: a person may have edited the arguments."""
    emails = iter(case.records("send_email"))
    for planned, _ in steps:
        if planned.tool == "send_email":
            yield planned, next(emails, None)
            continue
        record = next(iter(case.records(planned.tool)), None)
        yield planned, record
        if planned.tool == "refund" and record and record.status == "completed" and order:
            yield refund_confirmation(case, order, record), next(emails, None)


# --- ends ------------------------------------------------------------------------------------------------


def _thanks(case: Case) -> Resolution:
    return Resolution(answer=say("thanks", case.language), actions=("answered",), confidence=0.9)


def _hand_over(case: Case, reason: str) -> Call:
    return Call(
        "cannot_complete",
        {"reason": reason[:500], "done": _done_so_far(case), "open": "Read the ticket and answer the customer."},
    )


def _done_so_far(case: Case) -> str:
    """What was found and what was changed, for the person who takes over."""
    found = [about_order(order) for order in case.found_orders]
    changes = [
        f"{record.tool}: {record.status}"
        for record in case.conversation.calls
        if record.tool in {"refund", "update_address", "send_email"}
    ]
    customer = f"The writer is {case.customer.name} ({case.customer.customer_id})." if case.customer else ""
    return " ".join(filter(None, [customer, *found, f"Changed: {'; '.join(changes) or 'nothing'}."]))
