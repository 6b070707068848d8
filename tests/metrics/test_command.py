"""`holdfast metrics` says what the database says."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

from holdfast import App
from holdfast.doors import exits
from holdfast.doors.cli import build
from holdfast.doors.metrics import duration, metrics
from holdfast.doors.options import Common
from tests.metrics.conftest import BUSY, clerk, play


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> str:
    path = str(shutil.copy(migrated_file, tmp_path_factory.mktemp("shop") / "trail.db"))
    play(App([clerk(*BUSY[1:])], path), lambda app: app.run("clerk", "Where is order 1?"))
    return path


def test_json_has_every_number(shop: str, capsys: pytest.CaptureFixture[str]):
    """The same ones as `app.control.health_metrics`."""
    assert asyncio.run(metrics(common=Common(json=True, database=shop))) == exits.OK
    told = json.loads(capsys.readouterr().out)
    (known,) = play(App(database=shop), lambda app: app.control.health_metrics())
    assert (told["agent"], told["executions"], told["completion_rate"]) == ("clerk", 1, 1.0)
    assert told["cost_per_completion_usd"] == float(known.cost_per_completion_usd)
    assert told["p95_duration_s"] == known.p95_duration_s


def test_a_person_gets_a_table(shop: str, capsys: pytest.CaptureFixture[str]):
    """Of three calls one completed."""
    asyncio.run(metrics(common=Common(database=shop)))
    head, row, *_ = capsys.readouterr().out.splitlines()
    assert head.split()[:3] == ["agent", "ended", "completion"]
    assert row.split()[:4] == ["clerk", "1", "100.0%", "3.0"]
    assert "33.3%" in row


def test_nothing_since_then_is_said(shop: str, capsys: pytest.CaptureFixture[str]):
    """With what to try."""
    asyncio.run(metrics(agent="nobody", common=Common(database=shop)))
    assert "--since" in capsys.readouterr().err


def test_help_defines_every_column(capsys: pytest.CaptureFixture[str]):
    """What is counted and what is left out stands where the numbers are asked for."""
    build()(["metrics", "--help"], result_action="return_value")
    said = capsys.readouterr().out
    assert all(word in said for word in ("completion", "useful", "tools ok", "asked", "tokens each", "p50, p95"))


@pytest.mark.parametrize(("seconds", "told"), [(None, "-"), (0.85, "850 ms"), (12.44, "12.4 s"), (200, "0:03:20")])
def test_durations_read_well(seconds: float | None, told: str):
    """From milliseconds to days."""
    assert duration(seconds) == told
