"""A clerk who does exactly what it is asked, with tools that keep a ledger and get into trouble when told to."""

import asyncio
import time
from pathlib import Path

from holdfast import Agent, Context, Conversation, Limits, never_ask, tool
from holdfast.testing import Call, Calls, Ledger, Say, crash_point

GO = "go"
"""A file: tools that were told to wait go on when it exists."""


def ledger_in(folder: Path) -> Ledger:
    """What the tools did."""
    return Ledger(folder / "ledger.jsonl")


def asked_in(folder: Path) -> Ledger:
    """How often the model was asked: what would have to be paid."""
    return Ledger(folder / "asked.jsonl")


def to_do(*messages: list[Call] | Call) -> dict:
    """An input that makes the clerk send these messages, one a turn, then say that it is done."""
    turns = [message if isinstance(message, list) else [message] for message in messages]
    return {"turns": [[[call.tool, dict(call.args)] for call in turn] for turn in turns]}


def call(name: str, order: str = "7", trouble: str = "") -> Call:
    """A call of one of the tools."""
    return Call(name, {"order": order, "trouble": trouble})


@tool(effect="read", retries=2)
async def look(ctx: Context[Path], order: str, trouble: str = "") -> str:
    """Look at an order."""
    return await happen(ctx, "look", order, trouble)


@tool(effect="idempotent", retries=2)
async def move(ctx: Context[Path], order: str, trouble: str = "") -> str:
    """Move an order."""
    return await happen(ctx, "move", order, trouble)


@tool(effect="irreversible", review=never_ask)
async def pay(ctx: Context[Path], order: str, trouble: str = "") -> str:
    """Pay for an order; nobody can find out whether that happened."""
    return await happen(ctx, "pay", order, trouble)


@tool(effect="irreversible", review=never_ask)
async def ship(ctx: Context[Path], order: str, trouble: str = "") -> str:
    """Ship an order; the carrier can be asked whether that happened."""
    return await happen(ctx, "ship", order, trouble)


@ship.probe
async def was_shipped(ctx: Context[Path], order: str, trouble: str = "") -> str | None:
    """What the carrier knows."""
    return f"ship {order}: known to the carrier" if ledger_in(ctx.deps).happened(ctx.idempotency_key) else None


@tool(effect="irreversible")
async def send(ctx: Context[Path], order: str, trouble: str = "") -> str:
    """Send an e-mail about an order; asks every time."""
    return await happen(ctx, "send", order, trouble)


TOOLS = (look, move, pay, ship, send)


async def happen(ctx: Context[Path], name: str, order: str, trouble: str) -> str:
    """The effect, on the record of the tool's own, then the trouble."""
    ledger_in(ctx.deps).record(ctx.idempotency_key, name, {"order": order})
    kind, _, seconds = trouble.partition(":")
    match kind:
        case "hang once" if ctx.attempt == 1:
            await asyncio.Event().wait()
        case "break once" if ctx.attempt == 1:
            raise ConnectionError("connection reset by peer")
        case "run":
            await asyncio.sleep(float(seconds))
        case "block":
            time.sleep(float(seconds))  # noqa: ASYNC251 - a tool that stops its whole event loop
        case "wait":
            while not (ctx.deps / GO).exists():  # noqa: ASYNC110 - another process lets it go on
                await asyncio.sleep(0.02)
        case _:
            pass
    return f"{name} {order}: done"


def clerk(folder: Path, **options: object) -> Agent:
    """The agent; its model is a rule that follows the input to the letter."""

    def follow(conversation: Conversation) -> Calls | Say:
        done = len(conversation.calls)
        asked_in(folder).record(f"after {done}", "model")
        crash_point("model")
        for turn in conversation.input["turns"]:
            if done < 1:
                return Calls([Call(name, args) for name, args in turn])
            done -= len(turn)
        return Say("done")

    defaults = {"name": "clerk", "models": [follow], "tools": TOOLS, "deps": folder, "limits": Limits(repeats=50)}
    return Agent(**(defaults | options))
