"""Plans under kill -9: at commits and inside effects of a real process, on both databases."""

from pathlib import Path
from typing import Any

from tests.crash.driver import drive, the_killed

STEPS = ["again", "approve plan 1", "approve plan 2", "look", "odd", "pay", "plan 1", "plan 2"]


def test_a_killed_worker_plans_and_does_nothing_twice(place: dict[str, Any], tmp_path: Path) -> None:
    """Whenever it dies: the same end, each task and plan once, and each irreversible effect once."""
    order = {"place": place, "notes": str(tmp_path), "every": 4 if "folder" in place else 9}
    calm, *lives = drive("plan", order, timeout_s=110)
    assert calm["said"]["end"][:3] == ["completed", None, "paid paid saw here"]
    assert (calm["said"]["steps"], calm["effects"]) == (STEPS, ["paid saw here", "saw here"])
    assert calm["said"]["plans"] == ["plan.made", "plan.approved", "plan.revised", "plan.approved"]
    assert len(the_killed(lives)) >= 5
    for life in lives:
        for name in ("end", "steps", "plans", "executions"):
            assert life["said"][name] == calm["said"][name], life
        assert life["effects"] == calm["effects"], life
