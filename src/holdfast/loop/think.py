"""Think: reserve the worst case, make it durable, ask the chain, keep what it says or leave as it must."""

from collections.abc import Mapping, Sequence
from functools import partial

from holdfast.errors import BudgetExhausted, NotAdmitted, RateLimited
from holdfast.loop.activation import Activation
from holdfast.loop.chain import Failed, OutOfTime, Question, Unanswered, answer
from holdfast.loop.context import known_prefix, sense
from holdfast.loop.model import Request, Response
from holdfast.loop.wrapup import close, give_up
from holdfast.policy.chain import Park, rest
from holdfast.policy.limits import Exhausted, Reservation, reserve


async def think(activation: Activation, request: Request) -> Response | None:
    """One model response, paid for from a reservation; `None` when the activation is over instead."""
    if activation.desk.stopping.is_set():
        await activation.park("DRAINED", status="pending")
        return None
    if activation.seconds_left() <= 0:
        await out_of_time(activation)
        return None
    question = Question(
        purpose="turn",
        request=request,
        anew=partial(sense, activation),
        reserve=partial(room_for, activation),
    )
    came = await answer(activation, question)
    if isinstance(came, Response):
        return came
    await leave(activation, came)
    return None


def room_for(
    activation: Activation, request: Request, rungs: Sequence[int], counted: Mapping[int, int]
) -> Reservation | Exhausted:
    """The reservation for a turn that one of these rungs answers, or the limit that stands against it."""
    if activation.history.closing:
        return Exhausted(activation.history.closing)
    models = activation.cast.models
    return reserve(
        activation.limits,
        activation.spent,
        input_bound=models.input_bound(
            request,
            known=known_prefix(activation.history),
            rung=activation.history.rung,
            prompt=activation.prompt,
            among=rungs,
            counted=counted,
        ),
        wanted=models.wanted(request.max_tokens, rungs),
        price=partial(models.worst_cost, among=rungs),
    )


async def leave(activation: Activation, why: Unanswered) -> None:
    """End or park an execution whose question nobody answered."""
    match why:
        case OutOfTime():
            await out_of_time(activation)
        case Exhausted(reason):
            await close(activation, reason)
        case Failed(reason, error):
            await give_up(activation, reason, error)
        case Park(after_s=0):
            await activation.park(why.reason, status="pending")
        case Park(after_s, reason):
            await activation.park_for(after_s, reason)
        case BudgetExhausted(on_exhausted="summarise"):
            await close(activation, "BUDGET_EXHAUSTED", str(why))
        case BudgetExhausted(on_exhausted="fail"):
            await activation.fail("BUDGET_EXHAUSTED", str(why))
        case RateLimited(over="refuse"):
            await activation.fail("RATE_LIMITED", str(why))
        case NotAdmitted():
            waits = rest(why, now=activation.desk.clock.now(), unit=activation.desk.random())
            await activation.park(waits.reason, status="pending", wake_at=waits.until)


async def miss_deadline(activation: Activation) -> None:
    """End an execution that was to have ended by now."""
    await activation.fail("DEADLINE_EXCEEDED", f"It was to have ended by {activation.execution.due_by}.")


async def out_of_time(activation: Activation) -> None:
    """End an execution that has worked for as long as it may, or whose deadline has come."""
    if activation.is_overdue:
        await miss_deadline(activation)
        return
    await activation.fail("TOTAL_TIMEOUT", "The execution's time for activity is used up.")
