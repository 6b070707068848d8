"""Following a journal: what is there, then what comes, to the end of the execution."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final, Protocol

from holdfast.errors import StoreUnavailable
from holdfast.ports import Journal, Store
from holdfast.trail import events as kinds
from holdfast.trail.prune_remains import gone
from holdfast.types import FOR_OTHERS, Event, Execution

END_EVENTS: Final = frozenset({kinds.COMPLETED, kinds.FAILED, kinds.CANCELLED})
PAGE: Final = 500


class Record(Journal, Store, Protocol):
    """A journal together with what is known of its executions."""

    async def news(self, execution_id: str, *, after: int, limit: int) -> Sequence[Event]:
        """Events above a sequence number, read once for all who follow."""
        ...


async def follow_events(record: Record, execution_id: str, *, after: int, follow: bool) -> AsyncGenerator[Event]:
    """Events above the sequence number `after`, then live ones, until the execution ends.

    Args:
        record: The journal.
        execution_id: Whose.
        after: Resume behind this sequence number.
        follow: `False` stops at the newest one there is.
    """
    last = None
    async with aclosing(record.watch(execution_id)) as ticks:
        while True:
            batch = await record.news(execution_id, after=after, limit=PAGE)
            for event in batch:
                after, last = event.seq, event.kind
                yield event
            if batch:
                continue
            if not follow or last in END_EVENTS:
                return
            if last is None and (known := await record.get(execution_id)).ended:
                if known.pruned_at is not None:
                    raise gone(execution_id, known.pruned_at, wholly=False)
                if known.last_seq <= after:
                    return
                continue  # it ended since the news were read
            await anext(ticks)


async def settled(record: Record, execution_id: str) -> Execution:
    """The execution, once it has ended or waits for a person: itself, or through all that is left below it."""
    watched = {execution_id}
    while True:
        async with aclosing(record.settle(watched)) as ticks:
            async for _ in ticks:  # the first one comes at once
                execution = await record.get(execution_id)
                if execution.ended or execution.status == "awaiting_review":
                    return execution
                if execution.status_reason not in FOR_OTHERS:
                    continue
                below = await record.unended(execution_id)
                if below and all(below.values()):
                    return execution
                if not watched >= below.keys():
                    watched = {execution_id, *below}
                    break  # listen first, then look again
            else:
                raise StoreUnavailable("the trail was closed: open it again and wait anew")
