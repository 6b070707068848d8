"""An agent whose work is traced, and what the tests ask of a trace."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from opentelemetry import trace as otel

from holdfast import Agent, App, Context, tool
from holdfast.config import Settings
from holdfast.testing import ScriptedModel
from holdfast.types import Execution
from tests.telemetry.receiver import Got, Receiver

Story = Callable[[App], Coroutine[Any, Any, Execution]]
seen: list[otel.SpanContext] = []
"""The span that was current in each call."""


@tool(effect="read")
async def look(order: str) -> str:
    """Look up an order."""
    seen.append(otel.get_current_span().get_span_context())
    return f"order {order} is on its way"


@tool(effect="read")
def look_slowly(order: str) -> str:
    """Look up an order, in a thread."""
    seen.append(otel.get_current_span().get_span_context())
    return f"order {order} is on its way"


@tool(effect="irreversible")
def send(ctx: Context, to: str) -> str:
    """Send an e-mail; asks every time."""
    return f"sent to {to}"


def clerk(steps: Sequence[Any], **options: Any) -> Agent[Any]:
    given = {"models": [ScriptedModel(steps)], "tools": [look, look_slowly, send], "instructions": "Help."} | options
    return Agent(name="clerk", **given)


def traced(database: str, agent: Agent[Any], **telemetry: Any) -> App:
    return App([agent], database, settings=Settings(telemetry=telemetry, log_level="warning"))


def play(app: App, story: Story) -> Execution:
    """What a story makes of an app; it is closed afterwards, so that every span is on its way."""

    async def whole() -> Execution:
        async with app:
            return await story(app)

    return asyncio.run(whole())


def ask(app: App, asked: str = "Where is order 7?") -> Execution:
    """One execution, to its end or its first question."""
    return play(app, lambda app: app.run("clerk", asked, timeout_s=20))


def agree(app: App, execution_id: str) -> Execution:
    """Ada says yes to what an execution waits for, and it goes on."""

    async def story(app: App) -> Execution:
        (question,) = await app.approvals(execution_id=execution_id)
        await app.decide(question.id, "approve", by="Ada")
        return await app.resume(execution_id, timeout_s=20)

    return play(app, story)


def of(receiver: Receiver, execution: Execution) -> list[Got]:
    """The spans of its trace: the id of the execution is the id of the trace."""
    return [span for span in receiver.spans if span.trace == execution.id.replace("-", "")]


def named(spans: Sequence[Got], start: str) -> list[Got]:
    return sorted((span for span in spans if span.name.startswith(start)), key=lambda span: span.start)


def one(spans: Sequence[Got], start: str) -> Got:
    (span,) = named(spans, start)
    return span


def orphans(spans: Sequence[Got]) -> list[str]:
    """Spans whose parent is not in the trace, but for the root."""
    known = {span.id for span in spans} | {""}
    return [span.name for span in spans if span.parent not in known]
