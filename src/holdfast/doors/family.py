"""Tells what a supervisor asked of its specialists, and how far they are."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from rich.text import Text

from holdfast.doors.screen import STYLES, line, shorten, words
from holdfast.trail import events as kinds
from holdfast.types import Execution, Json, Line

Data = Mapping[str, Json]
Cut = Callable[[str], str]
"""Shortens what is data, or does not."""


def asked(data: Data) -> Sequence[Text]:
    """A `child.started` event; of one that takes the conversation over, another event says more."""
    if data.get("handover"):
        return []
    held = data.get("ceiling")
    tokens = held.get("tokens") if isinstance(held, Mapping) else None
    room = f", within {tokens:,} tokens" if isinstance(tokens, int) else ""
    return [line(("asks ", "cyan"), f"{data.get('agent')} ({data.get('child_id')}{room})", indent=2)]


def came(data: Data, cut: Cut) -> Sequence[Text]:
    """A `child.ended` event; `cut` shortens what is data."""
    status = str(data.get("status"))
    result = words(data.get("result")) if status == "completed" else f"{data.get('reason')}: {data.get('error') or ''}"
    cost = Decimal(str(data.get("cost_usd") or 0))
    figures = f" ({data.get('steps')} steps, {data.get('tokens') or 0:,} tokens, ${cost:.4f}): "
    return [line(f"{data.get('agent')} ", (status, STYLES.get(status, "")), figures, cut(result), indent=2)]


def _resolved(data: Data, cut: Cut) -> Sequence[Text]:
    decision = data.get("decision")
    found: Data = decision if isinstance(decision, Mapping) else {}
    outcome = str(data.get("outcome")).replace("_", " ")
    style = {"allow": "bold green", "deny": "bold red"}.get(str(found.get("verdict")), "bold yellow")
    whose = f": {data['member']}" if data.get("member") else ""
    head = line(f"panel {data.get('panel')} ", (outcome, style), f"{whose}, ", cut(f"by {found.get('gate')}: "
                f"{found.get('reason')}"), indent=2)  # fmt: skip
    before = data.get("before")
    tried = before if isinstance(before, Sequence) and not isinstance(before, str) else ()
    return [head, *(line(("before: ", "dim"), cut(words(one)), indent=4) for one in tried), *_votes(data, cut)]


def _votes(data: Data, cut: Cut) -> Iterator[Text]:
    """Who said what, one line each."""
    votes = data.get("votes")
    for vote in votes if isinstance(votes, Sequence) and not isinstance(votes, str) else ():
        if isinstance(vote, Mapping):
            status = str(vote.get("status"))
            yield line(f"{vote.get('agent')} ", (status, STYLES.get(status, "")), " ", cut(vote_words(vote)), indent=4)


def vote_words(vote: Data) -> str:
    """What a panel's member said, in figures: with whom it agrees, its score, how sure it is, what it cost."""
    parts = [f"{name} {vote[name]}" for name in ("side", "score", "confidence") if vote.get(name) is not None]
    cost = Decimal(str(vote.get("cost_usd") or 0))
    why = f": {vote['reason']}" if vote.get("reason") else ""
    return f"({', '.join([*parts, f'${cost:.4f}'])}){why}"


def _transferred(data: Data, cut: Cut) -> Sequence[Text]:
    said = cut(f": {data.get('reason')}")
    return [line(("hands over ", "bold cyan"), f"the conversation to {data.get('to')} ({data.get('child_id')})", said)]


def taken_over(data: Data) -> Sequence[Text]:
    """Whose conversation it is, of an `execution.started` event; nothing where it began here."""
    given = data.get("handover")
    if not isinstance(given, Mapping):
        return []
    return [line(("takes over ", "bold cyan"), f"from {given.get('from')} ({given.get('execution')}): "
                 f"{given.get('reason')}", indent=2)]  # fmt: skip


FAMILY_TELLERS: Final[Mapping[str, Callable[[Data, Cut], Sequence[Text]]]] = {
    kinds.CHILD_STARTED: lambda data, _: asked(data),
    kinds.CHILD_ENDED: came,
    kinds.PANEL_RESOLVED: _resolved,
    kinds.CONVERSATION_TRANSFERRED: _transferred,
}


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
