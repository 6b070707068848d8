"""Sensors: functions that are asked at intervals what is new, each new thing to be worked on once."""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from holdfast.errors import DeclarationError
from holdfast.types import Items, Json

Look: TypeAlias = Callable[[Json], Awaitable[Items]]
"""Given the cursor that it gave last (`None`: it gave none yet), says what is new and where it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """A declared sensor. Made by `sensor`."""

    name: str
    look: Look
    agent: str
    """Who is asked about each new item."""
    every_s: float
    timeout_s: float
    user: str | None
    priority: int


def sensor(  # noqa: PLR0913 - the parts of a declaration
    *,
    agent: str,
    every_s: float = 60,
    timeout_s: float = 30,
    user: str | None = None,
    priority: int = 0,
    name: str | None = None,
) -> Callable[[Look], Sensor]:
    """Let a function be asked at intervals what is new.

    One worker of the fleet asks at a time. Its cursor is stored in the transaction that starts an execution for each
    item, and an item's key starts one execution ever, so each item is worked on once, whatever dies when. An error
    makes it wait, longer each time up to an hour, and people are told once it has failed three times in a row.

    Args:
        agent: Who is asked about each item: the name of an agent of the app.
        every_s: Seconds between two looks. Default: 60.
        timeout_s: Seconds that a look may take, up to 300. Default: 30.
        user: Whose requests they are. Default: nobody's.
        priority: Higher is worked earlier. Default: 0.
        name: Its name; another one begins without a cursor. Default: the function's.

    Raises:
        DeclarationError: It cannot be.
    """
    if not 1 <= every_s <= 366 * 86_400:
        raise DeclarationError(f"every_s={every_s!r}: give seconds between two looks, 1 or more")
    if not 0 < timeout_s <= 300:
        raise DeclarationError(f"timeout_s={timeout_s!r}: give seconds that a look may take, up to 300")

    def declare(look: Look) -> Sensor:
        called = name or getattr(look, "__name__", "")
        if not inspect.iscoroutinefunction(look):
            raise DeclarationError(f"sensor {called!r} is no `async def`")
        return Sensor(
            name=called, look=look, agent=agent, every_s=every_s, timeout_s=timeout_s, user=user, priority=priority
        )

    return declare
