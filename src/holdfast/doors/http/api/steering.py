"""Cancelling and retrying executions: one, or many at once."""

import asyncio
from collections.abc import Sequence
from typing import Final, Literal, Self

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from holdfast.app import App
from holdfast.doors.http.api.answering import CHANGES, answer, problems
from holdfast.doors.http.api.asking import MOST, Asked, Id, Name, WantedExecutions
from holdfast.doors.http.api.routes import Operating, Running, app_of, noun
from holdfast.doors.http.api.shapes import ANSWER, shape
from holdfast.doors.http.guard import entitled
from holdfast.doors.http.problems import problem_from
from holdfast.doors.http.reached import reached
from holdfast.errors import HoldfastError, NotFound, UsageError
from holdfast.types import Caller, Execution, Status

router = noun("executions")

_AT_ONCE: Final = 20
_LIVE: Final[frozenset[Status]] = frozenset({"pending", "running", "awaiting_review"})


class RetryRequest(Asked):
    """From where."""

    from_step: int | None = Field(default=None, ge=1, le=1_000_000)
    """Set the turns from this step on aside and do them anew. Default: go on after the last durable step."""


@router.post(
    "/executions/{id}/cancel",
    operation_id="cancel_execution",
    summary="Cancel an execution",
    responses={200: {"model": shape(Execution)}} | problems(*CHANGES),
)
async def cancel(request: Request, caller: Running, id: Id) -> Response:  # noqa: A002 - the word of the domain
    """At once if it waits, else after the call that runs now; no new call starts."""
    app = app_of(request)
    await reached(app, caller, id)
    return answer(await app.cancel(id, by=caller.name))


@router.post(
    "/executions/{id}/retry",
    operation_id="retry_execution",
    summary="Retry an execution",
    responses={200: {"model": shape(Execution)}} | problems(*CHANGES),
)
async def retry(
    request: Request,
    caller: Operating,
    id: Id,  # noqa: A002 - the word of the domain
    body: RetryRequest | None = None,
) -> Response:
    """Let one that failed go on, with fresh limits. What was done is not done again."""
    app = app_of(request)
    await reached(app, caller, id)
    return answer(await app.retry(id, by=caller.name, from_step=body.from_step if body else None))


class BulkRequest(Asked):
    """What to do to which executions."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"action": "cancel", "ids": ["019aa0e2-7f6a-7c11-b2c5-0d8a3f5e9b41"]},
                {"action": "retry", "filter": {"agent": ["support"], "since": "1d"}},
            ]
        }
    )

    action: Literal["cancel", "retry"]
    """Retrying takes a role that may steer everything."""
    ids: list[Name] | None = Field(default=None, min_length=1, max_length=MOST)
    """These; or `filter`."""
    filter: WantedExecutions | None = None
    """The newest that fit, up to `limit`. To cancel it names a status of live ones; a retry is of failed ones."""
    limit: int = Field(default=MOST, ge=1, le=MOST)
    """Of a filter: so many at most."""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("give ids or filter, one of the two")
        return self


class Done(BaseModel):
    """What came of one of them."""

    model_config = ANSWER | ConfigDict(use_attribute_docstrings=True)

    id: str
    outcome: Literal["done", "refused"]
    status: Status | None = None
    """Which it has now, if it was done."""
    code: str | None = None
    """Why it was refused: a stable code."""
    detail: str | None = None
    """The same in words."""


class BulkDone(BaseModel):
    """What came of each."""

    model_config = ANSWER | ConfigDict(use_attribute_docstrings=True)

    results: list[Done]
    """In the order given, or the newest first."""
    more: bool
    """Of a filter: whether there are more that fit; ask again for them."""


@router.post(
    "/executions/bulk",
    operation_id="bulk_executions",
    summary="Cancel or retry many executions",
    responses={200: {"model": BulkDone}} | problems(*CHANGES),
)
async def bulk(request: Request, caller: Running, body: BulkRequest) -> Response:
    """Each is done singly: one that is refused stops no other."""
    if body.action == "retry":
        entitled(caller, "operate")
    app = app_of(request)
    ids, more = await _chosen(app, caller, body)
    reachable = {line.id for line in await app.glance.lines_of(caller, ids)}
    room = asyncio.Semaphore(_AT_ONCE)

    async def one(execution_id: str) -> Done:
        async with room:
            return await _done(app, caller, body.action, execution_id, reachable=execution_id in reachable)

    return answer(BulkDone(results=list(await asyncio.gather(*map(one, ids))), more=more))


async def _chosen(app: App, caller: Caller, body: BulkRequest) -> tuple[Sequence[str], bool]:
    if body.filter is None:
        return list(dict.fromkeys(body.ids or ())), False
    status: Status | None = body.filter.status or ("failed" if body.action == "retry" else None)
    if status is None or (status in _LIVE) == (body.action == "retry") or status in {"completed", "cancelled"}:
        raise UsageError(
            f"filter.status={status!r}: a {body.action} is of executions that are "
            + ("failed" if body.action == "retry" else "pending, running or awaiting_review: name one of these")
        )
    wanted = body.filter.model_copy(update={"status": status}).wanted()
    found = await app.glance.lines(caller, wanted, limit=body.limit + 1)
    return [line.id for line in found[: body.limit]], len(found) > body.limit


async def _done(
    app: App, caller: Caller, action: Literal["cancel", "retry"], execution_id: str, *, reachable: bool
) -> Done:
    try:
        if not reachable:
            raise NotFound(f"there is no execution {execution_id!r}")
        verb = app.cancel if action == "cancel" else app.retry
        execution = await verb(execution_id, by=caller.name)
    except HoldfastError as error:
        why = problem_from(error)
        return Done(id=execution_id, outcome="refused", code=why.code, detail=why.detail)
    return Done(id=execution_id, outcome="done", status=execution.status)
