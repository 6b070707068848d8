"""What the tests of failing tools share: an agent that follows a script, and what the model was told."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from holdfast import Agent, App
from holdfast.testing import FakeClock, ScriptedModel
from holdfast.types import Event, Execution


def clerk(steps: object, tools: Sequence[object], **options: Any) -> Agent:
    """An agent that follows a script with these tools."""
    return Agent(name="clerk", models=[ScriptedModel(steps)], tools=tools, **options)


def run(database: str, agent: Agent, *, clock: FakeClock | None = None) -> tuple[Execution, list[Event]]:
    """One execution to its end or first question, and its journal."""

    async def story(app: App) -> tuple[Execution, list[Event]]:
        execution = await app.run("clerk", "Go.", timeout_s=30)
        return execution, await journal(app, execution.id)

    return play(database, agent, story, clock=clock)


def play(
    database: str,
    agent: Agent,
    story: Callable[[App], Awaitable[Any]],
    *,
    clock: FakeClock | None = None,
    **options: Any,
) -> Any:
    """A story on an open app."""

    async def whole() -> Any:
        async with App([agent], database, clock=clock or FakeClock(auto=True), **options) as app:
            return await story(app)

    return asyncio.run(whole())


async def journal(app: App, execution_id: str) -> list[Event]:
    """All events so far."""
    return [event async for event in app.events(execution_id, follow=False)]


def ended(events: Sequence[Event]) -> list[dict[str, Any]]:
    """The data of every call that ended."""
    return [dict(event.data) for event in events if event.kind == "call.ended"]
