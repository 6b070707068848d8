"""What the journal says about model calls: the reservation before, the response or the failure after."""

from holdfast.loop.activation import Activation
from holdfast.loop.model import ModelsFailed, Response
from holdfast.policy.limits import Reservation
from holdfast.trail import events as kinds
from holdfast.types import Json


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
    )


def record_response(activation: Activation, response: Response, *, purpose: str) -> None:
    """Settle the reservation with what the provider reported, and keep its message."""
    activation.fact(
        kinds.MODEL_RESPONDED,
        {
            "step": activation.history.step + 1,
            "purpose": purpose,
            "rung": response.rung,
            "gen_ai.provider.name": response.provider,
            "gen_ai.response.model": response.model,
            "gen_ai.usage.input_tokens": response.usage.input_tokens,
            "gen_ai.usage.output_tokens": response.usage.output_tokens,
            "cache_read_tokens": response.usage.cache_read_tokens,
            "cache_write_tokens": response.usage.cache_write_tokens,
            "cost_usd": str(response.cost_usd),
            "latency_ms": round(response.latency_ms, 3),
            "attempts": attempts(response),
            "bill_unknown": response.provider == "rules" and bill_unknown(response),
            "response": response.json,
        },
    )


def record_failure(activation: Activation, failed: ModelsFailed, *, purpose: str) -> None:
    """No model of the chain answered: say what was tried, give the reservation back."""
    activation.fact(
        kinds.MODEL_FAILED,
        {
            "step": activation.history.step + 1,
            "purpose": purpose,
            "reason": failed.reason,
            "error": str(failed),
            "attempts": attempts(failed),
            "bill_unknown": bill_unknown(failed),
        },
    )


def bill_unknown(of: Response | ModelsFailed) -> bool:
    """Whether the reservation must stay held: a provider may charge for an attempt that brought no answer."""
    return any(attempt.maybe_billed for attempt in of.attempts)


def attempts(of: Response | ModelsFailed) -> list[Json]:
    """Each try at a model as the journal has it."""
    return [attempt.as_event() for attempt in of.attempts]
