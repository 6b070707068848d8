"""Says who is behind a request, and refuses what is not theirs: the one place where routes ask."""

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import Request

from holdfast.doors.http.credentials import found_caller
from holdfast.errors import Forbidden
from holdfast.policy.roles import may
from holdfast.types import Caller, Power

_WORDS: Final = {
    "see": "look",
    "run": "start or cancel executions",
    "decide": "answer approvals",
    "operate": "steer what runs",
    "administer": "say who may do what",
}


async def caller(request: Request) -> Caller:
    """Who asks, found once a request.

    Raises:
        Unauthenticated: Nobody known.
        Forbidden: A browser's session without the proof that the page itself sent this.
        TooManyRequests: Faster than this caller may.
    """
    known: Caller | None = getattr(request.state, "caller", None)
    if known is None:
        known = await found_caller(request)
        request.state.caller = known
    return known


def entitled(caller: Caller, power: Power) -> None:
    """Refuse a caller without a power.

    Raises:
        Forbidden: Their role does not have it.
    """
    if not may(caller, power):
        raise Forbidden(f"the role {caller.role} may not {_WORDS[power]}")


def needs(power: Power) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency of routes: who asks, if their role has this power."""

    async def allowed(request: Request) -> Caller:
        asking = await caller(request)
        entitled(asking, power)
        return asking

    allowed.power = power  # pyright: ignore[reportFunctionMemberAccess] - the table of routes and roles reads it
    return allowed
