"""The shop's own count of what was done to it: the witness that the runtime is checked against."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shop import Shop


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerSummary:
    """Effects as the shop entered them, whatever any journal says."""

    effects: Mapping[str, int]
    """Effects that happened, by tool."""
    dispatches: int
    """Rows in the ledger: each time a tool with an effect ran to its end."""
    reruns: int
    """Further dispatches of an idempotent call with the same key that changed nothing: allowed after a crash."""
    duplicates: int
    """Calls or keys that ran an irreversible tool more than once, or whose effect happened twice. Must be 0."""


_EFFECTS = "SELECT tool, SUM(applied) AS applied FROM effects GROUP BY tool ORDER BY tool"
_DISPATCHES = "SELECT COUNT(*) FROM effects"
_RERUNS = """
SELECT COALESCE(SUM(times - 1), 0) FROM (
  SELECT COUNT(*) AS times FROM effects WHERE effect = 'idempotent' GROUP BY idempotency_key
)
"""
_DUPLICATE_CALLS = """
SELECT idempotency_key, call_id FROM effects GROUP BY idempotency_key
HAVING (effect = 'irreversible' AND COUNT(*) > 1) OR SUM(applied) > 1
UNION
SELECT idempotency_key, call_id FROM effects GROUP BY call_id
HAVING (effect = 'irreversible' AND COUNT(*) > 1) OR SUM(applied) > 1
"""


def ledger_summary(path: Path) -> LedgerSummary:
    """Count what the tools did to the shop at `path`.

    Raises:
        ShopRefused: There is no shop at `path`.
    """
    with Shop(path=path).connection() as db:
        return LedgerSummary(
            effects={row["tool"]: row["applied"] for row in db.execute(_EFFECTS)},
            dispatches=db.execute(_DISPATCHES).fetchone()[0],
            reruns=db.execute(_RERUNS).fetchone()[0],
            duplicates=len({row["call_id"] for row in db.execute(_DUPLICATE_CALLS)}),
        )
