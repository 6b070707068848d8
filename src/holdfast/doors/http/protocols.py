"""Other people's protocols that agents can be driven by: OpenAI Responses, and A2A where its extra is installed."""

from collections.abc import Sequence

from fastapi import APIRouter

from holdfast.app import App
from holdfast.doors.http import openai


def protocol_routers(_: App) -> Sequence[APIRouter]:
    """What speaks them, for the agents of this app."""
    return openai.ROUTERS
