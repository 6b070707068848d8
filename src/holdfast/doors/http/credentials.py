"""Reads who asks out of a request: a key in the header, or the session in the console's cookie."""

from fastapi import Request

from holdfast.errors import Unauthenticated
from holdfast.types import Caller


async def found_caller(_: Request) -> Caller:
    """Who asks.

    Raises:
        Unauthenticated: Nobody known.
    """
    raise Unauthenticated
