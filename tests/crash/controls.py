"""Holdfast broken on purpose, in one process: the matrix is worth something if it finds each of these."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from holdfast.loop import act, activation
from holdfast.ports import Journal
from holdfast.types import Append, Appended, Context, Event


def run_again() -> None:
    """What may have run is simply run again."""
    act.recover_call = act.run_call


def new_keys() -> None:
    """Each process has idempotency keys of its own."""
    context_for = act.context_for
    salt = str(id(object()))

    def salted(*given: Any) -> Context[object]:
        from dataclasses import replace

        context = context_for(*given)
        return replace(context, idempotency_key=f"{context.idempotency_key}:{context.execution.fence}{salt}")

    act.context_for = salted


def forget_the_last() -> None:
    """A worker resumes from all but the last few events."""
    replay = activation.replay

    def shortened(history: Any, events: Sequence[Event]) -> None:
        replay(history, [*events[:-4], events[-1]] if len(events) > 12 else events)

    activation.replay = shortened


class EagerJournal:
    """A journal that says yes, and writes a little later."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._last: asyncio.Task[Appended] | None = None

    async def append(self, append: Append) -> Appended:
        if append.status:
            return await self._write(self._last, append)
        self._last = asyncio.create_task(self._write(self._last, append))
        return Appended(seq=0, cancel_requested=False)

    async def _write(self, before: asyncio.Task[Appended] | None, append: Append) -> Appended:
        if before:
            await before
        await asyncio.sleep(0.02)  # that is the point
        return await self._journal.append(append)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


def acknowledge_early() -> Callable[[Journal], Journal]:
    """Appends are acknowledged before they are durable."""
    return EagerJournal  # type: ignore[return-value]


NAMED: Mapping[str, Callable[[], Any]] = {
    "run_again": run_again,
    "new_keys": new_keys,
    "forget_the_last": forget_the_last,
    "acknowledge_early": acknowledge_early,
}
