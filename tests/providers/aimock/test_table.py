"""What the documentation says of each fault is what the tests see."""

from pathlib import Path

from tests.providers.aimock.faults import FAULTS

PAGE = Path(__file__).parents[3] / "docs" / "choosing-a-chain.md"


def test_the_table_of_faults():
    """`docs/choosing-a-chain.md` has one row for each fault, with what comes of it."""
    _, _, section = PAGE.read_text(encoding="utf-8").partition("## What each fault comes to")
    rows = [line for line in section.partition("\n## ")[0].splitlines() if line.startswith("|")]
    shown = [[cell.strip().replace("`", "").replace(",", "") for cell in row.strip("|").split("|")] for row in rows[2:]]
    seen = [
        [name, fault.failure or "-", str(fault.asked), fault.end, fault.spent, fault.breaker]
        for name, fault in FAULTS.items()
    ]
    assert shown == seen
