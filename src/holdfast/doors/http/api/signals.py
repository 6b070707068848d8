"""Signals: what workflows wait for, sent by clients."""

from typing import Annotated

from fastapi import Header, Request
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from holdfast.doors.http.api.answering import CHANGES, answer, problems
from holdfast.doors.http.api.asking import AnyJson, Asked, Id, Name
from holdfast.doors.http.api.routes import Running, app_of, noun
from holdfast.doors.http.api.shapes import ANSWER
from holdfast.doors.http.reached import reached
from holdfast.errors import UsageError

router = noun("executions")


class SignalRequest(Asked):
    """What is sent."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "docs.signed", "data": {"by": "mia"}, "id": "mail-4711"}]}
    )

    name: Name
    """What `flow.wait_for` waits for."""
    data: AnyJson = None
    """What it brings. Default: nothing."""
    id: Name | None = None
    """Sending twice with one id is sending once; as the header `Idempotency-Key`. Default: each is another one."""


class Sent(BaseModel):
    """What became of it."""

    model_config = ANSWER | ConfigDict(use_attribute_docstrings=True)

    execution: str
    signal: str
    new: bool
    """False when it was sent before, with this id."""


@router.post(
    "/executions/{id}/signals",
    operation_id="send_signal",
    summary="Send a signal to a workflow",
    responses={200: {"model": Sent}} | problems(*CHANGES),
)
async def send(
    request: Request,
    caller: Running,
    id: Id,  # noqa: A002 - the word of the domain
    body: SignalRequest,
    key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", min_length=1, max_length=200, description="Sending twice is sending once."),
    ] = None,
) -> Response:
    """It is durable when this answers; the workflow may wait for it now, or come to that later.

    An execution that has ended takes none, nor does one of an agent that is no workflow.
    """
    if key is not None and body.id not in {None, key}:
        raise UsageError("the header Idempotency-Key and id differ: give one of them")
    app = app_of(request)
    await reached(app, caller, id)
    new = await app.send(id, body.name, body.data, by=caller.name, id=key or body.id)
    return answer(Sent(execution=id, signal=body.name, new=new))
