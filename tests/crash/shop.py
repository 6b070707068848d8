"""The work of the crash tests: an agent whose nine steps meet every kind of call, and tools that testify."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_ai.messages import ModelMessage, ModelRequest, ToolReturnPart

from holdfast import Agent, Context, Limits, RetryLater, ask_always, never_ask, tool
from holdfast.testing import Call, Calls, CrashingTool, Final, ScriptedModel, crash_point
from holdfast.testing.scripted import step_number
from tests.crash.witness import Witness

INPUT = "Sort out orders 1 and 2."
IRREVERSIBLE = frozenset({"charge", "send_letter", "refund"})
IDEMPOTENT = frozenset({"update_address", "book_courier"})


class Outcome(BaseModel):
    summary: str
    receipts: list[str]


Receipt = dict[str, str]


def receipt(name: str, order: str) -> Receipt:
    return {"receipt": f"{name}/{order}"}


class Services:
    """The world behind the tools: each effect testifies before it begins and when it has happened."""

    def __init__(self, witness: Witness) -> None:
        self.witness = witness

    def read(self, key: str, name: str, order: str) -> Receipt:
        self.witness.note("begun", name, key=key, args=order)
        crash_point(f"begun-tool:{name}")
        return receipt(name, order)

    def act(self, key: str, name: str, order: str) -> Receipt:
        """An effect. The service of an idempotent tool honours the key; the others do as they are told, again."""
        witness = self.witness
        witness.note("begun", name, key=key, args=order)
        crash_point(f"begun-tool:{name}")
        known = name in IDEMPOTENT and witness.has("effect", key)
        witness.note("known" if known else "effect", name, key=key, args=order)
        crash_point(f"inside-tool:{name}")
        return receipt(name, order)

    def fail_once(self, key: str, name: str) -> None:
        if not self.witness.has("failed", key):
            self.witness.note("failed", name, key=key)
            raise ConnectionError("the line went dead")

    def probe(self, key: str, name: str, order: str) -> Receipt | None:
        crash_point(f"before-probe:{name}")
        if self.witness.has("effect", key):
            return receipt(name, order)
        self.witness.note("no", name, key=key)
        crash_point(f"after-probe:{name}")
        return None


def tools(witness: Witness, *, later_s: float) -> list[Any]:
    """Reads, one that fails once and returns a lot; idempotent ones, one that fails once after its effect and one that
    asks to be tried later; irreversible ones with a probe, without, and with an approval.
    """
    services = Services(witness)

    @tool(effect="read")
    async def find_order(ctx: Context, order: str) -> Receipt:
        """Find an order."""
        found = services.read(ctx.idempotency_key, "find_order", order)
        await asyncio.sleep(0)
        return found

    @tool(effect="read")
    def read_manual(ctx: Context, order: str) -> str:
        """Read the manual of what was ordered."""
        found = services.read(ctx.idempotency_key, "read_manual", order)
        services.fail_once(ctx.idempotency_key, "read_manual")
        return f"{found['receipt']} {'long ' * 5_000}"

    @tool(effect="idempotent")
    async def update_address(ctx: Context, order: str) -> Receipt:
        """Correct an address."""
        done = services.act(ctx.idempotency_key, "update_address", order)
        services.fail_once(ctx.idempotency_key, "update_address")
        return done

    @tool(effect="idempotent")
    async def book_courier(ctx: Context, order: str) -> Receipt:
        """Book a courier."""
        if not witness.has("later", ctx.idempotency_key):
            witness.note("later", "book_courier", key=ctx.idempotency_key)
            raise RetryLater(later_s)
        return services.act(ctx.idempotency_key, "book_courier", order)

    @tool(effect="irreversible", review=never_ask)
    async def charge(ctx: Context, order: str) -> Receipt:
        """Charge the customer."""
        return services.act(ctx.idempotency_key, "charge", order)

    @charge.probe
    async def charged(ctx: Context, order: str) -> Receipt | None:
        return services.probe(ctx.idempotency_key, "charge", order)

    @tool(effect="irreversible", review=never_ask)
    def send_letter(ctx: Context, order: str) -> Receipt:
        """Send a letter."""
        return services.act(ctx.idempotency_key, "send_letter", order)

    @tool(effect="irreversible", review=ask_always)
    async def refund(ctx: Context, order: str) -> Receipt:
        """Refund an order."""
        return services.act(ctx.idempotency_key, "refund", order)

    declared = (find_order, read_manual, update_address, book_courier, charge, send_letter, refund)
    return [CrashingTool(each) for each in declared]


def call(name: str, order: str) -> Call:
    return Call(name, {"order": order})


STEPS: Sequence[Call | Calls] = (
    Calls([call("find_order", "1"), call("find_order", "2")]),
    call("read_manual", "1"),
    call("update_address", "1"),
    call("charge", "1"),
    Calls([call("send_letter", "1"), call("send_letter", "2")]),
    call("refund", "1"),
    call("book_courier", "1"),
    Calls([call("find_order", "3"), call("update_address", "2"), call("charge", "2"), call("send_letter", "3")]),
)


def script(witness: Witness) -> Callable[[Sequence[ModelMessage]], Call | Calls | Final]:
    """The model: it writes down that it was paid for each answer, and its result is made of what the tools said."""

    def answer(messages: Sequence[ModelMessage]) -> Call | Calls | Final:
        step = step_number(messages)
        witness.note("model", str(step + 1), key=asked(messages))
        crash_point("inside-model")
        return STEPS[step] if step < len(STEPS) else Final(Outcome(summary="done", receipts=receipts(messages)))

    return answer


def asked(messages: Sequence[ModelMessage]) -> str:
    """What the execution was asked: how the model tells executions apart."""
    first = messages[0]
    return str(next(getattr(part, "content", "") for part in first.parts if part.part_kind == "user-prompt"))


def receipts(messages: Sequence[ModelMessage]) -> list[str]:
    parts = [part for message in messages if isinstance(message, ModelRequest) for part in message.parts]
    said = " ".join(str(part.content) for part in parts if isinstance(part, ToolReturnPart))
    wanted = [receipt(each.tool, str(each.args["order"]))["receipt"] for each in every_call()]
    return sorted({one for one in wanted if one in said})


def every_call() -> list[Call]:
    return [each for step in STEPS for each in (step.calls if isinstance(step, Calls) else [step])]


def clerk(witness: Witness, *, later_s: float = 60) -> Agent[Outcome]:
    """The agent; its courier asks to be tried after `later_s` seconds, which parks the execution if it is long."""
    return Agent(
        name="clerk",
        models=[ScriptedModel(script(witness))],
        tools=tools(witness, later_s=later_s),
        output=Outcome,
        limits=Limits(tokens=5_000_000, steps=30),
    )
