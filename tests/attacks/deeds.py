"""Tools that do anything a tool can do, drawn by dice."""

# ruff: noqa: PLW0108 - a list of makers reads best when each looks alike

import asyncio
import itertools
import random
from collections.abc import Callable

from holdfast import Cached, Context, Default, RetryLater, ToolError, ask_when, never_ask, tool
from holdfast.errors import InvalidArguments
from tests.attacks.chaos import Deeds

SECRET = "sk-abcdefghijklmnop1234567890"


class Evil:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")

    def __str__(self) -> str:
        raise RuntimeError("no str")


class Base(BaseException):
    """An error that is no Exception, as some libraries have."""


class Mute(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


def loop_of_lists() -> list:
    found: list = []
    found.append(found)
    return found


def strange_wait() -> RetryLater:
    wait = RetryLater(1, "strange")
    wait.seconds = "soon"
    return wait


RETURNS: list[Callable[[], object]] = [
    lambda: "ok", lambda: "ok", lambda: "ok", lambda: "ok", lambda: None, lambda: "", Evil, loop_of_lists,
    lambda: "x" * 40_000, lambda: b"\x00\x01" * 20, lambda: float("nan"), lambda: {"a": float("inf"), 3: [None]},
    lambda: "\x00\ud800", lambda: {"\x00": "\ud800"}, lambda: f"key {SECRET}", lambda: {"password": SECRET, SECRET: 1},
    lambda: itertools.count(), lambda: 10**5000, lambda: {"$blob": "x"}, lambda: {"$blob": "0" * 64, "bytes": 3},
    lambda: object(), lambda: 4111111111111111, lambda: -0.0, lambda: 1e22, lambda: [{"n": list(range(9000))}],
]  # fmt: skip

RAISES: list[Callable[[], BaseException]] = [
    lambda: ToolError(""), lambda: ToolError("no"), lambda: ToolError(f"with {SECRET}"), lambda: ValueError("boom"),
    lambda: ValueError(f"boom {SECRET}"), lambda: SystemExit(3), lambda: Base("base"), KeyboardInterrupt,
    Mute, lambda: asyncio.CancelledError("mine"), lambda: RetryLater(0), lambda: RetryLater(-5),
    lambda: RetryLater(float("inf")), lambda: RetryLater(float("nan")), lambda: RetryLater(30), strange_wait,
    lambda: InvalidArguments("late"), lambda: TimeoutError(), lambda: StopIteration(1), lambda: StopAsyncIteration(),
    lambda: BaseExceptionGroup("g", [Base("x")]), lambda: MemoryError(), lambda: RecursionError("deep"),
    lambda: ToolError("\x00\ud800"), lambda: ConnectionError("\ud800"), GeneratorExit,
]  # fmt: skip

SAFE_TO_REPEAT = (ToolError, RetryLater, InvalidArguments)
"""After these nothing has happened: the tool says so."""


def tools(dice: random.Random, deeds: Deeds, *, calm: float = 0.5) -> list[object]:  # noqa: C901 - one each
    """Tools of every class, sync and async."""

    def what(key: str) -> object:
        if dice.random() < 0.75:
            return "ok" if dice.random() < calm else dice.choice(RETURNS)()
        error = dice.choice(RAISES)()
        if isinstance(error, SAFE_TO_REPEAT):
            deeds.cleared.add(key)
        raise error

    @tool(effect="read", timeout_s=2)
    def look(ctx: Context, order: str, depth: int = 1) -> object:
        """Look."""
        return what(ctx.idempotency_key)

    @tool(effect="irreversible", review=ask_when(lambda args: args.amount > 3))
    async def pay_by_letter(ctx: Context, amount: int) -> object:
        """Pay in another way; asks sometimes; no model is told of it."""
        deeds.irreversible(ctx.idempotency_key)
        return what(ctx.idempotency_key)

    @tool(effect="read", retries=1, fallback=Cached(max_age_s=10_000))
    async def peek(ctx: Context, order: str | None) -> object:
        """Peek."""
        return what(ctx.idempotency_key)

    @tool(effect="idempotent", timeout_s=2, fallback=Default("not moved"))
    async def move(ctx: Context, order: str) -> object:
        """Move."""
        return what(ctx.idempotency_key)

    @tool(effect="irreversible", review=never_ask, fallback=pay_by_letter)
    async def pay(ctx: Context, amount: int) -> object:
        """Pay."""
        deeds.irreversible(ctx.idempotency_key)
        return what(ctx.idempotency_key)

    @tool(effect="irreversible", timeout_s=2)
    def send(ctx: Context, to: str) -> object:
        """Send; asks every time."""
        deeds.irreversible(ctx.idempotency_key)
        return what(ctx.idempotency_key)

    @tool(effect="irreversible", review=ask_when(lambda args: args.amount > 5))
    async def charge(ctx: Context, amount: int) -> object:
        """Charge; asks sometimes; has a probe."""
        deeds.irreversible(ctx.idempotency_key)
        return what(ctx.idempotency_key)

    @charge.probe
    async def charged(ctx: Context, amount: int) -> object:
        found = dice.choice([None, "found", None, ValueError("who knows"), Base("probe")])
        if isinstance(found, BaseException):
            raise found
        if found is None:
            deeds.cleared.add(ctx.idempotency_key)
        return found

    @tool(effect="read", timeout_s=0.02)
    async def hang(ctx: Context) -> str:
        """Hang."""
        await asyncio.Event().wait()
        return "never"

    @tool(effect="irreversible", timeout_s=0.02, review=lambda proposal: dice.choice([None, 5, "x"]))
    async def hang_hard(ctx: Context, password: str = "") -> str:
        """Hang, and nobody knows."""
        deeds.irreversible(ctx.idempotency_key)
        await asyncio.Event().wait()
        return "never"

    return [look, peek, move, pay, send, charge, hang, hang_hard]
