"""Agents whose model uses all it may, and keeps its own account of what it used: `holdfast worker`'s target."""

import os
from pathlib import Path

from holdfast import Agent, App, Limits, tool
from holdfast.testing import Call, Ledger, Metered, Say, ScriptedModel
from holdfast.types import Usage

TURNS = 3
INPUT = 120
"""Tokens that the model says it read; far fewer than the upper bound that is reserved."""
OUTPUT = 400


@tool(effect="read")
def look(order: str) -> str:
    """Look at an order."""
    return f"order {order} is here"


def bills(folder: Path) -> Ledger:
    """What the provider would charge, written by the model itself."""
    return Ledger(folder / "bills.jsonl")


def greedy(folder: Path) -> ScriptedModel:
    """A model that writes as much as it is allowed to, each time."""

    def script(messages):
        turn = sum(message.kind == "response" for message in messages)
        allowed = model.last_settings["max_tokens"]
        bills(folder).record(str(INPUT + allowed), "model")
        step = Call("look", {"order": str(turn)}) if turn < TURNS - 1 else Say("done")
        return Metered(step, Usage(input_tokens=INPUT, output_tokens=allowed))

    model = ScriptedModel(script)
    return model


def spender(folder: Path) -> Agent:
    """Takes three turns, each as long as it may be."""
    return Agent(
        name="spender",
        models=[greedy(folder)],
        tools=[look],
        max_output_tokens=OUTPUT,
        limits=Limits(tokens=10**6, total_timeout_s=10**6),
    )


if "INCIDENT_FOLDER" in os.environ:
    app = App([spender(Path(os.environ["INCIDENT_FOLDER"]))])
