"""Hearing an execution's journal for its responses: as they stand, until one is over, or as it happens."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from holdfast.app import App
from holdfast.doors.http.openai.telling import Leg, Telling
from holdfast.doors.http.patience import hear_out
from holdfast.doors.http.stream import Sent
from holdfast.errors import NotFound
from holdfast.types import Event

LONGEST_WAIT_S: Final = 600
"""For how long a request waits for its response: as long as OpenAI's clients do."""
_NAME: Final = re.compile(r"resp_([0-9A-Za-z_-]{1,64})(?:\.([1-9]\d{0,5}))?")


def parsed_name(name: str) -> tuple[str, int]:
    """The execution and the number of a response.

    Raises:
        NotFound: It is no name of a response.
    """
    found = _NAME.fullmatch(name)
    if found is None:
        raise NotFound(f"there is no response {name!r}")
    return found[1], int(found[2] or 1)


def leg_of(telling: Telling, number: int) -> Leg:
    """One response.

    Raises:
        NotFound: The execution has none of that number, or not yet.
    """
    if number > len(telling.legs):
        raise NotFound(f"there is no response {telling.name(number)!r} yet: people have not answered the one before it")
    return telling.legs[number - 1]


async def heard(app: App, execution_id: str) -> Telling:
    """All responses of an execution as they stand."""
    telling = Telling(execution_id)
    async for event in app.events(execution_id, follow=False):
        telling.hear(event)
    return telling


async def heard_out(
    app: App, execution_id: str, number: int, *, closing: asyncio.Event, timeout_s: float = LONGEST_WAIT_S
) -> Telling:
    """The responses once one of them is over; earlier, when the server stops or so many seconds have gone by."""
    telling = Telling(execution_id)

    def hear(event: Event) -> bool:
        telling.hear(event)
        return telling.over(number)

    await hear_out(app.events(execution_id), hear, closing=closing, timeout_s=timeout_s)
    return telling


async def messages(app: App, execution_id: str, number: int, *, after: int = -1) -> AsyncGenerator[Sent]:
    """The stream of one response, from behind a sequence number to its end."""
    telling = Telling(execution_id)
    async with aclosing(app.events(execution_id)) as events:
        async for event in events:
            for told in telling.hear(event):
                if told.leg == number and told.number > after:
                    yield Sent(event=told.data["type"], data=json.dumps(told.data, ensure_ascii=False))
            if telling.over(number):
                return
