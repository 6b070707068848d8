"""Going back to an earlier turn: which events stand, and which calls are not made again."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

from holdfast.loop.history import Happened
from holdfast.trail import events as kinds
from holdfast.types import Event, Json

Data: TypeAlias = dict[str, Any]
"""An event's data, as in `fold`."""


def happened_of(item: Data, endings: Mapping[Json, Mapping[str, Json]]) -> Happened:
    """A call that is not made again, with its recorded end."""
    return Happened(
        call_id=item["call_id"],
        tool=item["tool"],
        digests=frozenset(item["digests"]),
        ended=None if item["key"] else endings[item["call_id"]],
        key=item["key"] or "",
    )


def standing(events: Sequence[Event]) -> list[Event]:
    """The events that make up the conversation as it stands, without turns that were set aside."""
    found: list[Event] = []
    for event in events:
        if event.kind == kinds.RETRIED and event.data.get("from_step"):
            found = before_step(found, cast("Data", event.data)["from_step"])
        found.append(event)
    return found


def before_step(events: list[Event], step: int) -> list[Event]:
    """Those before a turn began."""
    for place, event in enumerate(events):
        if event.kind == kinds.MODEL_REQUESTED and cast("Data", event.data)["step"] >= step:
            return events[:place]
    return events
