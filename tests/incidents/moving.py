"""Two agents whose code has a version, one of them pinned: `holdfast worker tests/incidents/moving.py`."""

import os
from pathlib import Path

from holdfast import Agent, App, Context, Conversation, ask_always, never_ask, tool
from holdfast.testing import Call, Say
from tests.incidents.desk import ledger_in

ASKS = ("note", "pay", "note")


@tool(effect="irreversible", review=never_ask)
async def note(ctx: Context[tuple[Path, str]], order: str) -> str:
    """Write down which version did this."""
    folder, version = ctx.deps
    ledger_in(folder).record(ctx.idempotency_key, version, {"order": order})
    return version


@tool(effect="irreversible", review=ask_always())
async def pay(ctx: Context[tuple[Path, str]], order: str) -> str:
    """Pay, after a person has agreed."""
    folder, version = ctx.deps
    ledger_in(folder).record(ctx.idempotency_key, version, {"order": order, "paid": True})
    return version


def agents(folder: Path, version: str) -> list[Agent]:
    """Both, with this version of their code."""

    def follow(conversation: Conversation) -> Call | Say:
        done = len(conversation.calls)
        return Call(ASKS[done], {"order": str(conversation.input)}) if done < len(ASKS) else Say(version)

    return [
        Agent(
            name=name, models=[follow], tools=[note, pay], version=version, pinned=name == "stays",
            deps=(folder, version),
        )
        for name in ("stays", "moves")
    ]  # fmt: skip


if "INCIDENT_FOLDER" in os.environ:
    app = App(agents(Path(os.environ["INCIDENT_FOLDER"]), os.environ["VERSION"]))
