"""A worker that kills itself inside a call: `python -m tests.telemetry.doomed DATABASE URL`."""

import os
import signal
import sys

from holdfast import Call, Context, Say, tool
from holdfast.testing import ScriptedModel
from tests.telemetry.desk import ask, clerk, traced

STEPS = [Call("look", {"order": "7"}), Call("move", {"order": "7"}), Say("Moved.")]


@tool(effect="idempotent")
def move(ctx: Context, order: str) -> str:
    """Move an order, or end the process in the middle of it."""
    if os.environ.get("DOOMED"):
        os.kill(os.getpid(), signal.SIGKILL)
    return f"moved {order}"


def mover() -> object:
    from tests.telemetry.desk import look

    return clerk(STEPS, models=[ScriptedModel(STEPS)], tools=[look, move])


if __name__ == "__main__":
    os.environ["DOOMED"] = "yes"
    ask(traced(sys.argv[1], mover(), otlp_endpoint=sys.argv[2]))
