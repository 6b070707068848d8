"""State as the console shows it: a shape, a word and a colour, so that none of them has to be seen alone."""

from collections.abc import Mapping
from typing import Final

from markupsafe import Markup

_LOOKS: Final[Mapping[str, str]] = {
    "running": "running",
    "half_open": "running",
    "awaiting_review": "waiting",
    "open": "waiting",
    "in_doubt": "waiting",
    "completed": "completed",
    "approved": "completed",
    "answered": "completed",
    "closed": "completed",
    "sent": "completed",
    "live": "completed",
    "ok": "completed",
    "allow": "completed",
    "failed": "failed",
    "rejected": "failed",
    "denied": "failed",
    "deny": "failed",
    "dead": "failed",
    "tripped": "failed",
    "review": "waiting",
}
"""Everything else, `pending` and `cancelled` among it, is a grey ring. Say `tripped` of a breaker that is open: amber
belongs to what waits for a person."""

_SHAPES: Final[Mapping[str, str]] = {
    "running": '<circle cx="5" cy="5" r="4" fill="none" stroke="currentColor" stroke-width="1.5"/>'
    '<path d="M5 1a4 4 0 0 1 0 8z" fill="currentColor"/>',
    "waiting": '<rect x="1" y="1" width="8" height="8" rx="1" fill="currentColor"/>',
    "completed": '<circle cx="5" cy="5" r="4" fill="currentColor"/>',
    "failed": '<path d="M5 0l5 5-5 5-5-5z" fill="currentColor"/>',
    "quiet": '<circle cx="5" cy="5" r="3.5" fill="none" stroke="currentColor" stroke-width="1.5"/>',
}


def look_of(status: str) -> str:
    """The class of a state: running, waiting, completed, failed or quiet."""
    return _LOOKS.get(status, "quiet")


def glyph(status: str) -> Markup:
    """The shape alone, for where the word stands beside it."""
    look = look_of(status)
    return Markup(  # noqa: S704 - our own shapes
        f'<svg class="glyph is-{look}" viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">'
        f"{_SHAPES[look]}</svg>"
    )


def state(status: str, word: str | None = None) -> Markup:
    """Shape, word and colour of a state; `word` replaces its name."""
    said = word if word is not None else status.replace("_", " ")
    return Markup('<span class="state is-{}">{}<span>{}</span></span>').format(look_of(status), glyph(status), said)
