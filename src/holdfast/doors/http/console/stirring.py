"""Parts of an open page, sent again when they look different: not merely older."""

import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Final

from holdfast.app import App
from holdfast.doors.http.stream import Sent

_AGES: Final = re.compile(r">[^<]*</time>")


async def changed_parts(
    app: App, draw: Callable[[], Awaitable[Mapping[str, str]]], *, every_s: float
) -> AsyncGenerator[Sent]:
    """Parts by id whenever they changed, asked for at most every so many seconds; all of them at first."""
    seen: dict[str, str] = {}
    async for _ in app.control.changes(most_every_s=every_s):
        still = {name: (html, _still(html)) for name, html in (await draw()).items()}
        changed = {name: html for name, (html, bare) in still.items() if seen.get(name) != bare}
        seen |= {name: bare for name, (_, bare) in still.items()}
        if changed:
            yield Sent(event="parts", data=json.dumps(changed))


def _still(html: str) -> str:
    """A part without its ages, which every page counts on by itself."""
    return _AGES.sub("", html)
