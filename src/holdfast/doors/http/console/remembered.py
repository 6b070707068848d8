"""Keeps answers that cost the database much, for a time that fits what they cost."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar, cast
from weakref import WeakKeyDictionary

from holdfast.app import App

T = TypeVar("T")
_SHARE: Final = 20
"""An answer is kept so many times as long as it took: asking then costs a twentieth of the time at most."""
_FRESH_S: Final = 2.0
"""At least so long."""
_STALE_S: Final = 300.0
"""So old an answer may be while a newer one is found; who asks after longer, waits."""
_MOST: Final = 200


@dataclass(slots=True)
class _Answer(Generic[T]):
    value: T
    found_at: float
    took_s: float

    def age_s(self, now: float) -> float:
        return now - self.found_at


class Remembered:
    """Answers of one app, by question."""

    def __init__(self) -> None:
        self._answers: OrderedDict[Hashable, _Answer[object]] = OrderedDict()
        self._asking: dict[Hashable, asyncio.Task[object]] = {}

    async def ask(self, question: Hashable, find: Callable[[], Awaitable[T]]) -> tuple[T, float]:
        """The answer and how many seconds old it is.

        Whoever asks at the same time waits for the same one. A stale one is given at once, and found anew beside it.
        """
        known = self._answers.get(question)
        age_s = _STALE_S if known is None else known.age_s(time.monotonic())
        if known is None or age_s >= _STALE_S:
            return cast("T", await asyncio.shield(self._find(question, find))), 0.0
        if age_s > max(_FRESH_S, _SHARE * known.took_s):
            self._find(question, find)
        return cast("T", known.value), age_s

    def _find(self, question: Hashable, find: Callable[[], Awaitable[T]]) -> "asyncio.Task[object]":
        if question not in self._asking:
            task = asyncio.create_task(self._found(question, find))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # whoever waits is told
            self._asking[question] = task
        return self._asking[question]

    async def _found(self, question: Hashable, find: Callable[[], Awaitable[T]]) -> T:
        began = time.monotonic()
        try:
            value = await find()
        finally:
            del self._asking[question]
        now = time.monotonic()
        self._answers[question] = _Answer(value, now, now - began)
        self._answers.move_to_end(question)
        if len(self._answers) > _MOST:
            self._answers.popitem(last=False)
        return value


_OF: "WeakKeyDictionary[App, Remembered]" = WeakKeyDictionary()


def remembered(app: App) -> Remembered:
    """What is known of an app."""
    return _OF.setdefault(app, Remembered())
