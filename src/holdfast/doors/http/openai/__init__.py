"""The door for clients of OpenAI's Responses API: an agent is a model, an execution a response."""

from typing import Final

from fastapi import APIRouter

from holdfast.doors.http.openai import models, responses

ROUTERS: Final[tuple[APIRouter, ...]] = (responses.router, models.router)
