"""Route: which of many tools the next turn's model is shown, on the record whenever that changes."""

import json
from collections.abc import Sequence
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Final

import structlog

from holdfast.loop.activation import Activation
from holdfast.loop.context import conversation
from holdfast.loop.prompt import tool_size
from holdfast.loop.ranking import LONGEST_QUESTION, Heard, Ranking, Routing
from holdfast.loop.transcript import Entry, Responded, Returned, Told
from holdfast.router import FIND_TOOLS
from holdfast.tools.router import Change, drawn_up, grown
from holdfast.trail import events as kinds
from holdfast.types import Json

log = structlog.get_logger("holdfast.router")

_HEARD: Final = 3
"""Entries of an earlier conversation that are heard when a list is drawn up."""
_TEXT: Final = 2_000
"""Characters of an entry that are heard."""


async def route(activation: Activation) -> None:
    """Decide which tools the next turn's model is shown; nothing is written where they stay as they were."""
    routing, history = activation.cast.routing, activation.history
    if routing is None:
        return
    heard, most = hear(history.entries), routing.router.most
    # A worker that takes a turn over has its list already: what it cost is not paid for twice.
    embeds = history.routed != history.step + 1 and has_room(activation)
    ranking = await routing.ranked(heard, partial(conversation, activation), embeds=embeds)
    if ranking.fell_back:
        said = activation.desk.redactor.text(ranking.fell_back)
        log.warning("tools_ranked_by_words", execution=activation.id, error=said)
    if history.shortlist is None:
        change = drawn_up(most, held_from_before(activation, routing), ranking.names)
    else:
        change = grown(history.shortlist, most, held_now(activation, routing), ranking.names)
        if change and len(history.shortlist) + len(change.names) > 2 * most:
            change = drawn_up(most, kept_of(activation, routing, history.shortlist), ranking.names)
    if change or ranking.embedded:
        record(activation, routing, change or Change(anew=False, added={}), ranking)


def hear(entries: Sequence[Entry]) -> Heard:
    """What came since the model's last message; of a conversation that it has not answered yet, the end."""
    place = next((place for place in range(len(entries), 0, -1) if isinstance(entries[place - 1], Responded)), 0)
    newest = (entries[place:] if place else ()) or entries[-_HEARD:]
    said = [entry for entry in newest if not (isinstance(entry, Returned) and entry.tool == FIND_TOOLS)]
    texts = [text[:_TEXT] for entry in said if (text := _text_of(entry))]
    return Heard(texts=texts, in_users_place=any(isinstance(entry, Told) for entry in said))


def held_now(activation: Activation, routing: Routing) -> dict[str, Sequence[str]]:
    """What has to be on the list from now on: what was called although it was not, and what was asked for."""
    history = activation.history
    called = [call.asked for call in history.calls.values()] + [item.tool for item in history.happened]
    return {
        "always": [name for name in routing.router.always if name in routing.tools],
        "called": [name for name in called if name in routing.tools],
        "found": [name for name in found_in(history.entries) if name in routing.tools],
    }


def held_from_before(activation: Activation, routing: Routing) -> dict[str, Sequence[str]]:
    """What a list that is drawn up has to hold: besides those, all that was used in this execution."""
    now = held_now(activation, routing)
    used = [*(record.tool for record in activation.history.records), *now.pop("called")]
    return {"always": now.pop("always"), "used": [name for name in used if name in routing.tools], **now}


def kept_of(activation: Activation, routing: Routing, shown: Sequence[str]) -> dict[str, Sequence[str]]:
    """What a list that grew too long has to hold, in the order in which it was shown."""
    held = held_from_before(activation, routing)
    must = {name for names in held.values() for name in names}
    return {"kept": [name for name in shown if name in must], **held}


def found_in(entries: Sequence[Entry]) -> list[str]:
    """What a model was told that it can call, since its last message."""
    names: list[str] = []
    for entry in reversed(entries):
        if isinstance(entry, Responded):
            break
        if isinstance(entry, Returned) and entry.tool == FIND_TOOLS and entry.status == "completed":
            with suppress(ValueError, KeyError, TypeError):  # a result that a retry gave again says so in words first
                names += [one["name"] for one in json.loads(entry.content[entry.content.index("{") :])["found"]]
    return names


def record(activation: Activation, routing: Routing, change: Change, ranking: Ranking) -> None:
    """Take the list into account; it is stored with the model call that it is for."""
    shown = 0 if change.anew else len(activation.history.shortlist or ())
    number, whole = shown + len(change.names), len(routing.tools)
    reason = f"{number} of {whole} tools, by {'their words' if ranking.by == 'words' else ranking.by}"
    data: dict[str, Json] = {
        "step": activation.history.step + 1,
        "anew": change.anew,
        "added": {why: list(names) for why, names in change.added.items()},
        "added_tokens": sum(tool_size(routing.tools[name]) for name in change.names),
        "of": whole,
        "by": ranking.by,
        "fell_back": ranking.fell_back,
        "decision": {"verdict": "allow", "gate": "tool_router", "reason": reason},
        **ranking.embedded,
    }
    activation.fact(kinds.TOOLS_SHORTLISTED, data)


def _text_of(entry: Entry) -> str:
    match entry:
        case Returned():
            return entry.content
        case Responded():
            return ""
        case _:
            return entry.text


def has_room(activation: Activation) -> bool:
    """Whether the execution's own limits have room for a question to an embedder, in bytes as in `loop/prompt.py`."""
    limits, spent = activation.limits, activation.spent
    has_money = limits.cost_usd is None or spent.cost_usd < Decimal(limits.cost_usd)
    return has_money and limits.tokens - spent.tokens > 4 * LONGEST_QUESTION
