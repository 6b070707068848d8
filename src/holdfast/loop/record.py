"""What the journal says about model calls: the reservation before, the response or the failure after."""

from collections.abc import Mapping
from typing import cast

from holdfast.loop.activation import Activation
from holdfast.loop.model import Attempt, Response
from holdfast.policy.chain import Again, Compact, GiveUp, Next, Park, Step
from holdfast.policy.limits import Reservation
from holdfast.trail import events as kinds
from holdfast.types import Json, Usage

NOTHING = Usage()

THEN: dict[type[Step], str] = {Again: "again", Next: "next", Compact: "compact", Park: "park", GiveUp: "give_up"}
"""How the journal names what follows from a failed attempt."""


def record_request(
    activation: Activation, reservation: Reservation, *, purpose: str, reason: str | None = None
) -> None:
    """Hold the worst case of the model call that comes next."""
    activation.intend(
        kinds.MODEL_REQUESTED,
        {
            "step": activation.history.step + 1,
            "purpose": purpose,
            "reason": reason,
            "reserved_tokens": reservation.tokens,
            "reserved_usd": str(reservation.usd),
            "gen_ai.request.max_tokens": reservation.max_tokens,
        },
        looked_at=reason is None,  # numbers, and words of our own
    )


def record_response(activation: Activation, response: Response, *, purpose: str) -> Response:
    """Settle the reservation with what the provider reported, and keep its message.

    Returns:
        The response as the record has it, without secrets: what runs is what is recorded.
    """
    data = activation.learned(
        kinds.MODEL_RESPONDED,
        {
            "step": activation.history.step + 1,
            "purpose": purpose,
            "rung": response.rung,
            "gen_ai.request.model": response.asked,
            "gen_ai.provider.name": response.provider,
            "gen_ai.response.model": response.model,
            "gen_ai.usage.input_tokens": response.usage.input_tokens,
            "gen_ai.usage.output_tokens": response.usage.output_tokens,
            "cache_read_tokens": response.usage.cache_read_tokens,
            "cache_write_tokens": response.usage.cache_write_tokens,
            "cost_usd": str(response.cost_usd),
            "latency_ms": response.latency_ms,
            "bill_unknown": False,
            "response": response.json,
        },
    )
    return response.recorded(cast("Mapping[str, Json]", data["response"]))


def record_attempt(activation: Activation, attempt: Attempt, *, purpose: str, then: Step) -> None:
    """One rung did not answer: what befell it, what it cost, and what follows."""
    usage = attempt.usage or NOTHING
    activation.fact(
        kinds.MODEL_ATTEMPT_FAILED,
        {
            "step": activation.history.step + 1,
            "purpose": purpose,
            "rung": attempt.rung,
            "gen_ai.request.model": attempt.model,
            "gen_ai.provider.name": attempt.provider,
            "failure": attempt.failure,
            "error": attempt.error,
            "latency_ms": attempt.latency_ms,
            "retry_after_s": attempt.retry_after_s,
            "then": THEN[type(then)],
            "bill_unknown": attempt.bill_unknown,
            "gen_ai.usage.input_tokens": usage.input_tokens,
            "gen_ai.usage.output_tokens": usage.output_tokens,
            "cache_read_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "cost_usd": str(attempt.cost_usd),
        },
    )


def record_failure(activation: Activation, reason: str, error: str, *, purpose: str) -> None:
    """No rung of the chain answered: say what was tried."""
    activation.fact(
        kinds.MODEL_FAILED,
        {
            "step": activation.history.step + 1,
            "purpose": purpose,
            "reason": reason,
            "error": error,
            "attempts": [{"rung": item.rung, "failure": item.failure} for item in activation.history.tried],
            "bill_unknown": False,
        },
    )
