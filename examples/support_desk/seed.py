"""Builds the shop: the customers who write tickets, and a few hundred others around them.

python seed.py [PATH]
"""

# ruff: noqa: SIM905 - names in a row read better

import os
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Literal

from pydantic import BaseModel
from records import Address
from shop import DEFAULT_PATH, today

HERE = Path(__file__).parent

OrderState = Literal["processing", "in_transit", "delivered", "returned", "lost"]


class PlannedOrder(BaseModel):
    """An order to put into the shop. Days are counted back from the shop's first day."""

    id: str
    items: list[tuple[str, int, Decimal]]
    """Name, quantity, price of one."""
    state: OrderState
    placed: int
    shipping: Decimal = Decimal("4.90")
    promised: int
    """Negative: in the future."""
    delivered: int | None = None
    charged: int = 1
    """How many times the total was captured: 2 is the shop's own mistake."""
    note: str = ""


class PlannedCustomer(BaseModel):
    """A customer to put into the shop."""

    name: str
    email: str
    language: str
    address: Address
    orders: list[PlannedOrder]


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrier:
    name: str
    prefix: str
    hub: str


CARRIERS = (
    Carrier(name="Northpost", prefix="NP", hub="Rotterdam"),
    Carrier(name="Swiftline", prefix="SL", hub="Lille"),
    Carrier(name="Parcelo", prefix="PA", hub="Hamburg"),
)

STATUS: Mapping[OrderState, tuple[str, str]] = {
    "processing": ("processing", "announced"),
    "in_transit": ("shipped", "in_transit"),
    "delivered": ("delivered", "delivered"),
    "returned": ("returned", "returned"),
    "lost": ("lost", "lost"),
}
"""Status of the order and of its shipment, by planned state."""

CATALOGUE: Sequence[tuple[str, Decimal]] = tuple(
    (name, Decimal(price))
    for name, price in (
        ("Fjord lamp", "40.00"),
        ("Fjord desk lamp", "32.00"),
        ("Alma teapot", "38.50"),
        ("Tarn mug", "9.00"),
        ("Tarn bowl", "14.00"),
        ("Birk stool", "59.00"),
        ("Birk bench", "95.00"),
        ("Birk armchair", "180.00"),
        ("Sorrel blanket", "64.00"),
        ("Lyng cushion", "19.00"),
        ("Lyng rug", "149.00"),
        ("Vela lantern", "30.00"),
    )
)
FIRST_NAMES = (
    "Alba Anna Ben Bruno Carla Chloe Clara Daniel Elena Emil Eva Felix Finn Greta Henrik Ida Ines Iris Jakob Jules "
    "Kira Lars Lea Louis Maja Marc Marta Nils Noor Olga Pablo Paula Rosa Sami Sofia Theo Tilde Ugo Vera Yara"
).split()
LAST_NAMES = (
    "Adler Bauer Berg Blanc Castro Cruz Dahl Dupont Eriksen Fischer Garnier Gomez Hansen Hoffmann Ibarra Janssen "
    "Keller Lang Lefevre Lund Marin Meyer Molina Nowak Olsen Petit Prieto Rivas Roux Schmid Serra Toft Vidal Winter"
).split()
TOWNS = (
    ("en", "High Street", "SO14 2AA", "Southampton", "GB"),
    ("de", "Bahnhofstraße", "70173", "Stuttgart", "DE"),
    ("fr", "rue de la Paix", "31000", "Toulouse", "FR"),
    ("es", "Calle Nueva", "50001", "Zaragoza", "ES"),
    ("da", "Algade", "9000", "Aalborg", "DK"),
)


def seed_shop(path: Path, *, seed: int = 7, crowd: int = 300, day: date | None = None) -> None:
    """Build a new shop at `path`, in place of one that is there.

    The same seed on the same day gives the same shop.

    Args:
        path: The SQLite file; its folder is made.
        seed: What the crowd is drawn from. Default: 7.
        crowd: Customers beside those who write tickets. Default: 300.
        day: The day that everything is dated from. Default: today, in UTC.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    draft.unlink(missing_ok=True)
    with closing(sqlite3.connect(draft)) as db:
        db.executescript((HERE / "shop.sql").read_text(encoding="utf-8"))
        build = _Build(db=db, random=Random(seed), day=day or today())
        for number, customer in enumerate([*_cast(), *_crowd(build.random, crowd)], start=1):
            build.add_customer(f"C{number:04}", customer)
        db.executemany("INSERT INTO policies VALUES (?, ?, ?)", _policy_sections())
        db.commit()
        db.execute("PRAGMA journal_mode = WAL")
    for leftover in ("-wal", "-shm"):
        path.with_name(path.name + leftover).unlink(missing_ok=True)
    draft.replace(path)


def _cast() -> list[PlannedCustomer]:
    lines = (HERE / "cast.jsonl").read_text(encoding="utf-8").splitlines()
    return [PlannedCustomer.model_validate_json(line) for line in lines]


def _crowd(random: Random, size: int) -> Iterator[PlannedCustomer]:
    order_ids = iter(range(1100, 9000))
    for number in range(size):
        first, last = random.choice(FIRST_NAMES), random.choice(LAST_NAMES)
        language, street, postcode, city, country = random.choice(TOWNS)
        yield PlannedCustomer(
            name=f"{first} {last}",
            email=f"{first}.{last}.{number}@mail.example".lower(),
            language=language,
            address=Address(street=f"{street} {number + 1}", postcode=postcode, city=city, country=country),
            orders=[_random_order(random, str(next(order_ids))) for _ in range(random.choice((1, 1, 1, 2, 3)))],
        )


def _random_order(random: Random, order_id: str) -> PlannedOrder:
    state: OrderState = random.choice(("processing", "in_transit", "delivered", "delivered", "delivered", "returned"))
    placed = {"processing": 1, "in_transit": 4}.get(state) or random.randint(8, 200)
    goods = random.sample(CATALOGUE, k=random.choice((1, 1, 2, 3)))
    return PlannedOrder(
        id=order_id,
        items=[(name, random.choice((1, 1, 2)), price) for name, price in goods],
        state=state,
        placed=placed,
        promised=placed - 6,
        delivered=max(0, placed - random.randint(4, 7)) if state in ("delivered", "returned") else None,
    )


def _policy_sections() -> Iterator[tuple[str, str, str]]:
    """Each `## section` of each policy document, as document title, section title and text."""
    for file in sorted((HERE / "policies").glob("*.md")):
        head, *sections = file.read_text(encoding="utf-8").split("\n## ")
        title = head.removeprefix("# ").splitlines()[0].strip()
        for section in sections:
            name, _, text = section.partition("\n")
            yield title, name.strip(), " ".join(text.split())


def _cents(amount: Decimal) -> int:
    return int(amount.scaleb(2))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Build:
    db: sqlite3.Connection
    random: Random
    day: date

    def ago(self, days: int) -> str:
        return (self.day - timedelta(days=days)).isoformat()

    def add_customer(self, customer_id: str, customer: PlannedCustomer) -> None:
        self.db.execute(
            "INSERT INTO customers VALUES (?, ?, ?, ?)",
            (customer_id, customer.name, customer.email, customer.language),
        )
        address = customer.address
        address_id = self.db.execute(
            "INSERT INTO addresses (customer_id, street, postcode, city, country, since) VALUES (?, ?, ?, ?, ?, ?)",
            (customer_id, address.street, address.postcode, address.city, address.country, self.ago(400)),
        ).lastrowid
        for order in customer.orders:
            self.db.execute(
                "INSERT INTO orders VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    order.id,
                    customer_id,
                    self.ago(order.placed),
                    STATUS[order.state][0],
                    _cents(order.shipping),
                    address_id,
                    order.note,
                ),
            )
            self.add_items_and_payments(order)
            if order.state != "processing":
                self.add_shipment(order, address.city)

    def add_items_and_payments(self, order: PlannedOrder) -> None:
        for line, (name, quantity, price) in enumerate(order.items, start=1):
            sku = name.upper().replace(" ", "-")
            self.db.execute(
                "INSERT INTO order_items VALUES (?, ?, ?, ?, ?, ?)",
                (order.id, line, sku, name, quantity, _cents(price)),
            )
        total = order.shipping + sum((quantity * price for _, quantity, price in order.items), Decimal(0))
        for time in range(1, order.charged + 1):
            self.db.execute(
                "INSERT INTO payments VALUES (?, ?, ?, ?, ?)",
                (f"P{order.id}-{time}", order.id, _cents(total), "card", self.ago(order.placed)),
            )

    def add_shipment(self, order: PlannedOrder, city: str) -> None:
        carrier = self.random.choice(CARRIERS)
        number = f"{carrier.prefix}{self.random.randrange(10**8):08}"
        delivered = self.ago(order.delivered) if order.delivered is not None else None
        self.db.execute(
            "INSERT INTO shipments VALUES (?, ?, ?, ?, ?, ?)",
            (number, order.id, carrier.name, STATUS[order.state][1], self.ago(order.promised), delivered),
        )
        events = [(order.placed - 1, carrier.hub, "Handed to the carrier")]
        if order.placed > 2:
            events.append((order.placed - 2, carrier.hub, "Left the sorting centre"))
        if order.state in ("delivered", "returned"):
            events.append((order.delivered or 0, city, "Delivered, left with the recipient"))
        if order.state == "returned":
            events.append((0, "Warehouse", "Return received and checked"))
        if order.state == "lost":
            events.append((max(0, order.promised - 5), carrier.hub, "Search closed: the parcel is lost"))
        self.db.executemany(
            "INSERT INTO tracking_events VALUES (?, ?, ?, ?)",
            [(number, self.ago(days), place, what) for days, place, what in events],
        )


def main() -> None:
    """Build a shop at the path given, or where the tools look for it."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(os.environ.get("HOLDFAST_SHOP") or DEFAULT_PATH)
    seed_shop(path)
    print(f"A shop is at {path}.")  # noqa: T201 - a script's answer


if __name__ == "__main__":
    main()
