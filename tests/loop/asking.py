"""Ways to ask a chain of models in a test."""

import asyncio
from collections.abc import Callable, Sequence

from holdfast import Agent
from holdfast.loop.model import Attempt, Models, Prompt, Request, Response
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
        "conversation": lambda: TALK,
        "max_tokens": 200,
        "timeout_s": 5.0,
        "closing": False,
    }
    return Request(**(given | options))


def chain(*models: object, **options: object) -> Models:
    """The chain of an agent with these models."""
    return Models(Agent(name="a", models=models, **options), clock=FakeClock(auto=True))


class NoAnswer(Exception):
    """The rung failed."""

    def __init__(self, failed: Attempt) -> None:
        super().__init__(failed.error)
        self.failed = failed


async def answer(models: Models, question: Request | None = None, *, tries: int = 1, **options: object) -> Response:
    """The first rung's answer, asked so often as one conversation."""
    options.setdefault("prompt", Prompt())
    rung, question = options.pop("rung", 0), question or request()
    for left in reversed(range(tries)):
        came = await models.attempt(rung, question, **options)
        if isinstance(came, Response):
            return came
        if not left:
            raise NoAnswer(came)
    raise AssertionError("asked at least once")


def ask(models: Models, question: Request | None = None, **options: object) -> Response:
    """Ask the first rung, or the one given."""
    return asyncio.run(answer(models, question, **options))


def failure(models: Models, question: Request | None = None, **options: object) -> Attempt:
    """An attempt that fails."""
    try:
        came = ask(models, question, **options)
    except NoAnswer as error:
        return error.failed
    raise AssertionError(f"it answered: {came.text}")


def converse(
    models: Models, turns: int, before: Callable[[Request, Sequence[Entry]], None] = lambda *_: None
) -> list[Response]:
    """Ask turn after turn, every call answered, as the loop does."""
    prompt, entries, responses = Prompt(), [Told("hi")], []

    async def talk() -> None:
        for _ in range(turns):
            question = request(*entries)
            before(question, entries)
            response = await answer(models, question, prompt=prompt)
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
