"""A small world for the loop's tests: an app on a fresh SQLite file, tools that keep their own ledger."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path

from holdfast import Agent, App, Context, Limits, never_ask, tool
from holdfast.testing import ScriptedModel
from holdfast.types import Execution


@dataclass
class World:
    """An app with one agent, and what its tools did."""

    path: Path
    done: list[tuple[str, str]] = field(default_factory=list)
    """(tool, idempotency key) of every dispatch, written by the tools themselves."""

    def tools(self) -> list[object]:
        @tool(effect="read")
        def look(order: str) -> str:
            """Look up an order."""
            self.done.append(("look", order))
            return f"order {order} is on its way"

        @tool(effect="idempotent")
        def move(ctx: Context, order: str) -> str:
            """Move an order."""
            self.done.append(("move", ctx.idempotency_key))
            return "moved"

        @tool(effect="irreversible", review=never_ask)
        def pay(ctx: Context, amount: int) -> str:
            """Pay."""
            self.done.append(("pay", ctx.idempotency_key))
            return f"paid {amount}"

        @tool(effect="irreversible")
        def send(ctx: Context, to: str) -> str:
            """Send an e-mail; asks every time."""
            self.done.append(("send", to))
            return "sent"

        return [look, move, pay, send]

    def agent(self, steps: object, **options: object) -> Agent:
        options.setdefault("tools", self.tools())
        model = steps if isinstance(steps, ScriptedModel) else ScriptedModel(steps)
        return Agent(**{"name": "clerk", "models": [model], "instructions": "Help.", **options})

    def app(self, steps: object, **options: object) -> App:
        return App([self.agent(steps, **options)], str(self.path / "holdfast.db"))

    def run(self, steps: object, input: object = "Where is order 7?", **options: object) -> Execution:  # noqa: A002
        """One execution from start to its end or its first question."""
        return self.app(steps, **options).run_sync("clerk", input, timeout_s=30)

    def play(self, app: App, story: Callable[[App], Coroutine[object, object, object]]) -> object:
        """Run a story against an open app."""

        async def whole() -> object:
            async with app:
                return await story(app)

        return asyncio.run(whole())


def limits(**values: object) -> Limits:
    """Limits with the given ones changed."""
    return Limits(**values)
