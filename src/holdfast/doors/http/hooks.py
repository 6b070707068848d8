"""Where programs post what is to be done: each signed post starts one execution, however often it is delivered."""

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from holdfast.doors.http.refused import status_of
from holdfast.errors import ForgedAnswer
from holdfast.outside import Outside


async def hook(request: Request) -> Response:
    """A post; 202 says that it is durable."""
    outside: Outside = request.state.outside
    body = await request.body()
    try:
        execution = await outside.hook(request.path_params["name"], body, headers=dict(request.headers))
    except ForgedAnswer as forged:
        # No more than the reason: what exactly was wrong would help whoever forges.
        told = {"error": {"code": forged.code, "message": forged.reason}}
        return JSONResponse(told, status_code=status_of(forged))
    return JSONResponse({"execution": execution.id, "status": execution.status}, status_code=202)


ROUTES: Final = [Route("/hooks/{name}", hook, methods=["POST"])]
