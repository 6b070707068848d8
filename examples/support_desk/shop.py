"""The shop: what may be looked up in it. Real SQL on a real database; every value is a parameter."""

import os
import sqlite3
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

from records import (
    Address,
    Customer,
    Item,
    Order,
    OrderBrief,
    Passage,
    Tracking,
    TrackingEvent,
)

OWN_DOMAIN = "harbourandpine.example"
DEFAULT_PATH = Path(".holdfast/shop.db")


class ShopRefused(Exception):
    """The shop will not do that, and nothing was changed; the message says why."""


class ShopBusy(Exception):
    """Others write at the moment; nothing was changed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A shop in one SQLite file.

    Opening is per question: tools run on several threads, and the processes of a fleet share the file.
    """

    path: Path
    delay_s: float = 0.0
    """Seconds that every answer takes longer, so that people can watch; after an effect is committed."""

    @contextmanager
    def connection(self) -> Generator[sqlite3.Connection]:
        """A connection in autocommit mode, closed at the end.

        Raises:
            ShopRefused: There is no shop at `path`.
        """
        uri = f"{self.path.absolute().as_uri()}?mode=rw"
        try:
            connection = sqlite3.connect(uri, uri=True, timeout=10, isolation_level=None)
        except sqlite3.OperationalError as error:
            raise ShopRefused(
                f"there is no shop at {self.path}: build one with `python seed.py {self.path}`"
            ) from error
        with closing(connection):
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA foreign_keys = ON")
            yield connection
        time.sleep(self.delay_s)


def shop_from_environment() -> Shop:
    """The shop at `HOLDFAST_SHOP`, slowed down by `HOLDFAST_SHOP_DELAY_S` seconds an answer (default: 0)."""
    return Shop(
        path=Path(os.environ.get("HOLDFAST_SHOP") or DEFAULT_PATH),
        delay_s=float(os.environ.get("HOLDFAST_SHOP_DELAY_S") or 0),
    )


def today() -> date:
    """The shop's day, in UTC."""
    return datetime.now(UTC).date()


def euros(cents: int) -> Decimal:
    """Cents as euros."""
    return Decimal(cents).scaleb(-2)


def customer(shop: Shop, email: str) -> Customer | None:
    """The customer with this e-mail address, with address and orders."""
    with shop.connection() as db:
        row = db.execute("SELECT id, name, email, language FROM customers WHERE email = ?", (email,)).fetchone()
        if row is None:
            return None
        return Customer(
            customer_id=row["id"],
            name=row["name"],
            email=row["email"],
            language=row["language"],
            address=present_address(db, row["id"])[1],
            recent_refunds=_recent_refunds(db, row["id"]),
            orders=_orders_of(db, row["id"]),
        )


def present_address(db: sqlite3.Connection, customer_id: str) -> tuple[int, Address]:
    """The row id and value of a customer's newest address."""
    row = db.execute(
        "SELECT id, street, postcode, city, country FROM addresses WHERE customer_id = ? ORDER BY id DESC LIMIT 1",
        (customer_id,),
    ).fetchone()
    return row["id"], _address(row)


def _address(row: sqlite3.Row) -> Address:
    return Address(street=row["street"], postcode=row["postcode"], city=row["city"], country=row["country"])


def _recent_refunds(db: sqlite3.Connection, customer_id: str) -> int:
    return db.execute(
        "SELECT COUNT(*) FROM refunds JOIN orders ON orders.id = refunds.order_id"
        " WHERE orders.customer_id = ? AND julianday(?) - julianday(refunded_on) <= 90",
        (customer_id, today().isoformat()),
    ).fetchone()[0]


def _orders_of(db: sqlite3.Connection, customer_id: str) -> tuple[OrderBrief, ...]:
    rows = db.execute(
        "SELECT orders.id, placed_on, status, shipping_cents + SUM(quantity * unit_cents) AS total"
        " FROM orders JOIN order_items ON order_items.order_id = orders.id"
        " WHERE customer_id = ? GROUP BY orders.id ORDER BY placed_on DESC, orders.id DESC LIMIT 20",
        (customer_id,),
    )
    return tuple(
        OrderBrief(order_id=row["id"], placed_on=row["placed_on"], status=row["status"], total=euros(row["total"]))
        for row in rows
    )


def owner_of(db: sqlite3.Connection, order_id: str) -> str | None:
    """The e-mail address of the customer whose order this is, or `None` when there is no such order."""
    row = db.execute(
        "SELECT email FROM customers JOIN orders ON orders.customer_id = customers.id WHERE orders.id = ?",
        (order_id,),
    ).fetchone()
    return row["email"] if row else None


def order_owner(shop: Shop, order_id: str) -> str | None:
    """As `owner_of`, on a connection of its own."""
    with shop.connection() as db:
        return owner_of(db, order_id)


def order(shop: Shop, order_id: str) -> Order | None:
    """One order with its items and what was paid."""
    with shop.connection() as db:
        row = db.execute(
            "SELECT orders.*, delivered_on, street, postcode, city, country FROM orders"
            " JOIN addresses ON addresses.id = orders.address_id"
            " LEFT JOIN shipments ON shipments.order_id = orders.id WHERE orders.id = ?",
            (order_id,),
        ).fetchone()
        if row is None:
            return None
        items = _items(db, order_id)
        paid, refunded = paid_and_refunded(db, order_id)
    shipping = euros(row["shipping_cents"])
    return Order(
        order_id=order_id,
        placed_on=row["placed_on"],
        status=row["status"],
        items=items,
        shipping=shipping,
        total=shipping + sum((item.quantity * item.unit_price for item in items), Decimal(0)),
        paid=euros(paid),
        refunded=euros(refunded),
        refundable=euros(paid - refunded),
        ship_to=_address(row),
        days_since_delivery=_days_since(row["delivered_on"]),
        note=row["note"],
    )


def _days_since(day: str | None) -> int | None:
    return (today() - date.fromisoformat(day)).days if day else None


def _items(db: sqlite3.Connection, order_id: str) -> tuple[Item, ...]:
    rows = db.execute(
        "SELECT sku, name, quantity, unit_cents FROM order_items WHERE order_id = ? ORDER BY line", (order_id,)
    )
    return tuple(
        Item(sku=row["sku"], name=row["name"], quantity=row["quantity"], unit_price=euros(row["unit_cents"]))
        for row in rows
    )


def paid_and_refunded(db: sqlite3.Connection, order_id: str) -> tuple[int, int]:
    """Cents captured for an order, and cents given back."""
    paid = db.execute("SELECT COALESCE(SUM(cents), 0) FROM payments WHERE order_id = ?", (order_id,))
    refunded = db.execute("SELECT COALESCE(SUM(cents), 0) FROM refunds WHERE order_id = ?", (order_id,))
    return paid.fetchone()[0], refunded.fetchone()[0]


def tracking(shop: Shop, order_id: str) -> Tracking | None:
    """Where the parcel of an order is, or `None` before it has left."""
    with shop.connection() as db:
        row = db.execute("SELECT * FROM shipments WHERE order_id = ?", (order_id,)).fetchone()
        if row is None:
            return None
        events = db.execute(
            "SELECT on_day, place, what FROM tracking_events WHERE tracking_no = ? ORDER BY on_day, rowid",
            (row["tracking_no"],),
        ).fetchall()
    came = date.fromisoformat(row["delivered_on"]) if row["delivered_on"] else today()
    return Tracking(
        order_id=order_id,
        carrier=row["carrier"],
        tracking_no=row["tracking_no"],
        status=row["status"],
        promised_on=row["promised_on"],
        delivered_on=row["delivered_on"],
        days_late=max(0, (came - date.fromisoformat(row["promised_on"])).days),
        events=tuple(
            TrackingEvent(on_day=event["on_day"], place=event["place"], what=event["what"]) for event in events
        ),
    )


def policy_passages(shop: Shop, words: str, *, limit: int = 3) -> tuple[Passage, ...]:
    """Passages of the shop's policies that hold any of these words, best first."""
    terms = ["".join(filter(str.isalnum, word)) for word in words.split()[:40]]
    # Each term is quoted: FTS5 has a query language of its own, and customers write what they like.
    query = " OR ".join(f'"{term}"' for term in terms if term)
    if not query:
        return ()
    with shop.connection() as db:
        rows = db.execute(
            "SELECT document, section, body FROM policies WHERE policies MATCH ? ORDER BY rank LIMIT ?",
            (query, limit),
        ).fetchall()
    return tuple(Passage(document=row["document"], section=row["section"], text=row["body"]) for row in rows)
