"""Sense: what the model is given this turn, compacted when it would not fit."""

from collections.abc import Collection
from functools import partial

from holdfast.loop.activation import Activation
from holdfast.loop.digest import digest_of, fit
from holdfast.loop.history import History, size_of
from holdfast.loop.model import Request
from holdfast.trail import events as kinds
from holdfast.trail.codec import as_text
from holdfast.types import CallRecord, Conversation, Json

BYTES_PER_TOKEN = 3
"""For judging whether a context fits a window; budgets use a proved bound instead."""

FILL = 0.8
"""Of the window, what the context may take before it is compacted."""

KEPT = 0.4
"""Of the window, what the turns kept word for word may take afterwards."""


def sense(activation: Activation) -> Request:
    """The request of the next turn."""
    compact_if_needed(activation)
    agent, history = activation.cast.agent, activation.history
    return Request(
        instructions=agent.instructions,
        entries=history.entries,
        tools=activation.cast.offered(history.shortlist),
        conversation=partial(conversation, activation),
        max_tokens=agent.max_output_tokens,
        timeout_s=agent.limits.step_timeout_s,
        closing=False,
    )


def conversation(activation: Activation, *, closing: bool = False) -> Conversation:
    """The execution as a rule-based model sees it."""
    history = activation.history
    return Conversation(
        input=history.input,
        calls=tuple(history.records),
        notes=tuple(history.notes),
        tools=tuple(activation.cast.tools),
        user=history.user,
        closing=closing,
    )


def known_prefix(history: History) -> tuple[int, int] | None:
    """How many tokens the provider counted for how many of the first entries, if it has."""
    if history.last_usage is None:
        return None
    return sum(history.last_usage), history.entries_at_last_usage


def compact_if_needed(activation: Activation) -> None:
    """Replace the older part of the context by a digest, on the record, when it outgrows the window."""
    window, history = activation.cast.models.context_window, activation.history
    if window is None:
        return
    room = (window - min(activation.cast.agent.max_output_tokens, window // 4)) * BYTES_PER_TOKEN
    if history.context_bytes <= room * FILL:
        return
    keep_from = first_kept_step(history, int(room * KEPT))
    activation.fact(kinds.CONTEXT_COMPACTED, compaction(activation, keep_from, int(room * KEPT)))


def compaction(activation: Activation, keep_from: int, budget: int) -> dict[str, Json]:
    """The event that replaces what is older than a step by a digest of at most so many bytes."""
    history = activation.history
    reads = {name for name, tool in activation.cast.tools.items() if tool.effect == "read"}
    digest = standing_for(history, keep_from, budget, reads)
    return {
        "keep_from": keep_from,
        "digest": digest,
        "bytes_before": history.context_bytes,
        "bytes_after": len(digest) + kept_bytes(history, keep_from),
    }


def shortened(activation: Activation) -> dict[str, Json] | None:
    """A compaction to about half, for a provider that called the context too long; `None`: it would gain nothing."""
    history = activation.history
    budget = history.context_bytes // 4
    keep_from = first_kept_step(history, budget)
    event = compaction(activation, keep_from, budget)
    return event if len(str(event["digest"])) + kept_bytes(history, keep_from) < history.context_bytes * 0.75 else None


def compact_now(activation: Activation) -> None:
    """Shorten the context, on the record, whatever its window is thought to be."""
    if event := shortened(activation):
        activation.fact(kinds.CONTEXT_COMPACTED, event)


def first_kept_step(history: History, budget: int) -> int:
    """The earliest step from which everything fits `budget` bytes; one after the newest if not even that fits."""
    size, keep_from, reached = 0, history.step + 1, history.step + 1
    for step, entry in zip(reversed(history.entry_steps), reversed(history.entries), strict=True):
        if step != reached:
            keep_from, reached = reached, step  # all of that step fitted
        size += size_of(entry)
        if step == 0 or size > budget:
            return keep_from
    return reached


def kept_bytes(history: History, keep_from: int) -> int:
    """Size of the entries from a step on."""
    pairs = zip(history.entry_steps, history.entries, strict=True)
    return sum(size_of(entry) for step, entry in pairs if step >= keep_from)


def standing_for(history: History, keep_from: int, budget: int, reads: Collection[str]) -> str:
    """What is said instead of the older context: the task, what was done, what is still owed."""
    task = fit(as_text(history.input), budget // 3)
    kept = fit(never_forgotten(history, reads), budget // 3)
    done = fit(digest_of(history, before=keep_from), budget // 3)
    return (
        f"{task}\n\n[Effects and people's words so far. Do not repeat these effects.]\n{kept}\n\n"
        f"[Earlier steps of this work, shortened. The full record is kept.]\n{done}"
    )


def never_forgotten(history: History, reads: Collection[str]) -> str:
    """What no compaction may lose, newest first: an effect forgotten is an effect repeated."""
    effects = [line_of_effect(record) for record in reversed(history.records) if record.tool not in reads]
    words = [f"- told: {fit(note, 200)}" for note in reversed(history.notes)]
    return "\n".join(effects + words) or "None."


def line_of_effect(record: CallRecord) -> str:
    """A call that was not only reading, in one line."""
    arguments, result = fit(as_text(dict(record.arguments)), 120), fit(as_text(record.result), 200)
    return f"- {record.tool}({arguments}) -> {record.status}: {result}"
