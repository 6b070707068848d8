"""One question: its card, every answer to it, the difference that an edit makes, and a grant."""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request
from starlette.responses import HTMLResponse, Response

from holdfast.doors.http.console.approval_view import card_view
from holdfast.doors.http.console.difference import Row, difference
from holdfast.doors.http.console.drawing import graph_of_question
from holdfast.doors.http.console.exactly import editable, visible
from holdfast.doors.http.console.forms import Form
from holdfast.doors.http.console.inbox import Filters, inbox
from holdfast.doors.http.console.shell import app_of, fragment, page, redirect
from holdfast.doors.http.guard import needs
from holdfast.doors.screen import words
from holdfast.errors import (
    AlreadyDecided,
    Forbidden,
    HoldfastError,
    InvalidArguments,
    JournalBroken,
    NotEntitled,
    NotFound,
    Refused,
    UsageError,
)
from holdfast.notify.inbound.reading import parsed
from holdfast.notify.message import CHOICES, Choice
from holdfast.outside import became
from holdfast.policy.roles import concerns
from holdfast.types import Answer, Approval, Caller, Effect, Json, Line

router = APIRouter(include_in_schema=False)

_TOO_MUCH: Final = 4_000
"""Characters of a note."""
_LASTS: Final = {"3600": "1 hour", "28800": "8 hours", "86400": "1 day", "604800": "7 days"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the form says."""

    choice: str = ""
    note: str = ""
    edit: str | None = None
    """The JSON in the editor; `None`: as it was asked."""
    compared: Sequence[Row] | None = None
    """The difference that the edit makes; empty: none."""
    problem: str = ""
    about_edit: bool = False
    """Whether the problem is in the editor."""


_NOTHING: Final = Given()


@router.get("/approvals/{approval_id}")
async def approval(request: Request, approval_id: str, caller: Annotated[Caller, Depends(needs("see"))]) -> Response:
    """The card, beside the list."""
    found = await app_of(request).glance.approval(caller, approval_id)
    return await card_page(request, caller, found)


@router.post("/approvals/{approval_id}")
async def decide(
    request: Request, approval_id: str, caller: Annotated[Caller, Depends(needs("decide"))], form: Form
) -> Response:
    """Take an answer; or show what an edit would change."""
    app = app_of(request)
    asked = await app.glance.approval(caller, approval_id)
    edit = form.optional("edit")
    given = Given(choice=form.text("choice"), note=form.text("note"), edit=edit)
    if given.choice == "compare":
        return await card_page(request, caller, asked, await _compared(request, asked, given))
    try:
        answer, replaced = read(asked, given)
        decided = await app.decide(approval_id, answer, by=caller.name, note=given.note or None, edit=replaced)
    except (UsageError, Refused, InvalidArguments, JournalBroken) as error:
        now = await app.glance.approval(caller, approval_id)
        return await card_page(request, caller, now, _refused(asked, given, error), status=_status(error))
    return redirect(request, f"/approvals/{approval_id}{Filters.of(request).query()}", note=_told(decided))


@router.post("/approvals/{approval_id}/difference")
async def show_difference(
    request: Request, approval_id: str, caller: Annotated[Caller, Depends(needs("decide"))], form: Form
) -> Response:
    """What an edit would change, as a piece of the page: for the editor while somebody types."""
    asked = await app_of(request).glance.approval(caller, approval_id)
    given = await _compared(request, asked, Given(choice="compare", edit=form.text("edit")))
    return HTMLResponse(fragment(request, "difference.html", caller=caller, given=given))


@router.post("/approvals/{approval_id}/grant")
async def grant(
    request: Request, approval_id: str, caller: Annotated[Caller, Depends(needs("decide"))], form: Form
) -> Response:
    """Let calls such as this one run without asking, for a while."""
    app = app_of(request)
    asked = await app.glance.approval(caller, approval_id)
    back = f"/approvals/{approval_id}{Filters.of(request).query()}"
    if not concerns(caller, agent=asked.agent_type):
        raise Forbidden("a grant holds for every user, and you are bound to one: answer each call")
    try:
        given = await app.grant(
            asked.tool_name or "",
            by=caller.name,
            why=form.text("why"),
            for_s=float(form.number("for_s", "3600")),
            uses=int(form.number("uses", "1")),
            agent=asked.agent_type if form.text("scope", "agent") == "agent" or caller.agents else None,
            bounds=[line for line in form.text("bounds").splitlines() if line.strip()],
        )
    except (UsageError, Refused, OverflowError) as error:
        return redirect(request, back, problem=f"No grant was given: {error}")
    until = f"{given.until:%Y-%m-%d %H:%M} UTC"
    return redirect(request, back, note=f"{asked.tool_name} may run {given.uses} times within bounds until {until}.")


async def card_page(  # noqa: PLR0913 - what a card depends on
    request: Request,
    caller: Caller,
    asked: Approval,
    given: Given = _NOTHING,
    *,
    status: int = 200,
    first: bool = False,
) -> Response:
    """The page of one question; `first`: nobody asked for this one, so that narrow windows show the list."""
    filters = Filters.of(request)
    app, listed = app_of(request), await inbox(request, caller, filters)
    earlier, later = listed.beside(asked)
    lines = await app.glance.lines_of(caller, [asked.execution_id])
    return await page(
        request, "approval.html", caller=caller, status=status, title=asked.question,
        inbox=listed, filters=filters, tab="open", shown=asked.id, earlier=earlier, later=later,
        card=card_view(asked, effect=_effect(request, asked)), asked_for=_asked_for(lines), given=given,
        objection=app.objection(asked, "approve", by=caller.name), lasts=_LASTS, first=first,
        drawing=graph_of_question(request, asked),
    )  # fmt: skip


def read(asked: Approval, given: Given) -> tuple[Answer, Json]:
    """What the form means for this question.

    Raises:
        UsageError: It is no answer to it, or something is missing.
    """
    choice = next((one for one in CHOICES[asked.kind] if _value(one) == given.choice), None)
    if choice is None:
        raise UsageError("Choose an answer.")
    if len(given.note) > _TOO_MUCH:
        raise UsageError(f"The note is longer than {_TOO_MUCH:,} characters.")
    if choice.answer == "reject" and not given.note:
        raise UsageError("Say why you reject it: the agent is told, and so is whoever reads the record.")
    if choice.answer == "answer" and not given.note:
        raise UsageError("Write the answer: it is what the agent waits for.")
    if choice.asks == "edit" and given.edit is None:
        raise UsageError("Write what it should run with.")
    if choice.answer == "approve" and choice.asks is None and _is_changed(asked, given.edit):
        raise UsageError("You changed what is in the editor: choose “Approve with changes”, or undo the changes.")
    takes_edit = choice.asks in {"edit", "result"} or (asked.kind == "escalation" and choice.answer == "approve")
    return choice.answer, _json(given.edit) if takes_edit and given.edit else None


def _is_changed(asked: Approval, edit: str | None) -> bool:
    """Whether the editor has something else than what is asked: a plain yes must not pass it over."""
    if edit is None:
        return False
    try:
        return parsed(edit) != asked.arguments
    except (ValueError, RecursionError):
        return True


def _json(text: str) -> Json:
    try:
        return parsed(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"This is not JSON: {error}") from error


def _value(choice: Choice) -> str:
    return "edit" if choice.asks == "edit" else choice.answer


async def _compared(request: Request, asked: Approval, given: Given) -> Given:
    try:
        wanted = _json(given.edit or "")
        checked = await app_of(request).checked_edit(asked.id, wanted)
    except (UsageError, InvalidArguments, JournalBroken) as error:
        return replace(given, problem=str(error), about_edit=True)
    return replace(given, compared=difference(asked.arguments, checked), edit=given.edit or editable(checked))


def _refused(asked: Approval, given: Given, error: HoldfastError) -> Given:
    edits = given.choice == "edit" or (given.choice == "approve" and _is_changed(asked, given.edit))
    said = str(error)
    about_edit = edits and isinstance(error, (UsageError, InvalidArguments))
    return replace(given, problem=f"{said[:1].upper()}{said[1:]}", about_edit=about_edit)


def _status(error: HoldfastError) -> int:
    match error:
        case NotFound():
            return 404
        case NotEntitled():
            return 403
        case AlreadyDecided() | Refused():
            return 409
        case _:
            return 422


def _told(decided: Approval) -> str:
    if decided.status == "open":
        yes = sum(vote.answer == "approve" for vote in decided.votes)
        return f"Your yes counts: {yes} of {decided.quorum}. It waits for others."
    return f"{became(decided)}. The execution goes on as soon as a worker is free."


def _effect(request: Request, asked: Approval) -> Effect | None:
    agent = app_of(request).agents.get(asked.agent_type)
    tools = agent.tools if agent else ()
    return next((tool.effect for tool in tools if tool.name == asked.tool_name), None)


def _asked_for(lines: Sequence[Line]) -> str:
    """How the input of the execution begins, as words."""
    if not lines:
        return ""
    text = lines[0].asked
    with suppress(ValueError):  # its beginning alone is no JSON
        text = words(json.loads(text))
    return visible(text[:400]) + ("…" if len(text) > 400 else "")
