"""Agent cards: what others are told of an agent before they have a key. No word of its instructions and tools."""

import hashlib
import json
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response
from starlette.responses import JSONResponse

from holdfast.app import App
from holdfast.doors.http.a2a.reading import INPUT_MODES, OUTPUT_MODES
from holdfast.doors.http.a2a.wire import Data
from holdfast.doors.http.guard import needs
from holdfast.doors.http.reached import reached_agents
from holdfast.errors import NotFound
from holdfast.types import Caller
from holdfast.version import __version__

router = APIRouter(tags=["a2a"])
_PROTOCOL: Final = "1.0"
_CACHED: Final = "public, max-age=300"


@router.get("/.well-known/agent-card.json", summary="The card of the first agent")
async def first(request: Request) -> Response:
    """Where clients look that know no more than the host. It needs no key."""
    app: App = request.state.app
    name = next(iter(app.agents), None)
    if name is None:
        raise NotFound("this server has no agents")
    return _served(request, name)


@router.get("/a2a/{agent}/.well-known/agent-card.json", summary="The card of an agent")
async def one(request: Request, agent: str) -> Response:
    """What it is called, where it is and how it is spoken to. It needs no key."""
    if agent not in request.state.app.agents:
        raise NotFound(f"there is no agent {agent!r}")
    return _served(request, agent)


@router.get("/a2a", summary="List agents with their cards")
async def directory(request: Request, caller: Annotated[Caller, Depends(needs("see"))]) -> Response:
    """Those that the caller reaches."""
    base = _base(request)
    found = reached_agents(request.state.app, caller)
    return JSONResponse(
        {"agents": [{"name": name, "card": f"{base}/a2a/{name}/.well-known/agent-card.json"} for name in found]}
    )


def _served(request: Request, name: str) -> Response:
    card = card_of(request.state.app, name, base=_base(request))
    tag = f'W/"{hashlib.sha256(json.dumps(card, sort_keys=True).encode()).hexdigest()[:32]}"'
    headers = {"etag": tag, "cache-control": _CACHED}
    given = [one.strip().removeprefix("W/") for one in request.headers.get("if-none-match", "").split(",")]
    if "*" in given or tag.removeprefix("W/") in given:
        return Response(status_code=304, headers=headers)
    return JSONResponse(card, headers=headers)


def card_of(app: App, name: str, *, base: str) -> Data:
    """The card of an agent.

    Args:
        app: Whose agent it is.
        name: The agent.
        base: Where this server is reached, without a slash at its end.
    """
    agent = app.agents[name]
    url = f"{base}/a2a/{name}"
    about = f"The agent {name}, run by Holdfast: durable, within budgets, and with people where they are needed."
    return {
        "name": name,
        "description": about,
        "version": agent.version,
        "provider": {"organization": "Holdfast", "url": base},
        "supportedInterfaces": [
            {"url": url, "protocolBinding": binding, "protocolVersion": _PROTOCOL}
            for binding in ("JSONRPC", "HTTP+JSON")
        ],
        "capabilities": {"streaming": True, "pushNotifications": True, "extendedAgentCard": False},
        "securitySchemes": {
            "key": {
                "httpAuthSecurityScheme": {
                    "scheme": "Bearer",
                    "bearerFormat": "hf_...",
                    "description": "A key of this server: `holdfast keys create` makes one.",
                }
            }
        },
        "securityRequirements": [{"schemes": {"key": {"list": []}}}],
        "defaultInputModes": list(INPUT_MODES),
        "defaultOutputModes": list(OUTPUT_MODES),
        "skills": [{"id": name, "name": name, "description": about, "tags": ["holdfast", __version__]}],
    }


def _base(request: Request) -> str:
    """Where this server is reached: as it is configured, else as this request came."""
    app: App = request.state.app
    return (app.settings.public_url or str(request.base_url)).rstrip("/")
