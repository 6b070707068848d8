"""Deliveries as Slack shows them: Block Kit, within its limits. Pure.

Words that a model or a document may have written go into plain or preformatted text, where Slack neither links,
formats nor notifies; only our own words are markup.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Final

from holdfast.notify.message import (
    Asks,
    Choice,
    as_text,
    choices,
    clipped,
    elsewhere,
    facts,
    headline,
    verdict,
)
from holdfast.types import Answer, Card, Closed, Delivery, Json, Notice

Block = Mapping[str, Json]

TEXT_LIMIT: Final = 3_000
"""Characters of one text (https://docs.slack.dev/reference/block-kit/blocks)."""
_ARGUMENT_BLOCKS: Final = 2
_WORDS_LIMIT: Final = 1_000
_FACT_LIMIT: Final = 100
"""All texts together stay under 9,000 characters: somewhere from 11,000 on, depending on the blocks, Slack says
`msg_blocks_too_long` (https://github.com/slackapi/bolt-js/issues/2867), and nobody would read it."""
_HEADER_LIMIT: Final = 150
_SIGN: Final = {"approved": "✅", "answered": "✅", "rejected": "⛔", "expired": "⌛", "withdrawn": "↩️"}
_FIELDS: Final[dict[Asks, tuple[str, str]]] = {
    "note": ("Note", "The agent is told."),
    "edit": ("Arguments", "JSON: the call runs with exactly these."),
    "result": ("Result", "JSON: what the call returned. May stay empty."),
}
_LABELS: Final[dict[Answer, str]] = {
    "approve": "Approve",
    "reject": "Reject",
    "answer": "Answer",
    "happened": "It happened",
    "run": "Run it again",
    "skip": "Leave it",
}


def blocks(delivery: Delivery, *, mentions: Sequence[str] = (), brief: bool = False) -> list[Block]:
    """A message's blocks.

    Args:
        delivery: What is to be shown.
        mentions: Slack ids of the people who are notified.
        brief: Leave the arguments out, for a message that Slack finds too long all the same. Default: show them.
    """
    room = 0 if brief else _ARGUMENT_BLOCKS
    match delivery:
        case Card():
            return _card(delivery, mentions, room)
        case Closed():
            return _closed(delivery, room)
        case Notice(body=body):
            return [*_headed(headline(delivery)), *_plain(body), *_links(delivery.link)]


def fallback(delivery: Delivery) -> str:
    """The text of notifications and screen readers, which Slack reads as markup."""
    return escaped(clipped(headline(delivery), 300))


def escaped(text: str) -> str:
    """Text that Slack would read as markup, as it is meant."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def modal(approval_id: str, answer: Answer, asks: Asks, *, arguments: Json = None) -> Mapping[str, Json]:
    """What opens when a choice needs words, other arguments or a result.

    Args:
        approval_id: What it is about; comes back with the submission.
        answer: What was pressed.
        asks: What that still needs.
        arguments: What to begin an edit with.
    """
    title, hint = _FIELDS[asks]
    label = _LABELS[answer]
    field: dict[str, Json] = {
        "type": "plain_text_input",
        "action_id": "text",
        "multiline": True,
        "max_length": TEXT_LIMIT,
        **({"initial_value": as_text(arguments)} if asks == "edit" else {}),
    }
    return {
        "type": "modal",
        "callback_id": "holdfast",
        "private_metadata": json.dumps({"approval": approval_id, "answer": answer, "asks": asks}),
        "title": _text(label),
        "submit": _text(label),
        "close": _text("Back"),
        "blocks": [
            {
                "type": "input",
                "block_id": asks,
                "optional": asks != "edit" and answer != "answer",
                "label": _text(title),
                "hint": _text(hint),
                "element": field,
            }
        ],
    }


def _card(card: Card, mentions: Sequence[str], room: int) -> list[Block]:
    shown, whole = _arguments(card, room)
    offered = [choice for choice in choices(card, whole=whole) if _editable(choice, card)]
    asked = [_markup(" ".join(f"<@{person}>" for person in mentions))] if mentions else []
    return [
        *_headed(headline(card)),
        *_plain(card.reason),
        *shown,
        *([] if whole else _plain(elsewhere(card))),
        {
            "type": "context",
            "elements": [_text(clipped(f"{label}: {words}", _FACT_LIMIT)) for label, words in facts(card)],
        },
        *asked,
        {"type": "actions", "elements": [_button(choice, card.approval_id) for choice in offered]},
        *_links(card.link),
    ]


def _closed(closed: Closed, room: int) -> list[Block]:
    shown, _ = _arguments(closed.card, room)
    when = f"<!date^{int(closed.at.timestamp())}^{{time}}|{closed.at:%H:%M} UTC>"
    told = escaped(verdict(closed)).replace(f"{closed.at:%H:%M} UTC", when)
    return [
        *_headed(headline(closed.card)),
        *_plain(closed.card.reason),
        *shown,
        _markup(f"{_SIGN.get(closed.status, '')} *{told}*"),
        *_plain(closed.note or ""),
        *_links(closed.card.link),
    ]


def _arguments(card: Card, room: int) -> tuple[list[Block], bool]:
    """The arguments in at most `room` blocks, and whether that is all there is to see."""
    text = as_text(card.arguments)
    parts = [text[start : start + TEXT_LIMIT] for start in range(0, len(text), TEXT_LIMIT)]
    whole = len(parts) <= room and len(headline(card)) <= _WORDS_LIMIT
    return [_preformatted(part) for part in parts[:room]], whole


def _editable(choice: Choice, card: Card) -> bool:
    """An edit that does not fit into a field would lose what was cut off."""
    return choice.asks != "edit" or len(as_text(card.arguments)) <= TEXT_LIMIT


def _button(choice: Choice, approval_id: str) -> Block:
    style: dict[str, Json] = {"style": choice.style} if choice.style else {}
    return {
        "type": "button",
        "action_id": f"holdfast:{choice.answer}:{choice.asks or ''}",
        "value": approval_id,
        "text": _text(choice.label),
        **style,
    }


def _links(link: str | None) -> list[Block]:
    return [_markup(f"<{link}|Open in the console>")] if link else []


def _headed(text: str) -> list[Block]:
    """A header, or for a longer text the text itself: a question is not cut to fit a style."""
    return [{"type": "header", "text": _text(text)}] if len(text) <= _HEADER_LIMIT else _plain(text)


def _plain(text: str) -> list[Block]:
    """A section, or none for no text: Slack refuses empty ones."""
    return [{"type": "section", "text": _text(clipped(text, _WORDS_LIMIT))}] if text.strip() else []


def _preformatted(text: str) -> Block:
    inside = {"type": "rich_text_preformatted", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "elements": [inside]}


def _markup(text: str) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _text(text: str) -> Mapping[str, Json]:
    return {"type": "plain_text", "text": text, "emoji": False}
