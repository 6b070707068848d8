"""The paths of models: the agents that the caller reaches."""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from holdfast.doors.http.guard import needs
from holdfast.doors.http.openai.refusal import RESPONSES, OpenAIRoute
from holdfast.doors.http.reached import reached_agent, reached_agents
from holdfast.types import Caller

router = APIRouter(prefix="/v1/openai", tags=["openai"], route_class=OpenAIRoute, responses=RESPONSES)
_UNKNOWN_TIME: Final = 0


class Model(BaseModel):
    """An agent."""

    id: str
    object: str = "model"
    created: int = _UNKNOWN_TIME
    owned_by: str = "holdfast"


class Models(BaseModel):
    """Agents."""

    object: str = "list"
    data: list[Model]


@router.get("/models", summary="List agents")
async def listed(request: Request, caller: Annotated[Caller, Depends(needs("see"))]) -> Models:
    """Each can be a request's `model`."""
    return Models(data=[Model(id=name) for name in reached_agents(request.state.app, caller)])


@router.get("/models/{model}", summary="Look at an agent")
async def one(request: Request, model: str, caller: Annotated[Caller, Depends(needs("see"))]) -> Model:
    """One agent."""
    return Model(id=reached_agent(request.state.app, caller, model))
