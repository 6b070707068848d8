"""`python -m bench`: run the chosen parts, each in processes of its own, and print them side by side."""

import argparse
import json
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from bench.databases import Databases, postgres, sqlite
from bench.parts import FULL, PARTS, QUICK, Measured, Size
from bench.process import DidNotFinish
from bench.report import show

KINDS = {"sqlite": sqlite, "postgres": postgres}


def main() -> int:
    """Run the benchmark.

    Returns:
        1 when a part did not finish, else 0: a missed target is in the table, not in the exit code.
    """
    wanted = _arguments()
    # As an exception, so that a PostgreSQL of our own is stopped on this way out too.
    signal.signal(signal.SIGTERM, _leave)
    size = QUICK if wanted.quick else FULL
    errors = Console(stderr=True)
    with ExitStack() as stack:
        made = tempfile.TemporaryDirectory(prefix="holdfast-bench-", dir=wanted.dir)
        folder = Path(stack.enter_context(made))
        results = {
            found.name: _run(found, parts=wanted.parts, size=size, errors=errors)
            for found in (stack.enter_context(KINDS[kind](folder)) for kind in wanted.on)
        }
    if wanted.json:
        print(json.dumps(results))
    else:
        show(Console(width=None if sys.stdout.isatty() else 110), results)
    return int(any("error" in found for parts in results.values() for found in parts.values()))


def _leave(*_: object) -> None:
    sys.exit(143)


def _run(databases: Databases, *, parts: Sequence[str], size: Size, errors: Console) -> dict[str, Measured]:
    results: dict[str, Measured] = {}
    for part in parts:
        errors.print(f"{databases.name}: {part} ...", style="dim")
        try:
            results[part] = PARTS[part](databases, size)
        except DidNotFinish as why:
            results[part] = {"error": str(why)}
    return results


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("parts", nargs="*", help=f"which of {', '.join(PARTS)}; default: all")
    parser.add_argument("--on", nargs="+", choices=sorted(KINDS), default=list(KINDS), help="databases")
    parser.add_argument("--quick", action="store_true", help="one run of each side, a tenth of the rest")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of tables")
    parser.add_argument("--dir", type=Path, help="where databases are made; default: the temporary folder")
    found = parser.parse_args()
    unknown = set(found.parts) - set(PARTS)
    if unknown:
        parser.error(f"no part {', '.join(sorted(unknown))}: choose from {', '.join(PARTS)}")
    found.parts = found.parts or list(PARTS)
    return found


if __name__ == "__main__":
    sys.exit(main())
