"""Think: reserve the worst case, make it durable, ask the model, keep what it says."""

from dataclasses import replace
from functools import partial

from holdfast.loop.activation import Activation
from holdfast.loop.context import known_prefix
from holdfast.loop.model import Attempt, ModelsFailed, Request, Response
from holdfast.loop.record import record_failure, record_request, record_response
from holdfast.loop.wrapup import close, give_up
from holdfast.policy.limits import Exhausted, Reservation, reserve


async def think(activation: Activation, request: Request) -> Response | None:
    """One model response, paid for from a reservation; `None` when the activation is over instead."""
    if activation.desk.stopping.is_set():
        await activation.park("DRAINED", status="pending")
        return None
    if activation.seconds_left() <= 0:
        await activation.fail("TOTAL_TIMEOUT", "The execution's time for activity is used up.")
        return None
    reservation = room_for(activation, request)
    if isinstance(reservation, Exhausted):
        await close(activation, reservation.reason)
        return None
    record_request(activation, reservation, purpose="turn")
    await activation.commit()
    return await ask(activation, request, max_tokens=reservation.max_tokens)


def room_for(activation: Activation, request: Request) -> Reservation | Exhausted:
    """The reservation for a turn, or the limit that stands against it."""
    if activation.history.closing:
        return Exhausted(activation.history.closing)
    models = activation.cast.models
    return reserve(
        activation.cast.agent.limits,
        activation.spent,
        input_bound=models.input_bound(
            request,
            known=known_prefix(activation.history),
            rung=activation.history.rung,
            prompt=activation.prompt,
        ),
        wanted=request.max_tokens,
        price=models.worst_cost,
    )


async def reserve_again(activation: Activation, request: Request, failed: Attempt) -> bool:
    """Whether the chain may make another attempt: one that may have been billed keeps its reservation for good."""
    if not failed.maybe_billed:
        return True
    reservation = room_for(activation, request)
    if isinstance(reservation, Exhausted) or reservation.max_tokens < request.max_tokens:
        return False
    record_request(activation, reservation, purpose="turn")
    await activation.commit()
    return True


async def ask(activation: Activation, request: Request, *, max_tokens: int) -> Response | None:
    """Call the chain within the execution's time; what comes back is recorded by `decide`'s commit."""
    seconds = activation.seconds_left()
    request = replace(request, max_tokens=max_tokens, timeout_s=min(request.timeout_s, max(seconds, 0.001)))
    try:
        response = await activation.cast.models.respond(
            request,
            prompt=activation.prompt,
            on_token=activation.desk.listeners.get(activation.id),
            may_go_on=partial(reserve_again, activation, request),
        )
    except ModelsFailed as failed:
        record_failure(activation, failed, purpose="turn")
        late = activation.seconds_left() <= 0
        if late:
            await activation.fail("TOTAL_TIMEOUT", "The execution's time for activity is used up.")
        else:
            await give_up(activation, failed.reason, str(failed))
        return None
    # What runs is what is recorded: secrets go before anything is made of the message.
    response = response.redacted(activation.desk.redactor).distinct(activation.history.provider_ids)
    record_response(activation, response, purpose="turn")
    return response
