"""Budgets: ceilings for tokens and money, how they stand, and raising them."""

from decimal import Decimal
from typing import Annotated

from fastapi import Path, Query, Request
from pydantic import ConfigDict, Field
from starlette.responses import Response

from holdfast.app import App
from holdfast.doors.http.api.answering import ALWAYS, CHANGES, answer, problems
from holdfast.doors.http.api.asking import Asked, Because, Name, Words, refuse_bound
from holdfast.doors.http.api.routes import Operating, Seeing, app_of, noun
from holdfast.doors.http.api.shapes import page, shape
from holdfast.errors import NotFound
from holdfast.types import Account, Budget, BudgetScope, Caller, OnExhausted

router = noun("budgets")

ControlName = Annotated[str, Path(pattern=r"^[A-Za-z0-9_.-]{1,100}$", description="Its name.")]
"""Of a budget or a rate."""
Money = Annotated[Decimal, Field(gt=0, max_digits=18, decimal_places=9, allow_inf_nan=False)]


@router.get(
    "/budgets",
    operation_id="list_budgets",
    summary="List budgets",
    responses={200: {"model": page(shape(Account))}} | problems(*ALWAYS),
)
async def listed(request: Request, caller: Seeing) -> Response:
    """How each stands, for each subject that it was charged for; all of them."""
    return answer({"items": await _accounts(app_of(request), caller), "next": None})


@router.get(
    "/budgets/{name}",
    operation_id="get_budget",
    summary="Get a budget",
    responses={200: {"model": page(shape(Account))}} | problems(*ALWAYS),
)
async def got(request: Request, caller: Seeing, name: ControlName) -> Response:
    """How it stands, for each subject."""
    found = [one for one in await _accounts(app_of(request), caller) if one.budget.name == name]
    if not found and not any(one.name == name for one in (await app_of(request).control.look()).budgets):
        raise NotFound(f"there is no budget {name!r}")
    return answer({"items": found, "next": None})


class BudgetRequest(Asked):
    """A ceiling."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"scope": "user", "usd": "5", "window": "day", "why": "Trial customers."}]}
    )

    scope: BudgetScope
    subject: Name | None = None
    """Which user or agent. Default: each one has a budget of its own."""
    tokens: int | None = Field(default=None, ge=1, le=10**15)
    usd: Money | None = None
    """One of the two."""
    window: str = Field(default="day", max_length=20)
    """`hour`, `day` or `month` by the calendar (UTC), or rolling: `6h`, `7d`, `90m`."""
    on_exhausted: OnExhausted = "park"
    """What an execution does that it has no room for."""
    why: Words = ""
    """For the record."""


@router.put(
    "/budgets/{name}",
    operation_id="set_budget",
    summary="Set a budget",
    responses={200: {"model": shape(Budget)}} | problems(*CHANGES),
)
async def put(request: Request, caller: Operating, name: ControlName, body: BudgetRequest) -> Response:
    """Put it in force in every worker, or change the one of that name."""
    refuse_bound(caller)
    given = Budget(name=name, **body.model_dump(exclude={"why"}))
    await app_of(request).control.set_budget(given, by=caller.name, why=body.why)
    return answer(given)


@router.delete(
    "/budgets/{name}",
    status_code=204,
    operation_id="drop_budget",
    summary="Drop a budget",
    response_class=Response,
    responses=problems(*ALWAYS, 409),
)
async def drop(request: Request, caller: Operating, name: ControlName, query: Annotated[Because, Query()]) -> Response:
    """What waits for it goes on."""
    refuse_bound(caller)
    await app_of(request).control.drop_budget(name, by=caller.name, why=query.why)
    return Response(status_code=204)


class TopUpRequest(Asked):
    """How much more."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": "20", "subject": "customer-7"}]})

    amount: Money
    """Of the budget's unit: tokens, or US dollars."""
    subject: str = Field(default="", max_length=200)
    """The user or agent; of a global budget empty."""
    why: Words = ""
    """For the record."""


@router.post(
    "/budgets/{name}/top-up",
    operation_id="top_up_budget",
    summary="Top a budget up",
    responses={200: {"model": page(shape(Account))}} | problems(*CHANGES),
)
async def top_up(request: Request, caller: Operating, name: ControlName, body: TopUpRequest) -> Response:
    """Raise one account's ceiling until its window is over; what waits for it goes on."""
    refuse_bound(caller)
    app = app_of(request)
    await app.control.top_up(name, body.amount, by=caller.name, subject=body.subject, why=body.why)
    found = [one for one in await app.control.budgets() if one.budget.name == name and one.subject == body.subject]
    return answer({"items": found, "next": None})


async def _accounts(app: App, caller: Caller) -> list[Account]:
    return [one for one in await app.control.budgets() if _reaches(caller, one)]


def _reaches(caller: Caller, account: Account) -> bool:
    """A caller who is bound sees the accounts of that user and of those agents, and nobody else's."""
    scope, subject = account.budget.scope, account.subject
    if caller.user is not None:
        return scope == "user" and subject == caller.user
    return not caller.agents or (scope == "agent" and subject in caller.agents)
