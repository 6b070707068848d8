"""What users spread over several databases come to, by simulation: `python -m bench.sharding`.

Prints the table of docs/scaling.md.

Loads of users have a heavy tail (Pareto: a fifth of the users makes four fifths of the load). Each user's executions
lie in one database, chosen by rendezvous hashing; in the second case the heaviest hundred are placed by hand.
"""

import hashlib
import random
import statistics
import sys
from collections.abc import Sequence
from functools import cache

USERS = 10_000
ALPHA = 1.16
"""Of the Pareto distribution: 80 % of the load from 20 % of the users."""
DRAWS = 20
BY_HAND = 100
SIZES = (1, 2, 4, 8, 16)
ONE_TURNS_PER_S = 7_000
"""Turns a second of one PostgreSQL on two cores, as `bench.ceiling` measures."""


@cache
def score(user: int, database: int) -> bytes:
    """How much a user wants to a database: the highest one wins, so that one more database moves only its own."""
    return hashlib.sha256(f"{database}:user-{user}".encode()).digest()


@cache
def home(user: int, databases: int) -> int:
    """The database of a user."""
    return max(range(databases), key=lambda database: score(user, database))


def loads(draw: int) -> Sequence[float]:
    """What each user asks for, in one draw."""
    chance = random.Random(draw)
    return [chance.paretovariate(ALPHA) for _ in range(USERS)]


def hashed(of: Sequence[float], databases: int) -> list[float]:
    """The load of each database."""
    found = [0.0] * databases
    for user, load in enumerate(of):
        found[home(user, databases)] += load
    return found


def by_hand(of: Sequence[float], databases: int) -> list[float]:
    """The same, with the heaviest users each put where there is least."""
    heaviest = sorted(range(USERS), key=lambda user: of[user], reverse=True)[:BY_HAND]
    light = list(of)
    for user in heaviest:
        light[user] = 0.0
    found = hashed(light, databases)
    for user in heaviest:
        least = min(range(databases), key=lambda database: found[database])
        found[least] += of[user]
    return found


def busiest(found: Sequence[float]) -> float:
    """The load of the busiest database, of the mean."""
    return max(found) / statistics.mean(found)


def moved(databases: int) -> float:
    """The part of the users whose home changes with one database more."""
    return sum(home(user, databases) != home(user, databases + 1) for user in range(USERS)) / USERS


def table() -> str:
    """As the page has it."""
    lines = [
        (
            "| databases | busiest, of the mean | capacity, of one database | heaviest by hand: busiest | capacity"
            " | turns/s | users that move with one more |"
        ),
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    draws = [loads(draw) for draw in range(DRAWS)]
    for size in SIZES:
        plain = statistics.median(busiest(hashed(of, size)) for of in draws)
        placed = statistics.median(busiest(by_hand(of, size)) for of in draws)
        capacity = size / placed
        lines.append(
            f"| {size} | {plain:.2f} | {size / plain:.1f} | {placed:.2f} | {capacity:.1f}"
            f" | {capacity * ONE_TURNS_PER_S:,.0f} | {moved(size):.0%} |"
        )
    share = statistics.median(max(of) / sum(of) for of in draws)
    return "\n".join([*lines, "", f"The heaviest user makes {share:.1%} of the load, in the median of {DRAWS} draws."])


if __name__ == "__main__":
    print(table())
    sys.exit(0)
