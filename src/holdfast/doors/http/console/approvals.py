"""The open questions, what was decided, grants, and deciding many at once."""

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from typing import Annotated, Final, Literal, cast

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from holdfast.doors.http.console.approval import card_page
from holdfast.doors.http.console.approval_view import CardView, card_view, entries
from holdfast.doors.http.console.figures import now
from holdfast.doors.http.console.forms import Form
from holdfast.doors.http.console.inbox import Filters, inbox
from holdfast.doors.http.console.shell import app_of, fragment, page, redirect
from holdfast.doors.http.console.stirring import changed_parts
from holdfast.doors.http.guard import needs
from holdfast.doors.http.stream import events_stream
from holdfast.errors import NotFound, Refused, UsageError
from holdfast.outside import became
from holdfast.policy.alike import alike
from holdfast.policy.grants import in_words
from holdfast.policy.roles import concerns
from holdfast.types import Approval, Caller, WantedApprovals

router = APIRouter(include_in_schema=False)

_HISTORY: Final = 50
_AT_ONCE: Final = 200
"""Questions that one answer may be given to."""
_YES: Final = frozenset({"call", "result", "change", "escalation"})
"""Kinds that a plain yes answers."""
_EVERY_S: Final = 1.0
"""The list is drawn again at most so often."""
Sees = Annotated[Caller, Depends(needs("see"))]
_NO: Final = _YES | {"question"}


@router.get("/approvals")
async def approvals(request: Request, caller: Sees) -> Response:
    """The list with the oldest question beside it; or another tab."""
    filters = Filters.of(request)
    match request.query_params.get("tab"):
        case "history":
            return await _history(request, caller, filters)
        case "grants":
            return await _grants(request, caller)
        case _:
            listed = await inbox(request, caller, filters)
    if listed.entries:
        return await card_page(request, caller, listed.entries[0].approval, first=True)
    return await page(
        request,
        "approvals.html",
        caller=caller,
        title="Approvals",
        inbox=listed,
        filters=filters,
        tab="open",
        shown="",
        first=True,
    )


@router.get("/live/approvals")
async def live_approvals(request: Request, caller: Sees, shown: str = "", watch: str = "") -> Response:
    """The list whenever it looks different, and what became of the question that is shown, once it is decided."""

    def drawn() -> Awaitable[Mapping[str, str]]:
        return _drawn(request, caller, shown, watch=bool(watch))

    return events_stream(request, caller, changed_parts(app_of(request), drawn, every_s=_EVERY_S))


async def _drawn(request: Request, caller: Caller, shown: str, *, watch: bool) -> Mapping[str, str]:
    filters = Filters.of(request)
    listed = await inbox(request, caller, filters)
    count = await app_of(request).glance.open_approvals(caller)
    parts = {
        "questions-part": fragment(
            request, "questions.html", caller=caller, inbox=listed, filters=filters, shown=shown
        ),
        "open-approvals": str(count) if count < 100 else "99+",
    }
    if listed.entries:
        parts["nobody"] = ""
    if watch:
        known = await app_of(request).glance.approval(caller, shown)
        parts["standing"] = fragment(request, "approval_standing.html", caller=caller, one=known, said=_said(known))
    return parts


def _said(known: Approval) -> str:
    return "" if known.status == "open" else became(known)


async def _history(request: Request, caller: Caller, filters: Filters) -> Response:
    found = await app_of(request).glance.decided(
        caller, filters.wanted, limit=_HISTORY + 1, after=filters.after or None
    )
    shown = entries(found[:_HISTORY], now=now())
    return await page(
        request, "approvals_history.html", caller=caller, title="Decisions", tab="history", filters=filters,
        rows=[(entry, became(entry.approval)) for entry in shown],
        more=shown[-1].approval.id if len(found) > _HISTORY else None,
    )  # fmt: skip


async def _grants(request: Request, caller: Caller) -> Response:
    found = [one for one in await app_of(request).grants() if concerns(caller, agent=one.agent)]
    return await page(
        request, "approvals_grants.html", caller=caller, title="Grants", tab="grants",
        filters=Filters(), rows=[(one, in_words(one.bounds)) for one in found],
    )  # fmt: skip


@router.post("/approvals/grants/{grant_id}/revoke")
async def revoke(request: Request, grant_id: str, caller: Annotated[Caller, Depends(needs("decide"))]) -> Response:
    """Take a grant back."""
    app = app_of(request)
    if not any(one.id == grant_id and concerns(caller, agent=one.agent) for one in await app.grants()):
        raise NotFound(f"no grant {grant_id!r} is in force")
    await app.revoke(grant_id, by=caller.name)
    return redirect(request, "/approvals?tab=grants", note="Taken back: from now on people are asked again.")


@router.get("/approvals/bulk")
async def chosen(request: Request, caller: Annotated[Caller, Depends(needs("decide"))]) -> Response:
    """What was selected, or all that is alike, with its exact arguments: what one answer would be given to."""
    if like := request.query_params.get("alike"):
        one = await app_of(request).glance.approval(caller, like)
        wanted = WantedApprovals(agents=(one.agent_type,), tool=one.tool_name)
        found = alike(one, await app_of(request).glance.waiting(caller, wanted, limit=_AT_ONCE))
    else:
        found = await _known(request, caller, request.query_params.getlist("id"))
    return await _bulk_page(request, caller, [one for one in found if one.status == "open"])


@router.post("/approvals/bulk")
async def decide_many(request: Request, caller: Annotated[Caller, Depends(needs("decide"))], form: Form) -> Response:
    """Give one answer to all of them; each is decided singly."""
    found = await _known(request, caller, form.all("id"))
    choice, note = form.text("choice"), form.text("note")
    if choice not in {"approve", "reject"}:
        raise UsageError("Choose an answer.")
    if choice == "reject" and not note:
        problem = "Say why you reject them: the agents are told."
        return await _bulk_page(request, caller, [one for one in found if one.status == "open"], problem=problem)
    said = cast("Literal['approve', 'reject']", choice)
    settled = await app_of(request).decide_all([one.id for one in found], said, by=caller.name, note=note or None)
    asked = {one.id: one for one in found}
    done = sum(one.approval is not None for one in settled)
    refused = [(card_view(asked[one.approval_id]), one.refused) for one in settled if one.approval is None]
    if not refused:
        return redirect(request, "/approvals", note=f"{said.capitalize()}: {done} decided.")
    return await page(
        request, "approvals_bulk.html", caller=caller, title="Decide together", cards=(), refused=refused,
        done=done, problem="", all_yes=False, all_no=False, status=409 if not done else 200,
    )  # fmt: skip


async def _bulk_page(request: Request, caller: Caller, found: Sequence[Approval], *, problem: str = "") -> Response:
    cards: Sequence[CardView] = [card_view(one) for one in found]
    return await page(
        request, "approvals_bulk.html", caller=caller, title="Decide together", cards=cards, refused=(), done=0,
        problem=problem, status=422 if problem else 200,
        all_yes=all(one.kind in _YES for one in found), all_no=all(one.kind in _NO for one in found),
    )  # fmt: skip


async def _known(request: Request, caller: Caller, ids: Sequence[str]) -> Sequence[Approval]:
    """Those that there are and that the caller reaches.

    Raises:
        UsageError: They are more than anybody looks through.
    """
    if len(ids) > _AT_ONCE:
        raise UsageError(f"{len(ids)} are more than anybody looks through: select at most {_AT_ONCE}")
    found = await asyncio.gather(*(_one(request, caller, one) for one in dict.fromkeys(ids)))
    return [one for one in found if one is not None]


async def _one(request: Request, caller: Caller, approval_id: str) -> Approval | None:
    try:
        return await app_of(request).glance.approval(caller, approval_id)
    except (NotFound, Refused):
        return None
