"""What may be changed in the shop, each change with its row in the ledger, in one transaction."""

import json
import os
import sqlite3
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from records import Address, AddressChange, Queued, Refund
from shop import Shop, ShopBusy, ShopRefused, euros, owner_of, paid_and_refunded, present_address, today


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatch:
    """Which call does it, on whose behalf: what the ledger keeps."""

    idempotency_key: str
    call_id: str
    tool: str
    effect: Literal["idempotent", "irreversible"]
    arguments: Mapping[str, object]
    writer: str | None
    """E-mail address of the person who wrote to the shop, as the door knows it."""


@contextmanager
def _change(shop: Shop) -> Generator[sqlite3.Connection]:
    """A write transaction.

    An error before the commit leaves nothing; one in the commit itself escapes as it is: then nobody knows.
    """
    with shop.connection() as db:
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise ShopBusy("the shop's database is busy") from error
        try:
            yield db
        except BaseException:
            db.execute("ROLLBACK")
            raise
        db.execute("COMMIT")


def _enter_in_ledger(db: sqlite3.Connection, dispatch: Dispatch, *, applied: bool) -> None:
    db.execute(
        "INSERT INTO effects (idempotency_key, call_id, tool, effect, arguments, applied, at, pid)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            dispatch.idempotency_key,
            dispatch.call_id,
            dispatch.tool,
            dispatch.effect,
            json.dumps(dict(dispatch.arguments), default=str, ensure_ascii=False, sort_keys=True),
            int(applied),
            datetime.now(UTC).isoformat(),
            os.getpid(),
        ),
    )


def _insist(condition: object, message: str) -> None:
    if not condition:
        raise ShopRefused(message)


def _same_person(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and one.casefold() == other.casefold()


# --- refunds ---------------------------------------------------------------------------------------------


def refund(shop: Shop, dispatch: Dispatch, *, order_id: str, amount: Decimal, reason: str) -> Refund:
    """Give money back for an order of the writer. The same key twice is one refund, entered twice.

    Raises:
        ShopRefused: No such order of the writer's, or more than what is left of its payments.
        ShopBusy: Nothing happened; try again.
    """
    cents = int(amount.scaleb(2))
    with _change(shop) as db:
        before = _refund_with_key(db, dispatch.idempotency_key)
        if before is None:
            _insist(_same_person(owner_of(db, order_id), dispatch.writer), f"the writer has no order {order_id}")
            paid, refunded = paid_and_refunded(db, order_id)
            _insist(
                cents <= paid - refunded,
                f"{amount} is more than the {euros(paid - refunded)} left of the payment of order {order_id}",
            )
            db.execute(
                "INSERT INTO refunds (order_id, cents, reason, refunded_on, idempotency_key) VALUES (?, ?, ?, ?, ?)",
                (order_id, cents, reason, today().isoformat(), dispatch.idempotency_key),
            )
        _enter_in_ledger(db, dispatch, applied=before is None)
        receipt = before or _refund_with_key(db, dispatch.idempotency_key)
    assert receipt is not None  # noqa: S101 - found, or inserted in this transaction
    return receipt


def find_refund(shop: Shop, idempotency_key: str) -> Refund | None:
    """The refund made with this key, if it was made."""
    with shop.connection() as db:
        return _refund_with_key(db, idempotency_key)


def _refund_with_key(db: sqlite3.Connection, key: str) -> Refund | None:
    row = db.execute("SELECT id, order_id, cents FROM refunds WHERE idempotency_key = ?", (key,)).fetchone()
    if row is None:
        return None
    paid, refunded = paid_and_refunded(db, row["order_id"])
    return Refund(
        refund_id=f"R{row['id']:05}",
        order_id=row["order_id"],
        amount=euros(row["cents"]),
        left_to_refund=euros(paid - refunded),
    )


# --- e-mails ---------------------------------------------------------------------------------------------


def queue_email(shop: Shop, dispatch: Dispatch, *, to: str, subject: str, body: str) -> Queued:
    """Hand an e-mail to the mail server. The same key twice is one e-mail, entered twice.

    Raises:
        ShopBusy: Nothing happened; try again.
    """
    with _change(shop) as db:
        before = _email_with_key(db, dispatch.idempotency_key)
        if before is None:
            db.execute(
                "INSERT INTO outbox (recipient, subject, body, queued_at, idempotency_key) VALUES (?, ?, ?, ?, ?)",
                (to, subject, body, datetime.now(UTC).isoformat(), dispatch.idempotency_key),
            )
        _enter_in_ledger(db, dispatch, applied=before is None)
        queued = before or _email_with_key(db, dispatch.idempotency_key)
    assert queued is not None  # noqa: S101 - found, or inserted in this transaction
    return queued


def find_email(shop: Shop, idempotency_key: str) -> Queued | None:
    """The e-mail queued with this key, if it was queued."""
    with shop.connection() as db:
        return _email_with_key(db, idempotency_key)


def _email_with_key(db: sqlite3.Connection, key: str) -> Queued | None:
    row = db.execute("SELECT id, recipient FROM outbox WHERE idempotency_key = ?", (key,)).fetchone()
    return Queued(email_id=f"M{row['id']:05}", to=row["recipient"]) if row else None


# --- addresses -------------------------------------------------------------------------------------------


def change_address(shop: Shop, dispatch: Dispatch, *, customer_id: str, address: Address) -> AddressChange:
    """Make this the writer's address, and that of the orders which have not left yet.

    Raises:
        ShopRefused: Not the writer's own account, or the address is on file for somebody else.
        ShopBusy: Nothing happened; try again.
    """
    with _change(shop) as db:
        row = db.execute("SELECT email FROM customers WHERE id = ?", (customer_id,)).fetchone()
        _insist(row and _same_person(row["email"], dispatch.writer), f"{customer_id} is not the writer's account")
        address_id, present = present_address(db, customer_id)
        # A late repetition must not undo a newer change.
        applies = present != address and not _address_came_with(db, dispatch.idempotency_key)
        if applies:
            _refuse_address_of_another(db, customer_id, address)
            address_id = _insert_address(db, dispatch.idempotency_key, customer_id=customer_id, address=address)
            db.execute(
                "UPDATE orders SET address_id = ? WHERE customer_id = ? AND status = 'processing'",
                (address_id, customer_id),
            )
        orders = db.execute(
            "SELECT id FROM orders WHERE customer_id = ? AND address_id = ? AND status = 'processing' ORDER BY id",
            (customer_id, address_id),
        )
        redirected = tuple(order["id"] for order in orders)
        _enter_in_ledger(db, dispatch, applied=applies)
    return AddressChange(customer_id=customer_id, address=address, redirected_orders=redirected)


def _address_came_with(db: sqlite3.Connection, key: str) -> bool:
    return db.execute("SELECT 1 FROM addresses WHERE idempotency_key = ?", (key,)).fetchone() is not None


def _insert_address(db: sqlite3.Connection, key: str, *, customer_id: str, address: Address) -> int:
    row = db.execute(
        "INSERT INTO addresses (customer_id, street, postcode, city, country, since, idempotency_key)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING id",
        (
            customer_id,
            address.street,
            address.postcode,
            address.city,
            address.country,
            today().isoformat(),
            key,
        ),
    )
    return row.fetchone()["id"]


def _refuse_address_of_another(db: sqlite3.Connection, customer_id: str, address: Address) -> None:
    taken = db.execute(
        "SELECT 1 FROM addresses AS one WHERE customer_id != ? AND lower(street) = lower(?)"
        " AND replace(lower(postcode), ' ', '') = replace(lower(?), ' ', '')"
        " AND id = (SELECT MAX(id) FROM addresses WHERE customer_id = one.customer_id)",
        (customer_id, address.street, address.postcode),
    ).fetchone()
    # Parcels redirected to a stranger's door are a known fraud; families who share one can be confirmed.
    _insist(not taken, "this address is on file for another customer: a person has to confirm it")
