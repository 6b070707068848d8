"""One measurement in a process of its own: `python -m bench.child NAME JSON` prints its result as JSON."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from importlib import import_module
from typing import Any

Measurement = Callable[..., Coroutine[Any, Any, Any]]
"""An async function that gives a dataclass."""


def main() -> None:
    """Run the measurement that the command line names, with the arguments it gives."""
    module, _, function = sys.argv[1].partition(":")
    # Only what is measured is loaded, so that one side's imports are not in the other's memory.
    measure: Measurement = getattr(import_module(f"bench.{module}"), function or "run")
    print(json.dumps(asdict(asyncio.run(measure(**json.loads(sys.argv[2]))))))


if __name__ == "__main__":
    main()
