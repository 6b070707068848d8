"""Opens the app that a command talks to, and finds executions and approvals by part of an id."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Final

from holdfast.app import App
from holdfast.doors.logs import write_logs
from holdfast.doors.options import Common, refuse_missing
from holdfast.errors import NotFound, Pruned, UsageError
from holdfast.types import Approval, Execution

_SHORTEST: Final = 6
"""Characters that part of an id must have: fewer match by accident."""


@asynccontextmanager
async def looking(common: Common) -> AsyncGenerator[App]:
    """An app on an existing database, for commands that bring no agents.

    Raises:
        NotFound: There is no such database.
    """
    write_logs()
    app = App(database=common.database)
    refuse_missing(app.database)
    async with app:
        yield app


async def find_execution(app: App, given: str) -> Execution:
    """The execution that `given` names: a whole id, or an unambiguous start or end of one.

    Raises:
        NotFound: None, or several; the message lists them.
    """
    try:
        return await app.get(given)
    except Pruned:
        raise
    except NotFound:
        ids = await _ids_like(app, given)
    return await app.get(only(ids, given, "execution", look="holdfast executions"))


async def find_approval(app: App, given: str) -> Approval:
    """The approval that `given` names: its id or part of it, or the id of an execution with one open question.

    Raises:
        NotFound: None, or several; the message lists them.
    """
    everything = await app.approvals(status=None)
    fitting = [item for item in everything if item.id == given] or [
        item for item in everything if _fits(item.id, given)
    ]
    if not fitting:
        asked = [item for item in everything if _fits(item.execution_id, given)]
        # Where nothing is open, the last one says who was faster.
        fitting = [item for item in asked if item.status == "open"] or asked[-1:]
    if not fitting:
        await _refuse_unasked(app, given)
    chosen = only([item.id for item in fitting], given, "approval", look="holdfast approvals")
    return next(item for item in fitting if item.id == chosen)


async def _refuse_unasked(app: App, given: str) -> None:
    """Say how an execution stands that was given where an approval is wanted, and asks for none."""
    found = await _ids_like(app, given)
    if len(found) == 1:
        status = (await app.get(found[0])).status
        raise NotFound(f"execution {found[0]} is {status} and asks nothing: holdfast approvals lists what does")


async def _ids_like(app: App, given: str) -> Sequence[str]:
    return await app.ids_like(given) if len(given) >= _SHORTEST else ()


def _fits(whole: str, part: str) -> bool:
    return len(part) >= _SHORTEST and (whole.startswith(part) or whole.endswith(part))


def only(ids: Sequence[str], given: str, kind: str, *, look: str) -> str:
    """The one id that `given` names among those that may be meant.

    Raises:
        NotFound: None.
        UsageError: Several, or too little of the id is given.
    """
    if len(given) < _SHORTEST:
        raise UsageError(f"{given!r} is too short for an id: give at least {_SHORTEST} characters of its start or end")
    if not ids:
        raise NotFound(f"there is no {kind} {given!r}: {look} lists them")
    if len(ids) > 1:
        more = f" and {len(ids) - 10} more" if len(ids) > 10 else ""
        raise UsageError(f"{given!r} fits {len(ids)} {kind}s: {', '.join(ids[:10])}{more}; give more of the id")
    return ids[0]
