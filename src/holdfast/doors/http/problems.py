"""Errors as programs read them: problem details (RFC 9457) with stable codes."""

from fastapi import FastAPI, Request
from starlette.responses import JSONResponse, Response

from holdfast.errors import HoldfastError, NotFound, StoreError


def install_problems(app: FastAPI) -> None:
    """Let every error of ours end as a problem."""
    app.add_exception_handler(HoldfastError, _told)


async def _told(_: Request, error: Exception) -> Response:
    code = error.code if isinstance(error, HoldfastError) else "error"
    status = 404 if isinstance(error, NotFound) else 503 if isinstance(error, StoreError) else 400
    retry = {"retry-after": "5"} if status == 503 else None
    return JSONResponse({"error": {"code": code, "message": str(error)}}, status_code=status, headers=retry)
