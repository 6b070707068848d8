"""Ways to ask a chain of models in a test."""

import asyncio
import random
from collections.abc import Callable, Sequence

from holdfast import Agent
from holdfast.loop.model import Models, Prompt, Request, Response
from holdfast.loop.transcript import Entry, Responded, Returned, Told
from holdfast.testing import FakeClock, ScriptedModel
from holdfast.types import Conversation

TALK = Conversation(input="hi", calls=(), notes=(), tools=(), user=None, closing=False)


class Lookup:
    """A declared tool, as far as a model is told of it."""

    name = "find"
    description = "Find an order."
    schema_hash = "h1"
    parameters = {"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]}  # noqa: RUF012


def request(*entries: Entry, **options: object) -> Request:
    """A request with these entries, or with one word."""
    given: dict = {
        "instructions": "Help.",
        "entries": list(entries) or [Told("hi")],
        "tools": (),
        "conversation": TALK,
        "max_tokens": 200,
        "timeout_s": 5.0,
        "closing": False,
    }
    return Request(**(given | options))


def chain(*models: object, **options: object) -> Models:
    """The chain of an agent with these models; waits between attempts pass at once."""
    return Models(
        Agent(name="a", models=models, **options),
        clock=FakeClock(auto=True),
        random=random.Random(1).random,
    )


def ask(models: Models, question: Request | None = None, **options: object) -> Response:
    """Ask once."""
    return asyncio.run(models.respond(question or request(), **options))


def converse(
    models: Models, turns: int, before: Callable[[Request, Sequence[Entry]], None] = lambda *_: None
) -> list[Response]:
    """Ask turn after turn, every call answered, as the loop does."""
    prompt, entries, responses = Prompt(), [Told("hi")], []

    async def talk() -> None:
        for _ in range(turns):
            question = request(*entries)
            before(question, entries)
            response = await models.respond(question, prompt=prompt)
            responses.append(response)
            entries.append(Responded(response.json))
            entries.extend(
                Returned(provider_call_id=call.provider_call_id, tool=call.tool, content="found", status="completed")
                for call in response.calls
            )

    asyncio.run(talk())
    return responses


def scripted(*steps: object, **options: object) -> ScriptedModel:
    """A scripted model with these steps."""
    return ScriptedModel(list(steps), **options)
