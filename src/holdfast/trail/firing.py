"""How the time of a schedule, or what a sensor saw, becomes executions. Pure."""

from holdfast.errors import IdempotencyConflict
from holdfast.trail.ledger import Ledger
from holdfast.trail.requests import Fire
from holdfast.trail.rulings import cancel
from holdfast.trail.starting import start
from holdfast.types import ENDED


def fire(ledger: Ledger, asked: Fire) -> bool:
    """Start what is due and move the row on, unless somebody was faster."""
    cell = ledger.shared.cells.get(asked.kind, asked.key)
    seen = {name: (cell or {}).get(name) for name in asked.was}
    if seen != dict(asked.was) or (cell or {}).get("paused"):
        return False
    for one in asked.cancels:
        head = ledger.heads.get(one.execution_id)
        if head is not None and head.status not in ENDED:
            cancel(ledger, one)
    for one in asked.starts:
        try:
            start(ledger, one)
        except IdempotencyConflict:
            continue  # it was asked for before, with another input: once is once
    ledger.shared.put(asked.kind, asked.key, {**(cell or {}), **asked.changes})
    return True
