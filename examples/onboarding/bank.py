"""The bank's systems as this example has them: a file that every effect is written to, once for each key."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from holdfast import Context

FILE = Path(os.environ.get("ONBOARDING_FILE", "bank.jsonl"))
"""Where the effects are."""


@dataclass(frozen=True)
class Entry:
    """One effect."""

    key: str
    what: str
    about: str


def entries() -> list[Entry]:
    """Everything that was done, in order."""
    lines = FILE.read_text().splitlines() if FILE.exists() else []
    return [Entry(**json.loads(line)) for line in lines]


def write(ctx: Context, what: str, about: str) -> bool:
    """Do something; `False`: it was done under this key before, and is not done twice."""
    if any(entry.key == ctx.idempotency_key for entry in entries()):
        return False
    with FILE.open("a") as file:
        file.write(json.dumps({"key": ctx.idempotency_key, "what": what, "about": about}) + "\n")
    return True


def open_account(ctx: Context, name: str) -> str:
    """Open an account; its number."""
    number = f"DE-{ctx.execution.id[-6:]}"
    write(ctx, "opened", f"{number} for {name}")
    return number


def opened(ctx: Context, name: str) -> str | None:
    """Whether the account was opened: asked when nobody knows."""
    number = f"DE-{ctx.execution.id[-6:]}"
    return number if any(entry.about == f"{number} for {name}" for entry in entries()) else None


def close_account(ctx: Context, number: str) -> None:
    """Close an account again."""
    write(ctx, "closed", number)


def grant_credit(ctx: Context, number: str, amount: int) -> int:
    """Grant a credit."""
    write(ctx, "credit", f"{number} {amount}")
    return amount


def revoke_credit(ctx: Context, amount: int) -> None:
    """Take it back."""
    write(ctx, "revoked", str(amount))


def send_letter(ctx: Context, address: str, text: str) -> str:
    """Send a letter.

    Raises:
        ValueError: There is no such address.
    """
    if "@" not in address:
        raise ValueError(f"{address!r} is no address")
    write(ctx, "letter", f"{address}: {text}")
    return address
