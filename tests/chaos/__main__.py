"""`python -m tests.chaos`: rounds of chaos, each from its own seed; 1 when a promise was broken in any of them."""

import argparse
import json
import shutil
import sys
import tempfile
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tests.chaos import controls
from tests.chaos.fates import SHORT, SPOILT, Weather, draw
from tests.chaos.fleet import Scene, play
from tests.chaos.verdict import summary, violations
from tests.postgres import Postgres

ROUND_S = 600.0
"""A round that takes longer is stuck."""


def main() -> int:
    """Play rounds, and print a line for each."""
    wanted = _arguments()
    weather, until = _weather(wanted), time.monotonic() + 60 * wanted.minutes
    server, seed, broken = Postgres.start(), wanted.seed, 0
    assert threading.active_count() == 1, "a process with threads cannot be forked safely"
    try:
        while True:
            for spoil in wanted.spoil or [""]:
                found = play_round(server, weather, seed=seed, spoil=spoil, wanted=wanted)
                broken += bool(found["wrong"])
                sys.stdout.write(f"{json.dumps(found) if wanted.json else _in_words(found)}\n")
                sys.stdout.flush()
            seed += 1
            if time.monotonic() >= until:
                return int(broken > 0)
    finally:
        server.ensure_running()
        server.remove()


def play_round(
    server: Postgres, weather: Weather, *, seed: int, spoil: str, wanted: argparse.Namespace
) -> dict[str, Any]:
    """What happened in one, and what was wrong after it."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="holdfast-chaos-") as folder:
        database = server.create_database()
        scene = Scene(database=database, folder=Path(folder), weather=weather, spoil=spoil, by_relay=wanted.relay)
        books = scene.books(0)
        books.path.mkdir()
        told, came, kind = play(scene, draw(weather, seed), server, within_s=wanted.within_s)
        wrong = violations(told, books, executions=weather.executions)
        numbers = summary(told, books, came)
        if wrong and wanted.keep:
            _keep(server, database, told, into=wanted.keep / f"seed-{seed}", books=books.path)
        server.drop_database(database)
    took_s = round(time.monotonic() - began, 1)
    return {"seed": seed, "spoilt": spoil, "seconds": took_s, "line": kind, **numbers, "wrong": sorted(set(wrong))}


def _keep(server: Postgres, database: str, told: Any, *, into: Path, books: Path) -> None:
    """What somebody needs who wants to know why: what the world has seen, the record, and every journal."""
    shutil.copytree(books, into / "books", dirs_exist_ok=True)
    (into / "told.json").write_text(json.dumps(told))
    asked = "SELECT execution_id, seq, kind, at, data FROM agent_events ORDER BY execution_id, seq"
    rows = server.run(asked, database=server.name(database))
    (into / "events.jsonl").write_text("".join(f"{json.dumps(row, default=str)}\n" for row in rows))


def _in_words(found: dict[str, Any]) -> str:
    wrong = found["wrong"]
    lines = [
        f"seed {found['seed']} {found['spoilt']}: {'as promised' if not wrong else 'BROKEN'}, {found['seconds']} s"
    ]
    numbers = {name: value for name, value in found.items() if name not in {"seed", "seconds", "wrong", "spoilt"}}
    lines += [f"  {name:32} {value}" for name, value in numbers.items()]
    return "\n".join([*lines, *(f"  WRONG: {one}" for one in wrong[:40])])


def _weather(wanted: argparse.Namespace) -> Weather:
    """As asked; what is not said grows with the number of executions."""
    base = SPOILT if wanted.spoil else SHORT if wanted.short else Weather()
    given = {name: value for name in asdict(base) if (value := getattr(wanted, name)) is not None}
    if wanted.executions and base == Weather():
        times = wanted.executions / base.executions
        grown = {name: max(round(getattr(base, name) * times), 1) for name in ("kills", "freezes", "restarts", "cuts")}
        base = replace(base, **grown)
    return replace(base, **given)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=1, help="of the first round; the next one has the next")
    parser.add_argument("--minutes", type=float, default=0, help="play rounds for so long; default: one")
    for name in ("executions", "workers", "kills", "freezes", "restarts", "cuts"):
        parser.add_argument(f"--{name}", type=int, help=f"default: {getattr(Weather(), name)}, of 300 executions")
    parser.add_argument("--lease-s", type=float, help=f"default: {Weather().lease_s}")
    parser.add_argument("--within-s", type=float, default=ROUND_S, help="a round that takes longer is stuck")
    parser.add_argument("--short", action="store_true", help="as in the tests")
    parser.add_argument("--relay", action="store_true", help="cut the network by a relay, without a namespace")
    parser.add_argument("--spoil", nargs="+", choices=sorted(controls.NAMED), default=[], help="break it on purpose")
    parser.add_argument("--keep", type=Path, help="a folder for what there is to know of rounds that went wrong")
    parser.add_argument("--json", action="store_true", help="a JSON object for each round")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
