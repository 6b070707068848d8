"""`holdfast show ID --plan`: a planner's plan, or a workflow's path, as it stands now."""

from holdfast.app import App
from holdfast.doors import exits
from holdfast.doors.plan_drawing import draw_plan
from holdfast.doors.plans import drawing_of
from holdfast.doors.screen import console, emit, say
from holdfast.errors import UsageError
from holdfast.types import Execution


async def show_plan(app: App, execution: Execution, *, json: bool) -> int:
    """Draw it.

    Raises:
        UsageError: The execution has neither.
    """
    events = [event async for event in app.events(execution.id, follow=False)]
    children = await app.children(execution.id)
    drawing = drawing_of(events, children, app.agents.get(execution.agent_type))
    if drawing is None:
        raise UsageError(f"execution {execution.id} has no plan: {execution.agent_type} is no planner and no workflow")
    if json:
        emit(drawing)
    else:
        say(*draw_plan(drawing, width=console().width))
    return exits.OK
