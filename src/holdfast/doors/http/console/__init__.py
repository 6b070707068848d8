"""The console: pages that people look at and work with."""

from typing import Final

from fastapi import APIRouter

from holdfast.doors.http.console import login, overview, static_files, theme
from holdfast.doors.http.console.refusal import error_page

ROUTERS: Final[tuple[APIRouter, ...]] = (static_files.router, theme.router, login.router, overview.router)

__all__ = ["ROUTERS", "error_page"]
