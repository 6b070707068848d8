"""What money the shop's policies give back, judged from the shop's own books."""

from dataclasses import dataclass
from decimal import Decimal

from reading import Reading
from records import Customer, Item, Order, Tracking
from words import Wish

DAYS_TO_COMPLAIN = 30
DAYS_LATE_FOR_SHIPPING = 5
REFUNDS_BEFORE_A_LOOK = 3

ABOUT_MONEY: frozenset[Wish] = frozenset({"faulty", "charged_twice", "lost", "shipping_back", "money"})


@dataclass(frozen=True, slots=True)
class Claim:
    """Money to give back, and why, for the books."""

    amount: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why plain code should not decide this."""

    reason: str


def judge_claim(reading: Reading, *, order: Order, tracking: Tracking | None, customer: Customer) -> Claim | Doubt:
    """What the policies grant, cut to what was asked for; a doubt where they leave room for judgement."""
    if hedged := sorted(wish for wish in reading.wishes & ABOUT_MONEY if reading.hedges(wish)):
        return Doubt(f"it is not certain that the customer means it: {', '.join(hedged)}")
    granted = _granted(reading, order=order, tracking=tracking)
    if isinstance(granted, Doubt):
        return granted
    if customer.recent_refunds >= REFUNDS_BEFORE_A_LOOK:
        return Doubt(f"the customer had {customer.recent_refunds} refunds in 90 days")
    asked = reading.amounts[0] if len(reading.amounts) == 1 else granted.amount
    if asked > granted.amount:
        return Doubt(f"{asked} was asked for, the policies grant {granted.amount} ({granted.reason})")
    if not 0 < asked <= order.refundable:
        return Doubt(f"only {order.refundable} of the payment of order {order.order_id} is left to refund")
    return Claim(asked, granted.reason)


def _granted(  # noqa: PLR0911 - one ground each
    reading: Reading, *, order: Order, tracking: Tracking | None
) -> Claim | Doubt:
    if "charged_twice" in reading.wishes:
        return _double_charge(order)
    if "shipping_back" in reading.wishes:
        return _late_delivery(order, tracking)
    if order.status == "lost":
        return Claim(order.total, "parcel lost by the carrier")
    if order.status == "returned":
        return Claim(order.total - order.shipping, "return received")
    if "faulty" in reading.wishes:
        return _faulty_goods(reading, order)
    if "lost" in reading.wishes:
        return Doubt("the customer says the parcel is lost, the carrier does not")
    return Doubt("money back is asked for without a reason that the policies name")


def _double_charge(order: Order) -> Claim | Doubt:
    excess = order.paid - order.total
    if excess <= 0:
        return Doubt(f"a double charge is claimed, the books show {order.paid} for a total of {order.total}")
    return Claim(excess, "charged twice")


def _late_delivery(order: Order, tracking: Tracking | None) -> Claim | Doubt:
    if tracking is None or tracking.days_late < DAYS_LATE_FOR_SHIPPING:
        return Doubt(f"the shipping costs are asked back, the delivery was not {DAYS_LATE_FOR_SHIPPING} days late")
    return Claim(order.shipping, f"delivered {tracking.days_late} days late")


def _faulty_goods(reading: Reading, order: Order) -> Claim | Doubt:
    if "money" not in reading.wishes:
        return Doubt("faulty goods are reported without saying what is wanted")
    if order.days_since_delivery is None:
        return Doubt("faulty goods are reported of an order that is not delivered")
    if order.days_since_delivery > DAYS_TO_COMPLAIN:
        return Doubt(f"faulty goods are reported {order.days_since_delivery} days after delivery")
    item = _faulty_item(reading, order.items)
    if item is None:
        return Doubt("it is not clear which of the goods are faulty, or how many")
    return Claim(item.unit_price, f"{item.name} arrived faulty")


def _faulty_item(reading: Reading, items: tuple[Item, ...]) -> Item | None:
    named = items if len(items) == 1 else [item for item in items if reading.calls_faulty(item.name)]
    return named[0] if len(named) == 1 and named[0].quantity == 1 else None
