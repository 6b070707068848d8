"""Workflows under kill -9: at each commit and inside each effect of a real process, on a real file."""

from collections import Counter
from pathlib import Path

import pytest

from tests.crash.driver import drive, the_killed


@pytest.mark.parametrize(
    ("flow", "points"), [("succeeds", ["after-commit", "inside-tool"]), ("fails", ["before-commit", "inside-tool"])]
)
def test_a_killed_worker_changes_nothing(tmp_path: Path, migrated_file: Path, flow: str, points: list[str]) -> None:
    """Whenever it dies: the same end, the same steps, and each irreversible effect once, undone ones included."""
    order = {"place": str(tmp_path), "template": str(migrated_file), "flow": flow, "points": points}
    calm, *lives = drive("workflow", order, timeout_s=110)
    assert len(the_killed(lives)) >= 10
    for life in lives:
        for name in ("status", "reason", "result", "error", "steps"):
            assert life["said"][name] == calm["said"][name], life
        assert set(life["effects"]) == set(calm["effects"]), life
        twice = {effect for effect, times in Counter(life["effects"]).items() if times > 1}
        idempotent = {"book=book", "undo pay=undo pay", "undo book=undo book"}
        assert twice <= idempotent, life  # these may run again, under the same key
