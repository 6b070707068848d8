"""Other people's protocols that agents can be driven by: OpenAI Responses, and A2A where its extra is installed."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from importlib.util import find_spec

from fastapi import APIRouter

from holdfast.app import App
from holdfast.doors.http import openai
from holdfast.outside import Outside


def protocol_routers(_: App) -> Sequence[APIRouter]:
    """What speaks them, for the agents of this app."""
    if not _speaks_a2a():
        return openai.ROUTERS
    from holdfast.doors.http import a2a

    return (*openai.ROUTERS, *a2a.ROUTERS)


@asynccontextmanager
async def telling(app: App, outside: Outside) -> AsyncGenerator[None]:
    """Tell clients of protocols what they want to be told while the block runs."""
    if not _speaks_a2a():
        yield
        return
    from holdfast.doors.http.a2a.courier import delivering

    async with delivering(app, outside.subscriptions):
        yield


def _speaks_a2a() -> bool:
    return find_spec("a2a") is not None
