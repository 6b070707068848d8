"""The frame of every page of the console: templates, navigation, what a page answers with, and how it refuses."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final, cast

from fastapi import Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, RedirectResponse

from holdfast.app import App
from holdfast.doors.http import credentials
from holdfast.doors.http.console import figures, notices, static_files
from holdfast.doors.http.console.states import glyph, look_of, state
from holdfast.doors.screen import call_words, clean, shorten, words
from holdfast.policy.roles import may
from holdfast.types import Caller, Power
from holdfast.version import __version__

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""What a page may load: our own files, and nothing that stands in the page itself."""
THEME_COOKIE: Final = "holdfast_theme"
THEMES: Final = ("system", "light", "dark")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A page in the navigation."""

    name: str
    path: str
    icon: str


PLACES: Final = (
    Place(name="Overview", path="/", icon="overview"),
    Place(name="Executions", path="/executions", icon="executions"),
    Place(name="Approvals", path="/approvals", icon="approvals"),
    Place(name="Agents", path="/agents", icon="agents"),
    Place(name="Schedules", path="/schedules", icon="schedules"),
    Place(name="Costs", path="/costs", icon="costs"),
    Place(name="Health", path="/health", icon="health"),
    Place(name="Settings", path="/settings", icon="settings"),
)


async def page(
    request: Request,
    name: str,
    *,
    caller: Caller | None = None,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: object,
) -> HTMLResponse:
    """A template of `pages/`, inside the frame.

    Args:
        request: What asked for it.
        name: The template; it extends `base.html`.
        caller: Who is logged in. Default: nobody, so the frame has no navigation.
        status: The HTTP status.
        headers: Further ones.
        context: What the template needs. Text in it is cleaned and escaped on its way into the page.
    """
    told = notices.waiting(request)
    frame = {**_frame(request, caller), "told": told, "open_approvals": await _open_approvals(request, caller)}
    body = templates().get_template(name).render({**frame, **context})
    response = HTMLResponse(body, status_code=status, headers={"content-security-policy": POLICY, **(headers or {})})
    if told:
        notices.take_down(request, response)
    return response


def fragment(request: Request, name: str, *, caller: Caller, **context: object) -> str:
    """A template without the frame: what live updates put in the place of a part of a page."""
    return templates().get_template(name).render({**_frame(request, caller), **context})


def redirect(request: Request, path: str, *, note: str | None = None, problem: str | None = None) -> RedirectResponse:
    """Send the browser to a page of the console after a form was posted; the page shows the note, once."""
    response = RedirectResponse(url(request, path), status_code=303)
    if note or problem:
        notices.put_up(request, response, problem or note or "", bad=problem is not None)
    return response


def url(request: Request, path: str) -> str:
    """A path of ours as the browser must ask for it: the application may be mounted below a prefix."""
    return f"{_prefix(request)}{path}"


def own_path(request: Request, given: str | None, *, default: str = "/") -> str:
    """A path below our own prefix, if `given` is one, for `redirect`; never another site's address."""
    prefix, wanted = _prefix(request), given or ""
    if prefix and wanted.startswith(f"{prefix}/"):
        wanted = wanted[len(prefix) :]
    if not wanted.startswith("/") or wanted[1:2] in {"/", "\\"} or not wanted.isprintable():
        return default
    return wanted


def here(request: Request) -> str:
    """The page that is asked for, with its query, without the prefix of a mount."""
    path = request.scope["path"].removeprefix(_prefix(request)) or "/"
    return f"{path}?{request.url.query}" if request.url.query else path


def csrf(request: Request) -> str:
    """The proof that a form was on a page of ours; empty for who is not logged in."""
    return credentials.csrf_token(request)


def app_of(request: Request) -> App:
    """The app behind the door."""
    return cast("App", request.state.app)


@cache
def templates() -> Environment:
    """The console's templates. A name that is not given is an error; text is cleaned, then escaped."""
    made = Environment(
        loader=PackageLoader("holdfast.doors.http.console", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_cleaned,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters: dict[str, Callable[..., object]] = {
        "ago": figures.ago,
        "duration": figures.duration,
        "exact": figures.exact,
        "money": figures.money,
        "tokens": figures.tokens,
        "share": figures.share,
        "short_id": figures.short_id,
        "plural": figures.plural,
        "state": state,
        "glyph": glyph,
        "look": look_of,
        "words": words,
        "shorten": shorten,
    }
    made.filters.update(cast("dict[str, Any]", filters))
    own: dict[str, object] = {"call_words": call_words, "version": __version__, "places": PLACES, "themes": THEMES}
    made.globals.update(cast("dict[str, Any]", own))
    return made


def _cleaned(value: object) -> object:
    """What would be obeyed or would change how text is read, made visible; `Markup` is a `str` that is ours."""
    return clean(value) if type(value) is str else value


def _frame(request: Request, caller: Caller | None) -> Mapping[str, object]:
    theme = request.cookies.get(THEME_COOKIE, "system")

    def static(name: str) -> str:
        return url(request, static_files.versioned(name))

    def allowed(power: Power) -> bool:
        return caller is not None and may(caller, power)

    return {
        "url": partial(url, request),
        "static": static,
        "caller": caller,
        "may": allowed,
        "csrf": csrf(request) if caller is not None else "",
        "here": here(request),
        "theme": theme if theme in THEMES else "system",
        "now": figures.now(),
    }


async def _open_approvals(request: Request, caller: Caller | None) -> int:
    """How many questions are open for this caller, at most a hundred; 0 while the database is away."""
    return 0 if caller is None else await app_of(request).glance.open_approvals(caller)


def _prefix(request: Request) -> str:
    return str(request.scope.get("root_path", "")).rstrip("/")
