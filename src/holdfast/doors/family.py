"""Tells what a supervisor asked of its specialists, and how far they are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal

from rich.text import Text

from holdfast.doors.screen import STYLES, line, shorten, words
from holdfast.types import Execution, Json, Line

Data = Mapping[str, Json]


def asked(data: Data) -> Sequence[Text]:
    """A `child.started` event."""
    held = data.get("ceiling")
    tokens = held.get("tokens") if isinstance(held, Mapping) else None
    room = f", within {tokens:,} tokens" if isinstance(tokens, int) else ""
    return [line(("asks ", "cyan"), f"{data.get('agent')} ({data.get('child_id')}{room})", indent=2)]


def came(data: Data, cut: Callable[[str], str]) -> Sequence[Text]:
    """A `child.ended` event; `cut` shortens what is data."""
    status = str(data.get("status"))
    result = words(data.get("result")) if status == "completed" else f"{data.get('reason')}: {data.get('error') or ''}"
    cost = Decimal(str(data.get("cost_usd") or 0))
    figures = f" ({data.get('steps')} steps, {data.get('tokens') or 0:,} tokens, ${cost:.4f}): "
    return [line(f"{data.get('agent')} ", (status, STYLES.get(status, "")), figures, cut(result), indent=2)]


def below(execution: Execution, children: Sequence[Line]) -> Iterator[Text]:
    """How far its children are, one line each; nothing for an execution without any."""
    if not children:
        return
    ended = sum(child.ended for child in children)
    spent = f"; they had {execution.family_tokens:,} tokens, ${execution.family_usd:.4f}" if ended else ""
    yield line(("team    ", "dim"), f"{ended} of {len(children)} done{spent}")
    for child in children:
        status = (f"{child.status:<16}", STYLES[child.status])
        yield line(status, f"{child.agent_type:<16} {child.id}  ", shorten(child.asked, 60), indent=2)
