"""Which class of failure an exception of library, SDK or transport is; what follows is in `policy/chain.py`."""

from collections.abc import Mapping
from decimal import Decimal
from json import JSONDecodeError
from typing import cast

from holdfast.policy.chain import FailureClass
from holdfast.types import Usage

__all__ = ["FailureClass", "classify", "describe"]

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
    "Broken": "server",
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


FILTERS: frozenset[str] = frozenset({"content_filter", "content_policy_violation"})
"""Error codes by which a provider says that its filter stopped the request."""


class RuleFailed(Exception):
    """A rule function raised, or answered with something that is no reply."""


class Spoilt(Exception):
    """The provider answered, and says itself that the answer is none.

    Args:
        message: What is known of it.
        usage: What it cost, where the provider said so.
        cost_usd: The same in US dollars.
    """

    def __init__(self, message: str, *, usage: Usage | None = None, cost_usd: Decimal = Decimal(0)) -> None:
        super().__init__(message)
        self.usage, self.cost_usd = usage, cost_usd


class Refusal(Spoilt):
    """The provider's content filter stopped the answer."""


class Broken(Spoilt):
    """The provider failed while it answered."""


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
    if _code_of(error) in FILTERS:
        return "refusal"  # some providers refuse a filtered request as if it were written wrongly
    for parent in type(error).__mro__:
        if parent.__name__ in CLASSES:
            return CLASSES[parent.__name__]
    status = getattr(error, "status_code", None)
    if isinstance(status, int):
        return STATUSES.get(status, "server" if status >= 500 else "rejected")
    # A bare `ModelAPIError`: what came back was not what the API promises.
    return "malformed" if type(error).__name__ == "ModelAPIError" else "unknown"


def _code_of(error: BaseException) -> str | None:
    """The error code in the body that a provider answered with."""
    body: object = getattr(error, "body", None)
    for _ in range(2):
        if not isinstance(body, Mapping):
            return None
        found = cast("Mapping[str, object]", body)
        if isinstance(code := found.get("code"), str):
            return code
        body = found.get("error")
    return None


def describe(error: BaseException) -> str:
    """The failure in one line, for the record."""
    text = " ".join(str(error).split()) or (type(error).__doc__ or "").strip().splitlines()[0]
    return f"{type(error).__name__}: {text}"[:500]
