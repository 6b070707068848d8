"""The faults of providers, how aimock is told to have them, and what has to come of each."""

from dataclasses import dataclass, field
from typing import Literal

from holdfast import Model
from tests.providers.server import Body, Refuse

APIS = ("openai-chat:gpt-5.2", "openai:gpt-5.2", "anthropic:claude-sonnet-5")
"""A model of each API: Chat Completions, Responses, Messages."""

USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "input_tokens": 11, "output_tokens": 7}
"""What every answer costs that costs anything, as OpenAI and Anthropic call it."""
TOKENS = 18


def says(text: str, **more: object) -> dict:
    """A proper answer."""
    return {"response": {"content": text, "usage": USAGE, **more}}


def refuses(status: int, kind: str, **more: object) -> dict:
    """An HTTP error."""
    return {"response": {"error": {"message": "told to", "type": kind}, "status": status, **more}}


def calls(tool: str, arguments: str) -> dict:
    """A call of a tool, with whatever arguments."""
    return {"response": {"toolCalls": [{"name": tool, "arguments": arguments}], "usage": USAGE}}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What a provider does, and what is on record when it never does anything else; alone in its chain."""

    does: object
    """A fixture of aimock without `match`, or a behaviour of our own server where aimock cannot."""
    failure: str = ""
    """The class that each attempt is recorded with; empty: the provider answered, and the answer was no good."""
    asked: int = 2
    """Requests until it is over."""
    end: str = "failed MODEL_UNAVAILABLE"
    spent: Literal["nothing", "held", "billed"] = "nothing"
    """Nothing; the reservations, because nobody knows; what the provider reported."""
    breaker: Literal["opens", "counts", "gate", "-"] = "opens"
    """Of the model, with `failures = 2`: two failures open it; the gate is the provider's."""
    by_api: dict[str, object] = field(default_factory=dict)
    """What is done instead where an API spells it in a way of its own."""
    settings: dict[str, float] = field(default_factory=dict)
    """Of the `Model` that is asked."""
    wrong_key: bool = False

    def of(self, api: str) -> object:
        """What the provider does, in the words of an API."""
        return self.by_api.get(api, self.does)

    def model(self, api: str) -> Model:
        """The model to ask."""
        return Model(api, **self.settings)


CHAT, RESPONSES, MESSAGES = APIS

FILTERED = Body(
    b'{"id": "resp_1", "object": "response", "created_at": 1760000000, "model": "gpt-5.2", "status": "incomplete",'
    b' "incomplete_details": {"reason": "content_filter"}, "output": [], "parallel_tool_calls": true,'
    b' "tool_choice": "auto", "tools": [], "usage": {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18,'
    b' "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}}'
)
"""aimock says `failed` here, without the reason that OpenAI gives."""

FAULTS = {
    "429 with Retry-After": Fault(
        does=refuses(429, "rate_limit_error", retryAfter=60),
        failure="rate_limit",
        asked=1,
        end="pending RATE_LIMITED",
        breaker="gate",
    ),
    "429 without Retry-After": Fault(
        # aimock always sends one.
        does=Refuse(status=429, kind="rate_limit_error"),
        failure="rate_limit",
        asked=1,
        end="pending RATE_LIMITED",
        breaker="gate",
    ),
    "500": Fault(does=refuses(500, "api_error"), failure="server", spent="held"),
    "529": Fault(does=refuses(529, "overloaded_error"), failure="overload"),
    "timeout": Fault(
        does={**says("too late"), "chaos": {"latencyMs": 30_000}},
        failure="timeout",
        end="failed STEP_TIMEOUT",
        spent="held",
        settings={"request_timeout_s": 0.15},
    ),
    "connection reset": Fault(
        does={**says("never"), "chaos": {"disconnectRate": 1}}, failure="connection", spent="held"
    ),
    "malformed body": Fault(does={**says("never"), "chaos": {"malformedRate": 1}}, failure="malformed", spent="held"),
    "malformed tool arguments": Fault(
        # Anthropic's arguments are JSON on the wire: there aimock leaves them out, which is no better.
        does=calls("look", '{"order": 7, "trou'),
        asked=3,
        end="failed LOOP_DETECTED",
        spent="billed",
        breaker="-",
    ),
    "empty message": Fault(does=says(""), asked=4, end="failed MALFORMED_OUTPUT", spent="billed", breaker="-"),
    "cut stream": Fault(
        # A pause between the pieces, so that those before the cut arrive.
        does={**says("cut in the middle of it"), "truncateAfterChunks": 4, "chunkSize": 3, "latency": 5},
        failure="connection",
        spent="held",
        settings={"first_token_timeout_s": 10},
    ),
    "content filter": Fault(
        does=says("", finishReason="content_filter"),
        failure="refusal",
        asked=1,
        spent="billed",
        breaker="-",
        by_api={RESPONSES: FILTERED, MESSAGES: says("", finishReason="refusal")},
    ),
    "wrong API key": Fault(does=says("never"), failure="authentication", asked=1, breaker="counts", wrong_key=True),
}
