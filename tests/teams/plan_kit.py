"""Planners for tests: rules that plan what they are told to, doers that do as they are told, and what came of it."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pydantic import BaseModel

from holdfast import Agent, App, Call, Conversation, Final, Limits, Plan, Planner, Reply, Task, tool
from holdfast.types import Event, Execution

Story = Callable[[App], Awaitable[None]]
PLAN_LIMITS = Limits(steps=100, tokens=500_000, descendants=100)


class Found(BaseModel):
    facts: str
    sources: list[str] = []
    price: float = 10.0


def research(conversation: Conversation) -> Reply:
    """Fails for whatever is impossible."""
    asked = str(conversation.input)
    if "impossible" in asked:
        return Call("cannot_complete", {"reason": "nobody knows"})
    return Final(Found(facts=f"about {asked}", sources=["a book"]))


def write(conversation: Conversation) -> Final:
    return Final(f"text of {conversation.input}")


@tool(effect="read")
def price_of(city: str, nights: int = 1) -> dict[str, float]:
    """The price of nights in a city."""
    return {"usd": 100.0 * nights}


RESEARCHER = Agent(name="researcher", models=[research], output=Found, description="Looks facts up.")
WRITER = Agent(name="writer", models=[write], description="Writes texts.")


def plans(*made: Plan | Callable[[Any], Plan]) -> Callable[[Conversation], Final]:
    """A rule that gives these plans, the next one each time that it is asked; the last one for ever."""
    asked: list[Any] = []

    def plan(conversation: Conversation) -> Final:
        asked.append(conversation.input)
        found = made[min(len(asked), len(made)) - 1]
        return Final(found if isinstance(found, Plan) else found(conversation.input))

    plan.asked = asked  # pyright: ignore[reportFunctionMemberAccess] - what it was told, for tests
    return plan


def plan(*tasks: Task, **more: Any) -> Plan:
    return Plan(tasks=tasks, **more)


def task(name: str, use: str = "writer", asked: Any = "it", **more: Any) -> Task:
    return Task(id=name, use=use, input=asked, **more)


def trip(*made: Plan | Callable[[Any], Plan], **options: Any) -> Planner[Any]:
    given: dict[str, Any] = {"name": "trip", "agents": [RESEARCHER, WRITER], "tools": [price_of], "limits": PLAN_LIMITS}
    rule = plans(*made)
    planner = Planner(models=[rule], **{**given, **options})
    object.__setattr__(planner, "asked", rule.asked)  # pyright: ignore[reportFunctionMemberAccess]
    return planner


def play(database: str, planner: Agent[Any], story: Story) -> None:
    async def whole() -> None:
        async with App([planner], database) as app:
            await story(app)

    asyncio.run(whole())


def carried_out(database: str, planner: Agent[Any], given: object = "go") -> tuple[Execution, list[Event]]:
    """Run to its end where nobody is asked, and the journal."""
    found: list[Any] = []

    async def story(app: App) -> None:
        ended = await app.run(planner, given, timeout_s=30)
        found.append((ended, await journal(app, ended.id)))

    play(database, planner, story)
    return found[0]


async def journal(app: App, execution_id: str, *kinds: str) -> list[Event]:
    told = [event async for event in app.events(execution_id, follow=False)]
    return [event for event in told if not kinds or event.kind in kinds]


async def asked(app: App, execution_id: str) -> Any:
    """The question that an execution waits for."""
    await app.wait(execution_id, 30)
    (question,) = await app.approvals(execution_id=execution_id)
    return question


def data(events: Sequence[Event], *kinds: str) -> list[dict[str, Any]]:
    return [dict(event.data) for event in events if event.kind in kinds]
