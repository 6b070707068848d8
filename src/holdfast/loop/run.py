"""An activation from claim to parking or end: turn after turn."""

import structlog

from holdfast.errors import CancelRequested, DeadlineExceeded, Paused, StaleFence
from holdfast.loop.act import act
from holdfast.loop.activation import Activation
from holdfast.loop.context import sense
from holdfast.loop.decide import decide
from holdfast.loop.desk import Desk
from holdfast.loop.flow import run_flow
from holdfast.loop.outcome import drop_open_calls
from holdfast.loop.prepare import prepare
from holdfast.loop.route import route
from holdfast.loop.think import miss_deadline, think
from holdfast.loop.wrapup import ask_about_failures, give_up
from holdfast.policy.loops import find_loop
from holdfast.teams.workflow import Workflow
from holdfast.types import Claimed

log = structlog.get_logger("holdfast.loop")


async def run(desk: Desk, claimed: Claimed) -> None:
    """Work on an execution until it ends, parks, or belongs to somebody else.

    Everything it decides or learns is in the journal before it matters, so it may be killed at any instant.
    """
    activation = Activation(desk, claimed)
    agent = activation.cast.agent
    try:
        if isinstance(agent, Workflow):
            await run_flow(activation, agent)
        else:
            await run_agent(activation)
    except CancelRequested:
        drop_open_calls(activation)
        await activation.end_cancelled()
    except DeadlineExceeded:
        drop_open_calls(activation)
        activation.forget_intents()
        await miss_deadline(activation)
    except Paused:
        await activation.park("PAUSED", status="pending")
    except StaleFence:
        log.warning("execution_lost", execution=activation.id, fence=activation.execution.fence)


async def run_agent(activation: Activation) -> None:
    """Turn after turn."""
    await prepare(activation)
    while not activation.over:
        await turn(activation)


async def turn(activation: Activation) -> None:
    """One model response and everything it causes; after a restart, what is left of it."""
    thinks = not activation.history.has_open_calls()
    structlog.contextvars.bind_contextvars(step=activation.history.step + thinks)
    if thinks:
        await route(activation)
        response = await think(activation, sense(activation))
        if response:
            await decide(activation, response)
    if not activation.over:
        await act(activation)
    if not activation.over:
        await learn(activation)


async def learn(activation: Activation) -> None:
    """Between two turns: do its tools fail, is it going in circles, or talking past us?"""
    history, agent = activation.history, activation.cast.agent
    most = agent.limits.tool_failures
    if most is not None and len(history.failures) >= most:
        await ask_about_failures(activation)
    elif loop := find_loop(history.seen, agent.limits.repeats):
        await give_up(activation, "LOOP_DETECTED", f"It goes in circles: {loop.description}.")
    elif history.malformed and history.corrections + 1 > agent.corrections:
        await give_up(
            activation,
            "MALFORMED_OUTPUT",
            f"The model's message was malformed {history.corrections + 1} times in a row.",
        )
