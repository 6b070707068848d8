"""The console: pages that people look at and work with."""

from typing import Final

from fastapi import APIRouter

from holdfast.doors.http.console import (
    agents,
    approval,
    approvals,
    costs,
    execution,
    executions,
    health_page,
    live,
    login,
    overview,
    schedules,
    settings,
    single_sign_on,
    static_files,
    theme,
)
from holdfast.doors.http.console.refusal import error_page

ROUTERS: Final[tuple[APIRouter, ...]] = (
    static_files.router,
    theme.router,
    single_sign_on.router,
    login.router,
    overview.router,
    executions.router,
    execution.router,
    live.router,
    approvals.router,
    approval.router,
    agents.router,
    costs.router,
    schedules.router,
    health_page.router,
    settings.router,
)

__all__ = ["ROUTERS", "error_page"]
