"""How a call of a model can fail, and what follows from each way: one table, for the chain and what judges it."""

from collections.abc import Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Literal

FailureClass = Literal[
    "rate_limit",
    "overload",
    "timeout",
    "connection",
    "server",
    "authentication",
    "quota",
    "context_overflow",
    "refusal",
    "malformed",
    "rejected",
    "rule_error",
    "unknown",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Consequence:
    """What follows from one class of failure."""

    transient: bool = False
    """The same rung may answer if it is asked again at once."""
    maybe_billed: bool = False
    """The provider may have worked, and may bill, although no answer came."""


CONSEQUENCES: Mapping[FailureClass, Consequence] = {
    "rate_limit": Consequence(),
    "overload": Consequence(transient=True),
    "timeout": Consequence(transient=True, maybe_billed=True),
    "connection": Consequence(transient=True, maybe_billed=True),
    "server": Consequence(transient=True, maybe_billed=True),
    "authentication": Consequence(),
    "quota": Consequence(),
    "context_overflow": Consequence(),
    "refusal": Consequence(maybe_billed=True),
    "malformed": Consequence(transient=True, maybe_billed=True),
    "rejected": Consequence(),
    "rule_error": Consequence(),
    "unknown": Consequence(maybe_billed=True),
}

CLASSES: Mapping[str, FailureClass] = {
    "ModelRateLimitError": "rate_limit",
    "ModelQuotaExceededError": "quota",
    "ModelUnavailableError": "overload",
    "ModelRequestTimeout": "timeout",
    "ModelTimeoutError": "timeout",
    "ModelConnectionError": "connection",
    "ModelServerError": "server",
    "ModelContextWindowExceededError": "context_overflow",
    "ModelAuthenticationError": "authentication",
    "ModelRequestRejectedError": "rejected",
    "ContentFilterError": "refusal",
    "UnexpectedModelBehavior": "malformed",
    "ValidationError": "malformed",
    "JSONDecodeError": "malformed",
    "UnicodeDecodeError": "malformed",
    # Transport errors that the library lets through, of httpx and httpx2 alike.
    "TimeoutException": "timeout",
    "TransportError": "connection",
    "StreamError": "connection",
    # Of the provider SDKs, where the library lets them through.
    "APITimeoutError": "timeout",
    "APIConnectionError": "connection",
    "TimeoutError": "timeout",
    "OSError": "connection",
    # Ours.
    "RuleFailed": "rule_error",
    "Refusal": "refusal",
    "CutOff": "connection",
    "NoKey": "authentication",
    "Unreadable": "malformed",
    # A model that cannot be made as it is written: an unknown provider, a missing package.
    "UserError": "rejected",
    "ImportError": "rejected",
}
"""By the name of the exception or the nearest of its parents: names, so that nothing has to be imported."""

STATUSES: Mapping[int, FailureClass] = {
    401: "authentication",
    402: "quota",
    403: "authentication",
    408: "timeout",
    429: "rate_limit",
    503: "overload",
    529: "overload",
}


class RuleFailed(Exception):
    """A rule function raised, or answered with something that is no reply."""


class Refusal(Exception):
    """The provider's content filter stopped the answer."""


class CutOff(Exception):
    """The answer ended before the model was done."""


class Unreadable(Exception):
    """The provider's answer does not have the shape that its API promises."""


class NoKey(Exception):
    """The provider's API key is not configured."""


def classify(error: BaseException) -> FailureClass:
    """The class of a failure, by the most specific name that the table knows."""
    if isinstance(error.__cause__, JSONDecodeError | UnicodeDecodeError):
        return "malformed"  # the library reports an unreadable body as a bare API error
    for parent in type(error).__mro__:
        if parent.__name__ in CLASSES:
            return CLASSES[parent.__name__]
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return STATUSES.get(status, "server" if status >= 500 else "rejected")
    # A bare `ModelAPIError`: what came back was not what the API promises.
    return "malformed" if type(error).__name__ == "ModelAPIError" else "unknown"


def describe(error: BaseException) -> str:
    """The failure in one line, for the record."""
    text = " ".join(str(error).split()) or (type(error).__doc__ or "").strip().splitlines()[0]
    return f"{type(error).__name__}: {text}"[:500]
