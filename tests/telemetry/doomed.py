"""A worker that kills itself inside a call, for a process of its own."""

import os
import signal

from holdfast import Call, Context, Say, tool
from tests.telemetry.desk import ask, clerk, look, traced

STEPS = [Call("look", {"order": "7"}), Call("move", {"order": "7"}), Say("Moved.")]


@tool(effect="idempotent")
def move(ctx: Context, order: str) -> str:
    """Move an order, or end the process in the middle of it."""
    if os.environ.get("DOOMED"):
        os.kill(os.getpid(), signal.SIGKILL)
    return f"moved {order}"


def mover() -> object:
    return clerk(STEPS, tools=[look, move])


def die(database: str, url: str) -> None:
    """Work until the end of this process."""
    os.environ["DOOMED"] = "yes"
    ask(traced(database, mover(), otlp_endpoint=url))
