"""Folding what models were asked: reservations, answers, attempts that failed, and what all of it cost by model."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, TypeAlias

from holdfast.loop.history import History, Used
from holdfast.loop.reply import call_ids
from holdfast.loop.transcript import Responded
from holdfast.policy.chain import Tried, lasting

Data: TypeAlias = Mapping[str, Any]
"""An event's data: JSON of our own writing, its shape given by kind and version (`trail/events.py`)."""


def shortlisted(history: History, data: Data) -> None:
    added = [name for names in data["added"].values() for name in names]
    history.shortlist = added if data["anew"] else [*(history.shortlist or ()), *added]
    history.routed = data["step"]
    if history.last_usage:
        # What the provider counted was without these; what left the list stays counted, which is too much at worst.
        history.last_usage = (history.last_usage[0] + data["added_tokens"], history.last_usage[1])
    if "gen_ai.request.model" in data:
        tokens, cost = data["gen_ai.usage.input_tokens"], Decimal(data["cost_usd"])
        history.tokens += tokens
        history.cost_usd += cost
        total = used_by(history, data["gen_ai.request.model"], data["gen_ai.provider.name"])
        total.calls += 1
        total.input_tokens += tokens
        total.cost_usd += cost
        total.latency_ms += data["latency_ms"]


def requested(history: History, data: Data) -> None:
    history.reserved = (data["reserved_tokens"], Decimal(data["reserved_usd"]))
    history.held_tokens += history.reserved[0]
    history.held_usd += history.reserved[1]
    closing = data["reason"] if data["purpose"] == "closing" else None
    if closing != history.closing:
        history.tried.clear()  # another question: what failed was about the earlier one
    history.closing = closing


def responded(history: History, data: Data) -> None:
    history.settle(keep=data["bill_unknown"])
    used = (data["gen_ai.usage.input_tokens"], data["gen_ai.usage.output_tokens"])
    cost = Decimal(data["cost_usd"])
    history.tokens += sum(used)
    history.cost_usd += cost
    history.rung = data["rung"]
    provider, model = data["gen_ai.provider.name"], data["gen_ai.response.model"]
    asked = data.get("gen_ai.request.model") or named(provider, model)
    history.model = asked
    total = used_by(history, asked, provider)
    total.calls += 1
    _add(total, data, cost)
    if history.tried:
        history.tried.clear()
    if data["purpose"] == "closing":
        return
    history.step = data["step"]
    history.corrections = history.corrections + 1 if history.malformed else 0
    history.malformed = False
    history.calls = {}
    history.provider_ids.update(call_ids(data["response"]))
    history.add(Responded(data["response"]))
    history.last_usage, history.entries_at_last_usage = used, len(history.entries)


def attempt_failed(history: History, data: Data) -> None:
    """One rung did not answer. The chain goes on from here, also on another worker."""
    history.settle(keep=data["bill_unknown"])
    cost = Decimal(data["cost_usd"])
    history.tokens += data["gen_ai.usage.input_tokens"] + data["gen_ai.usage.output_tokens"]
    history.cost_usd += cost
    total = used_by(history, data["gen_ai.request.model"], data["gen_ai.provider.name"])
    total.failed_calls += 1
    _add(total, data, cost)
    again = data["then"] in {"again", "compact"}
    history.tried.append(Tried(data["rung"], data["failure"], again))


def chain_failed(history: History, data: Data) -> None:
    """No rung answered. Journals of earlier versions have their attempts here and nowhere else."""
    history.settle(keep=data["bill_unknown"])


def parked(history: History, _data: Data) -> None:
    # After a wait every rung may be asked again, but those that the request itself does not suit.
    if history.tried:
        history.tried = lasting(history.tried)


def used_by(history: History, model: str, provider: str) -> Used:
    """The running total of a model."""
    total = history.used.get(model)
    if total is None:
        total = history.used[model] = Used(provider=provider)
    return total


def named(provider: str, model: str) -> str:
    """A model in one word, where the journal does not say how the author wrote it."""
    return model if model.startswith(f"{provider}:") else f"{provider}:{model}"


def _add(total: Used, data: Data, cost: Decimal) -> None:
    total.input_tokens += data["gen_ai.usage.input_tokens"]
    total.output_tokens += data["gen_ai.usage.output_tokens"]
    total.cache_read_tokens += data["cache_read_tokens"]
    total.cache_write_tokens += data["cache_write_tokens"]
    total.cost_usd += cost
    total.latency_ms += data["latency_ms"]
