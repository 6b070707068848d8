"""Commands about what people are told: alerts, and the outbox of deliveries to channels."""

from typing import Annotated, Final, Literal

from cyclopts import Parameter
from rich.text import Text

from holdfast.doors import exits
from holdfast.doors.desk import looking
from holdfast.doors.options import COMMON, Common, os_user
from holdfast.doors.screen import draw, emit, line, note, say, shorten, table
from holdfast.errors import UsageError
from holdfast.types import Letter

_SEVERE: Final = {"info": "cyan", "warning": "yellow", "critical": "red"}
_STATUS: Final = {"queued": "cyan", "sent": "green", "dead": "red", "withdrawn": "dim"}


async def alerts(*, common: Common = COMMON) -> int:
    """List what is the matter now: budgets, breakers, keys, deliveries, and what else rules say.

    A worker looks every few seconds. Exits with 0 also where something is the matter.

    Args:
        common: What every command takes.
    """
    async with looking(common) as app:
        found = await app.control.alerts()
    if common.json:
        for alert in found:
            emit(alert)
        return exits.OK
    if not found:
        note("nothing is the matter, as far as the last look of a worker went")
        return exits.OK
    for alert in found:
        say(line((f"{alert.severity:8} ", _SEVERE[alert.severity]), (alert.title, "bold")))
        say(line(alert.body, indent=9))
        say(line((f"since {alert.since:%m-%d %H:%M} UTC, rule {alert.rule}, key {alert.key}", "dim"), indent=9))
    return exits.OK


async def outbox(
    action: Literal["list", "retry"] = "list",
    id_: Annotated[str | None, Parameter(name="ID")] = None,
    /,
    *,
    dead: Annotated[bool, Parameter(negative=())] = False,
    limit: int = 100,
    common: Common = COMMON,
) -> int:
    """List deliveries to channels, newest first; or let one that was given up be tried again.

    Args:
        action: list, or retry with the id of a delivery.
        id_: The delivery, as holdfast outbox --dead lists it.
        dead: Only those that were given up.
        limit: How many at most.
        common: What every command takes.
    """
    if action == "retry":
        return await _retry(id_, common)
    if id_ is not None:
        raise UsageError(f"what about {id_}? holdfast outbox retry {id_} tries it again")
    async with looking(common) as app:
        found = await app.control.letters(status="dead" if dead else None, limit=limit)
    if common.json:
        for letter in found:
            emit(letter)
        return exits.OK
    if not found:
        note("no delivery was given up" if dead else "nothing was sent to a channel yet")
        return exits.OK
    columns = ["id", "channel", "what", "about", "status", "tries", "queued (UTC)", "error"]
    draw(table(columns, [_row(letter) for letter in found], widest="error"))
    return exits.OK


async def _retry(id_: str | None, common: Common) -> int:
    if id_ is None:
        raise UsageError("which one? holdfast outbox --dead lists those that were given up")
    async with looking(common) as app:
        await app.control.resend(id_, by=os_user())
    if common.json:
        emit({"queued": id_})
    else:
        say(f"{id_} is queued again; a worker sends it")
    return exits.OK


def _row(letter: Letter) -> list[str | Text]:
    to = f" to {letter.address.to}" if letter.address.to else ""
    return [
        letter.id,
        shorten(f"{letter.address.channel}{to}", 40),
        letter.kind,
        shorten(letter.subject, 40),
        line((letter.status, _STATUS[letter.status])),
        str(letter.attempts),
        f"{letter.queued_at:%m-%d %H:%M:%S}",
        shorten(letter.error or "", 120),
    ]
