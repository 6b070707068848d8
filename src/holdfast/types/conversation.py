"""What a rule-based model decides from."""

from collections.abc import Mapping
from dataclasses import dataclass

from holdfast.types.call import CallStatus, Effect
from holdfast.types.value import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """A finished (or refused) call as a rule sees it."""

    tool: str
    arguments: Mapping[str, Json]
    status: CallStatus
    result: Json
    """The tool's result, or what the model was told instead."""
    effect: Effect = "read"
    """Of the tool that ran: the one asked for, or its fallback."""
    fallback: str | None = None
    """What gave the result in the tool's place: the name of another tool, `"cached"` or `"default"`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """What a rule-based model decides from.

    A rule is called once a turn with the conversation so far. It keeps no state of its own: everything it
    needs is here, so it may be resumed on another machine.
    """

    input: Json
    """What this execution was asked."""
    calls: tuple[CallRecord, ...]
    """Every call of this execution so far, in order."""
    notes: tuple[str, ...]
    """Words from people and from Holdfast since the input, in order: guidance, corrections, thread history."""
    tools: tuple[str, ...]
    user: str | None
    closing: bool
    """True when limits ran out and only a short closing summary is wanted."""
