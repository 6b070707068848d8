"""What came of a call, in the journal and in its row."""

import asyncio
from dataclasses import replace
from hashlib import sha256
from typing import Final

from holdfast.loop.activation import Activation
from holdfast.loop.history import ApprovalState, CallState
from holdfast.tools.execute import Outcome
from holdfast.trail import events as kinds
from holdfast.trail.codec import as_text, storable
from holdfast.trail.redact import Redactor
from holdfast.types import CallChange, CallStatus, Json

LARGE_BYTES: Final = 256 * 1024
"""Secrets in a result of this size are searched for in a thread: 10 MB take about a second."""


async def record_outcome(activation: Activation, call: CallState, outcome: Outcome) -> None:
    """Keep what came of a call; its payload, if large, once and by content."""
    outcome = await redacted(outcome, activation.desk.redactor)
    if outcome.blob:
        await activation.desk.journal.put_blob(outcome.blob.content, media_type=outcome.blob.media_type)
    end_call(
        activation,
        call,
        "pending" if outcome.status == "later" else outcome.status,
        outcome.content,
        output=outcome.output,
        error=outcome.error,
        attempt=outcome.attempts,
        latency_ms=outcome.latency_ms,
        blob=outcome.blob.digest if outcome.blob else None,
    )


async def redacted(outcome: Outcome, redactor: Redactor) -> Outcome:
    """The outcome as the journal, the model and people may see it."""
    blob = outcome.blob
    if blob is None:
        return outcome
    content, size = blob.content, len(blob.content)
    clean = redactor.content(content) if size < LARGE_BYTES else await asyncio.to_thread(redactor.content, content)
    if clean == content:
        return outcome
    digest = sha256(clean).hexdigest()
    return replace(
        outcome,
        blob=replace(blob, content=clean, digest=digest),
        content=outcome.content.replace(blob.digest, digest),
    )


def end_call(  # noqa: PLR0913 - the fields of an outcome
    activation: Activation,
    call: CallState,
    status: CallStatus,
    content: str,
    *,
    output: Json = None,
    error: str | None = None,
    attempt: int = 0,
    latency_ms: float = 0.0,
    blob: str | None = None,
) -> None:
    """Record the end of a call, or of an attempt that ended in doubt or is to be tried later."""
    redactor = activation.desk.redactor
    is_json = status == "completed" and blob is None and not isinstance(output, str | None)
    clean = storable(output, redactor)
    # Redacted as JSON where it is JSON: a rule for text would leave something that nobody can read.
    content = content if is_json and clean is output else as_text(clean) if is_json else redactor.text(content)
    error = redactor.text(error) if error else None
    activation.fact(
        kinds.CALL_ENDED,
        {
            "call_id": call.id,
            "status": status,
            "content": content,
            "json": is_json,
            "blob": blob,
            "error": error,
            "attempt": attempt,
            "latency_ms": round(latency_ms, 3),
        },
        changed(call, status, output=clean, error=error, attempt=attempt, latency_ms=latency_ms, ended=activation),
    )


def changed(  # noqa: PLR0913 - the columns of a call's row
    call: CallState,
    status: CallStatus,
    *,
    output: Json = None,
    error: str | None = None,
    attempt: int = 0,
    latency_ms: float | None = None,
    ended: Activation | None = None,
) -> CallChange:
    """A call's row in a new status."""
    over = ended is not None and status in {"completed", "failed", "denied"}
    return CallChange(
        id=call.id,
        status=status,
        step_number=call.step,
        tool_name=call.tool,
        effect=call.effect,
        idempotency_key=call.id,
        tool_input=call.arguments,
        tool_output=output,
        attempt=attempt or call.attempts + 1,
        latency_ms=latency_ms,
        error=error,
        finished_at=ended.desk.clock.now() if ended and over else None,
    )


def drop_open_calls(activation: Activation) -> None:
    """The execution is being cancelled: say of each call that was decided what became of it."""
    for call in activation.history.open_calls():
        if call.effect == "irreversible" and call.status in {"running", "in_doubt"} and not call.fresh:
            end_call(activation, call, "in_doubt", "Cancelled before anybody knew whether it happened.")
        else:
            end_call(activation, call, "denied", "Not run: the execution was cancelled.")


def refusal(answer: ApprovalState) -> str:
    """A no, or silence, in words."""
    if answer.answer is None:
        return "Nobody answered in time, which counts as no."
    return f"{answer.by} said no{f': {answer.note}' if answer.note else '.'}"
