"""The page behind a mail's link: shows one question to one person, and takes one answer. Works without JavaScript.

Looking decides nothing: programs open the links of mails before people do. Only what the form posts decides. The link
itself is what nobody else has, so a form on another site has nothing to post to; a browser that says that the post
comes from there is refused all the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, get_args

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from holdfast.doors.screen import clean
from holdfast.errors import ForgedAnswer, NotFound, StoreError
from holdfast.notify.inbound.links import Invitation, answered
from holdfast.notify.inbound.reading import parsed
from holdfast.notify.message import CHOICES, Choice, as_text, at, facts
from holdfast.outside import Outside, Taken, became, shown
from holdfast.types import Answer, Approval, Json

_GONE: Final = {"stale": "This link is too old.", "replayed": "This answer was given before."}
_TOO_MUCH: Final = 4_000
"""Characters of a note."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the form posted, as people wrote it."""

    choice: str
    note: str = ""
    edit: str = ""


async def page(request: Request) -> Response:
    """The question as it stands, with a form while it is open."""
    outside: Outside = request.state.outside
    try:
        invitation, approval = await outside.invited(request.path_params["token"])
    except (ForgedAnswer, NotFound, StoreError) as error:
        return _refused(error)
    return _page(invitation, approval, Given(choice=request.query_params.get("answer", "")))


async def post(request: Request) -> Response:
    """Decide what the form says."""
    if request.headers.get("sec-fetch-site", "none") not in {"same-origin", "none"}:
        return _plain("This answer came from another site.", 403)
    outside: Outside = request.state.outside
    token = request.path_params["token"]
    form = await request.form(max_files=0, max_fields=10)
    given = Given(**{name: str(form.get(name) or "").strip() for name in ("choice", "note", "edit")})
    try:
        invitation, approval = await outside.invited(token)
        taken = await _take(outside, invitation, approval, given)
    except (ForgedAnswer, NotFound, StoreError) as error:
        return _refused(error)
    if isinstance(taken, str):
        return _page(invitation, approval, given, problem=taken, status=422)
    if taken.outcome == "decided":
        return RedirectResponse(token, status_code=303)  # so that a reload looks, and does not answer again
    _, now = await outside.invited(token)
    return _page(invitation, now, given, problem=taken.text, status=403 if taken.outcome == "refused" else 409)


async def style(_: Request) -> Response:
    """The looks of the pages."""
    return Response(_style(), media_type="text/css", headers={"cache-control": "public, max-age=3600"})


async def _take(outside: Outside, invitation: Invitation, approval: Approval, given: Given) -> Taken | str:
    """What came of it, or what is wrong with the form."""
    choice = next((one for one in _choices(approval) if _value(one) == given.choice), None)
    if choice is None:
        return "Choose an answer."
    if len(given.note) > _TOO_MUCH:
        return f"The note is longer than {_TOO_MUCH:,} characters."
    edit: Json = None
    if choice.asks in ("edit", "result") and given.edit:
        try:
            edit = parsed(given.edit)
        except ValueError as error:
            return f"This is not JSON: {error}"
    if choice.asks == "edit" and edit is None:
        return "Write what it should run with."
    return await outside.take(answered(invitation, choice.answer, note=given.note or None, edit=edit))


def _choices(approval: Approval) -> Sequence[Choice]:
    return CHOICES[approval.kind]


def _value(choice: Choice) -> str:
    """How the form calls a choice: mails link to answers, and an edit is a second way to approve."""
    return "edit" if choice.asks == "edit" else choice.answer


def _page(
    invitation: Invitation, approval: Approval, given: Given, *, problem: str = "", status: int = 200
) -> Response:
    card = shown(approval)
    known = given.choice if given.choice in (*get_args(Answer), "edit") else ""
    arguments = clean(as_text(card.arguments))
    context: Mapping[str, object] = {
        "person": invitation.person,
        "card": card,
        "question": clean(card.question),
        "reason": clean(card.reason),
        "arguments": arguments,
        "facts": [(label, clean(words)) for label, words in facts(card)],
        "open": approval.status == "open",
        "became": became(approval) if approval.status != "open" else "",
        "decision_note": clean(approval.note or ""),
        "votes": [f"{clean(vote.by)} said {vote.answer} at {at(vote.at)}" for vote in approval.votes],
        "quorum": approval.quorum,
        "choices": [(_value(choice), _label(choice), choice.asks) for choice in _choices(approval)],
        "chosen": known,
        "note": given.note,
        "edit": given.edit or as_text(card.arguments),
        "asks_result": any(choice.asks == "result" for choice in _choices(approval)),
        "asks_edit": any(choice.asks == "edit" for choice in _choices(approval)),
        "problem": clean(problem),
    }
    return HTMLResponse(_pages().get_template("answer.html").render(context), status_code=status)


def _label(choice: Choice) -> str:
    return "Approve with changes" if choice.asks == "edit" else choice.label


def _refused(error: ForgedAnswer | NotFound | StoreError) -> Response:
    if isinstance(error, StoreError):
        return _plain("The database does not answer now. Try again in a minute.", 503)
    if isinstance(error, NotFound):
        return _plain("There is no such question.", 404)
    return _plain(_GONE.get(error.reason, "This link does not work. It may have been cut off or altered."), 403)


def _plain(words: str, status: int) -> Response:
    return HTMLResponse(_pages().get_template("refused.html").render({"words": words}), status_code=status)


@cache
def _pages() -> Environment:
    return Environment(loader=PackageLoader("holdfast.doors.http", "pages"), autoescape=True, undefined=StrictUndefined)


@cache
def _style() -> str:
    return (files("holdfast.doors.http") / "pages" / "holdfast.css").read_text(encoding="utf-8")


ROUTES: Final = [
    Route("/answer/{token}", page, methods=["GET"]),
    Route("/answer/{token}", post, methods=["POST"]),
    Route("/static/holdfast.css", style, methods=["GET"]),
]
