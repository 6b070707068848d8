"""One measurement in a process of its own: `python -m bench.child NAME JSON` prints its result as JSON."""

import asyncio
import json
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict
from importlib import import_module


def main() -> None:
    """Run the measurement that the command line names, with the arguments it gives."""
    module, _, function = sys.argv[1].partition(":")
    # Only what is measured is loaded, so that one side's imports are not in the other's memory.
    measure: Callable[..., object] = getattr(import_module(f"bench.{module}"), function or "run")
    result = measure(**json.loads(sys.argv[2]))
    if isinstance(result, Coroutine):
        result = asyncio.run(result)
    if result is not None:
        print(json.dumps(asdict(result)))  # pyright: ignore[reportArgumentType] - every measurement is a dataclass


if __name__ == "__main__":
    main()
