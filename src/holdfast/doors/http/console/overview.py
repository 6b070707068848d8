"""The first page: how everything stands, what runs, who is waited for, what goes wrong."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from holdfast.doors.http.console.shell import app_of, page
from holdfast.doors.http.guard import needs
from holdfast.types import Caller, Standing, Status

router = APIRouter(include_in_schema=False)

_ORDER: Final[Sequence[Status]] = ("running", "pending", "awaiting_review", "completed", "failed", "cancelled")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One number of the strip; a click filters."""

    status: Status
    count: str
    lately: bool
    """It counts what started in the last 24 hours, not everything."""


@router.get("/")
async def overview(request: Request, caller: Annotated[Caller, Depends(needs("see"))]) -> Response:
    """The page."""
    glance = app_of(request).glance
    standing, failing = await asyncio.gather(glance.standing(caller), glance.failing(caller))
    return await page(
        request, "overview.html", caller=caller, title="Overview", strip=figures_of(standing), failing=failing
    )


def figures_of(standing: Standing) -> Sequence[Figure]:
    """The strip, in the order people look: what moves first."""
    return [
        Figure(status=status, count=_counted(standing, status), lately=status in {"completed", "failed", "cancelled"})
        for status in _ORDER
    ]


def _counted(standing: Standing, status: Status) -> str:
    count = standing.counts.get(status, 0)
    return f"{count:,}" if count < standing.most or not standing.most else f"{standing.most:,}+"
