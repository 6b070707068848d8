"""A thread: what was asked and answered in earlier executions of one conversation."""

from collections.abc import Iterator, Mapping, Sequence

from holdfast.ports import Store
from holdfast.trail.codec import as_text
from holdfast.types import TOLD_FROM, Execution

REMEMBERED = 20
"""Exchanges that a new execution is given; older ones stay readable in their own journals."""

LONGEST = 4_000
"""Characters of one side of an exchange; the middle of longer ones is left out."""


async def earlier(store: Store, execution: Execution) -> Sequence[Execution]:
    """Ended executions of the same thread that began before this one, oldest first; what was pruned is left out."""
    if execution.thread_id is None:
        return ()
    same = await store.list(thread=execution.thread_id, limit=TOLD_FROM)
    began = execution.created_at
    return [past for past in reversed(same) if past.ended and past.pruned_at is None and past.created_at < began]


def exchanges(earlier: Sequence[Execution]) -> Iterator[tuple[str, str]]:
    """Asked and answered, oldest first, of executions that came to an answer."""
    ids, holders = {past.id for past in earlier}, _holders(earlier)
    began_here = [past for past in earlier if past.parent_id not in ids]
    for execution in began_here[-REMEMBERED:]:
        if execution.result is not None:
            by = holders.get(execution.id)
            who = f"[{by}, to whom the conversation was handed over, answered:] " if by else ""
            yield shorten(as_text(execution.input_data)), who + shorten(as_text(execution.result))


def _holders(earlier: Sequence[Execution]) -> Mapping[str, str]:
    """Who had the conversation in the end, by the execution that was handed over."""
    found: dict[str, str] = {}
    by_id = {past.id: past for past in earlier}
    for past in earlier:
        above = by_id.get(past.parent_id or "")
        while above is not None:
            found[above.id] = past.agent_type  # the oldest first: the last one stays
            above = by_id.get(above.parent_id or "")
    return found


def shorten(text: str) -> str:
    """The text, its middle left out when it is long."""
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]} [... {len(text) - LONGEST:,} characters left out ...] {text[-half:]}"
