"""The door for A2A 1.0: other agents, and what drives them, speak with ours. Needs the extra `a2a`."""

from typing import Final

from fastapi import APIRouter

from holdfast.doors.http.a2a import card, rest, rpc

ROUTERS: Final[tuple[APIRouter, ...]] = (card.router, rpc.router, rest.router)
