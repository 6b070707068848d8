"""Panels and handovers under kill -9: at each commit of a real process, on a real file."""

from pathlib import Path

from tests.crash.driver import drive, the_killed


def test_a_killed_worker_starts_no_child_twice_and_asks_nobody_again(tmp_path: Path, migrated_file: Path) -> None:
    """Whenever it dies: the same end, each member once, one question, one resolution, one handover."""
    calm, *lives = drive("team", {"place": str(tmp_path), "template": str(migrated_file)}, timeout_s=110)
    assert calm["said"]["end"][:3] == ["completed", None, "bad and looks"]
    assert calm["said"]["executions"] == ["bad", "boss", "closer", "fair", "good", "looks"]
    assert (calm["said"]["asked"], calm["said"]["kinds"]["panel.resolved"]) == (1, 1)
    assert len(the_killed(lives)) >= 8
    for life in lives:
        for name in ("end", "executions", "asked", "kinds"):
            assert life["said"][name] == calm["said"][name], life
