"""`holdfast send`: a signal to a workflow, from a person or a script."""

from typing import Annotated

from cyclopts import Parameter

from holdfast.doors import exits
from holdfast.doors.answer import By, as_json
from holdfast.doors.desk import find_execution, looking
from holdfast.doors.options import COMMON, Common, Id, os_user
from holdfast.doors.screen import emit, say


async def send(  # noqa: PLR0913 - one per option
    id_: Id,
    name: str,
    payload: str | None = None,
    /,
    *,
    once: Annotated[str | None, Parameter(name="--id", show_default=False)] = None,
    by: By = None,
    common: Common = COMMON,
) -> int:
    """Send a signal that a workflow waits for, now or later.

    Args:
        id_: The execution's id, or at least 6 characters of its start or end.
        name: What the workflow calls it.
        payload: What it brings, as JSON.
        once: Sending again with the same id changes nothing.
        by: Who says so. Default: the user of this machine.
        common: What every command takes.
    """
    brought = as_json(payload, "PAYLOAD")
    async with looking(common) as app:
        execution = await find_execution(app, id_)
        new = await app.send(execution.id, name, brought, by=by or os_user(), id=once)
    if common.json:
        emit({"execution": execution.id, "signal": name, "new": new})
    else:
        say(f"{name} {'sent' if new else 'was sent before'} to {execution.id}")
    return exits.OK
