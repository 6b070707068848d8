"""The support desk's tools: what the agent may look up and do in the shop, for the person who wrote."""

# ruff: noqa: D417 - the context is not among the arguments that the model reads about

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Annotated, Literal

import shop as lookup
import shop_effects as effects
from pydantic import Field
from records import Address, AddressChange, Customer, Nothing, Order, Passage, Queued, Refund, Tracking
from shop import OWN_DOMAIN, Shop, ShopBusy, ShopRefused

from holdfast import Context, RetryLater, ToolError, ask_when, tool
from holdfast.types import Decision, Proposal

Euros = Annotated[Decimal, Field(gt=0, max_digits=9, decimal_places=2)]
EmailAddress = Annotated[str, Field(max_length=254, pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+\.[^@\s<>,;]+$")]
OrderId = Annotated[str, Field(min_length=1, max_length=20)]
Line = Annotated[str, Field(min_length=1, max_length=120)]

REFUND_ALONE_UP_TO = Decimal(100)


# --- reading ---------------------------------------------------------------------------------------------


@tool(effect="read", timeout_s=10)
def find_customer(ctx: Context[Shop], email: EmailAddress) -> Customer | Nothing:
    """Look up the customer who wrote, with address on file and orders.

    Args:
        email: The address the ticket came from. Other customers cannot be looked up.
    """
    if not _is_writer(ctx, email):
        return _not_the_writers()
    with _shop_errors():
        return lookup.customer(ctx.deps, email) or _unknown(f"no customer writes from {email}")


@tool(effect="read", timeout_s=10)
def find_order(ctx: Context[Shop], order_id: OrderId) -> Order | Nothing:
    """Look up an order of the writer: items, payments, what can still be refunded.

    Args:
        order_id: The number only, e.g. 1042.
    """
    with _shop_errors():
        return _not_to_be_seen(ctx, order_id) or lookup.order(ctx.deps, order_id) or _no_order(order_id)


@tool(effect="read", timeout_s=10)
def track_shipment(ctx: Context[Shop], order_id: OrderId) -> Tracking | Nothing:
    """Ask the carrier where the parcel of an order of the writer is.

    Args:
        order_id: The number only, e.g. 1042.
    """
    with _shop_errors():
        return (
            _not_to_be_seen(ctx, order_id)
            or lookup.tracking(ctx.deps, order_id)
            or _unknown(f"order {order_id} has not left the warehouse")
        )


@tool(effect="read", timeout_s=10)
def search_policy(ctx: Context[Shop], question: Annotated[str, Field(max_length=300)]) -> list[Passage]:
    """Search the shop's rules on returns, refunds, shipping, payment, warranty and privacy.

    Args:
        question: A few English words.
    """
    with _shop_errors():
        return list(lookup.policy_passages(ctx.deps, question))


# --- acting ----------------------------------------------------------------------------------------------


@tool(effect="idempotent", timeout_s=10)
def update_address(  # noqa: PLR0913, PLR0917 - one for each line of an address
    ctx: Context[Shop], customer_id: str, street: Line, postcode: Line, city: Line, country: Line
) -> AddressChange:
    """Set the writer's address; orders that have not left the warehouse go there too.

    Args:
        customer_id: As find_customer gave it.
        street: Street and house number.
        postcode: Postal code.
        city: Town.
        country: ISO code of two letters.
    """
    address = Address(street=street, postcode=postcode, city=city, country=country)
    arguments = {"customer_id": customer_id, **address.model_dump()}
    with _shop_errors():
        return effects.change_address(
            ctx.deps,
            _dispatch(ctx, "update_address", "idempotent", arguments),
            customer_id=customer_id,
            address=address,
        )


@tool(
    effect="irreversible",
    timeout_s=10,
    review=ask_when(
        lambda args: args.amount > REFUND_ALONE_UP_TO, reason="a refund over 100 euros is confirmed by a colleague"
    ),
)
def refund(ctx: Context[Shop], order_id: OrderId, amount: Euros, reason: Line) -> Refund:
    """Give money back for an order of the writer.

    Args:
        order_id: The number only, e.g. 1042.
        amount: In euros; at most what is left of the payment.
        reason: Why, for the books, in a few words.
    """
    arguments = {"order_id": order_id, "amount": amount, "reason": reason}
    with _shop_errors():
        return effects.refund(
            ctx.deps,
            _dispatch(ctx, "refund", "irreversible", arguments),
            order_id=order_id,
            amount=amount,
            reason=reason,
        )


@refund.probe
def refund_happened(ctx: Context[Shop], order_id: OrderId, amount: Euros, reason: Line) -> Refund | None:
    """Look in the shop's books for the refund with this call's key."""
    del order_id, amount, reason
    return effects.find_refund(ctx.deps, ctx.idempotency_key)


def ask_for_outside_addresses(proposal: Proposal) -> Decision:
    """Let e-mails go to the shop's own people and to the writer of the ticket; ask for all others.

    What is outside is judged by the address the door vouches for, not by anything the ticket says.
    """
    recipient = str(proposal.arguments["to"]).casefold()
    own = recipient.endswith(f"@{OWN_DOMAIN}")
    writers = proposal.user is not None and recipient == proposal.user.casefold()
    if own or writers:
        return Decision(verdict="allow", gate="outside_email", reason="to the writer or the shop itself")
    reason = f"{recipient} is neither the writer's address nor the shop's own"
    return Decision(verdict="review", gate="outside_email", reason=reason, risk=0.6)


@tool(effect="irreversible", timeout_s=10, review=ask_for_outside_addresses)
def send_email(
    ctx: Context[Shop],
    to: EmailAddress,
    subject: Line,
    body: Annotated[str, Field(min_length=1, max_length=10_000)],
) -> Queued:
    """Send an e-mail from the shop. The answer to the ticket itself needs none.

    Args:
        to: One address.
        subject: One line.
        body: Plain text.
    """
    arguments = {"to": to, "subject": subject, "body": body}
    with _shop_errors():
        return effects.queue_email(
            ctx.deps, _dispatch(ctx, "send_email", "irreversible", arguments), to=to, subject=subject, body=body
        )


@send_email.probe
def email_was_queued(ctx: Context[Shop], to: EmailAddress, subject: Line, body: str) -> Queued | None:
    """Look in the outbox for the e-mail with this call's key."""
    del to, subject, body
    return effects.find_email(ctx.deps, ctx.idempotency_key)


# --- who may see and do what -----------------------------------------------------------------------------


def _is_writer(ctx: Context[Shop], email: str) -> bool:
    # Without a user the question comes from the shop's own terminal, which may look but not act.
    return ctx.user is None or ctx.user.casefold() == email.casefold()


def _not_to_be_seen(ctx: Context[Shop], order_id: str) -> Nothing | None:
    owner = lookup.order_owner(ctx.deps, order_id)
    return None if owner is None or _is_writer(ctx, owner) else _not_the_writers()


def _not_the_writers() -> Nothing:
    return Nothing(
        why="not_the_writers", message="This belongs to somebody else than the writer: say and do nothing about it."
    )


def _unknown(message: str) -> Nothing:
    return Nothing(why="unknown", message=message)


def _no_order(order_id: str) -> Nothing:
    return _unknown(f"there is no order {order_id}")


def _dispatch(
    ctx: Context[Shop], name: str, effect: Literal["idempotent", "irreversible"], arguments: Mapping[str, object]
) -> effects.Dispatch:
    if ctx.user is None:
        raise ToolError("nobody vouches for who wrote: start the execution with a user, e.g. --user mia@post.example")
    return effects.Dispatch(
        idempotency_key=ctx.idempotency_key,
        call_id=ctx.call_id,
        tool=name,
        effect=effect,
        arguments=arguments,
        writer=ctx.user,
    )


@contextmanager
def _shop_errors() -> Generator[None]:
    """Say it in Holdfast's words. Any other error of an effect leaves its outcome unknown, which is the truth."""
    try:
        yield
    except ShopRefused as error:
        raise ToolError(str(error)) from error
    except ShopBusy as error:
        raise RetryLater(1, str(error)) from error
