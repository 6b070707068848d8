"""Ids of traces and spans, derived and never stored: any worker, a week later too, goes on with the same trace."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Final
from uuid import UUID

from holdfast.trail import events as kinds
from holdfast.types import Event

ROOT: Final = "execution"


def trace_id_of(execution_id: str) -> int:
    """The trace of an execution: the 16 bytes of its id, or of its hash where an application made ids of its own."""
    try:
        return UUID(execution_id).int or 1
    except ValueError:
        return _hashed(execution_id, size=16)


def span_id_of(execution_id: str, *what: str | int) -> int:
    """The span of one thing in an execution: `ROOT`, or a kind and the sequence number or id that it has there."""
    return _hashed(":".join(map(str, (execution_id, *what))), size=8)


def activation_id(execution_id: str, claimed_seq: int) -> int:
    """The span of the activation that began with the claim of that sequence number."""
    return span_id_of(execution_id, "activation", claimed_seq)


def log_ids(execution_id: str, events: Sequence[Event]) -> dict[str, str]:
    """What every log line of an activation carries, whether traces are exported or not."""
    claimed_seq = next((event.seq for event in reversed(events) if event.kind == kinds.CLAIMED), 0)
    return {
        "execution": execution_id,
        "trace_id": f"{trace_id_of(execution_id):032x}",
        "span_id": f"{activation_id(execution_id, claimed_seq):016x}",
    }


def uniform_id(execution_id: str) -> int:
    """16 bytes that are random in every bit, for samplers: in a UUIDv7 some are fixed, others count."""
    return _hashed(execution_id, size=16)


def is_sampled(execution_id: str, ratio: float) -> bool:
    """Whether a trace is among the share that is exported: the same answer in every worker."""
    return uniform_id(execution_id) < ratio * (1 << 128)


def _hashed(text: str, *, size: int) -> int:
    # Zero is no valid id.
    return int.from_bytes(blake2b(text.encode(), digest_size=size).digest(), "big") or 1
