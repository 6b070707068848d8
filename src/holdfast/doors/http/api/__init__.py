"""The paths under /v1, one file a noun."""

from typing import Final

from fastapi import APIRouter

from holdfast.doors.http.api import (
    agents,
    approvals,
    budgets,
    calls,
    controls,
    events,
    executions,
    grants,
    keys,
    rates,
    records,
    schedules,
    shares,
    signals,
    steering,
    threads,
    workers,
)

ROUTERS: Final[tuple[APIRouter, ...]] = tuple(
    noun.router
    for noun in (
        executions,
        events,
        steering,
        signals,
        calls,
        threads,
        approvals,
        grants,
        agents,
        budgets,
        rates,
        shares,
        schedules,
        controls,
        records,
        workers,
        keys,
    )
)
