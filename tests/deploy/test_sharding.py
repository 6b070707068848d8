"""The page on scaling shows what its simulation finds."""

from bench.sharding import home, table
from deploy.rehearse import ROOT


def test_the_page_has_the_table_that_the_simulation_prints():
    """Nobody edits one without the other."""
    assert table() in (ROOT / "docs/scaling.md").read_text()


def test_one_database_more_moves_nobody_between_the_others():
    """A user stays or goes to the new one."""
    assert all(home(user, 5) in {home(user, 4), 4} for user in range(1_000))
