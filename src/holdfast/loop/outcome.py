"""What came of a call, in the journal and in its row."""

import asyncio
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, Literal

from holdfast.loop.activation import Activation
from holdfast.loop.good_results import keep_good
from holdfast.loop.history import ApprovalState, CallState
from holdfast.tools.execute import FailureClass, Outcome
from holdfast.trail import events as kinds
from holdfast.trail.codec import as_text, stored
from holdfast.trail.redact import Redactor
from holdfast.types import CallChange, CallStatus, Json

LARGE_BYTES: Final = 256 * 1024
"""Secrets in a result of this size are searched for in a thread: 10 MB take about a second."""


WORDS_OF_A_FAILURE: Final = 300
"""Of each failure before a fallback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoodIn:
    """What gave the result of a call in its tool's place."""

    kind: Literal["tool", "cached", "default"]
    tool: str | None
    error: str
    """What failed before, in one line."""
    age_s: float | None = None

    def as_event(self) -> dict[str, Json]:
        """It as it stands in the journal."""
        age_s = None if self.age_s is None else round(self.age_s, 3)
        return {"kind": self.kind, "tool": self.tool, "age_s": age_s, "error": self.error}

    def words(self, status: CallStatus) -> str:
        """What the model is told before the result, in one line."""
        match self.kind:
            case "cached":
                old = f"{age(self.age_s or 0.0)} old; it may be out of date"
                return (
                    f"[{self.error}. What follows is the last good result of {self.tool} for these arguments, {old}.]"
                )
            case "default":
                nothing = "" if status == "completed" else " It did not happen."
                return f"[{self.error}.{nothing} What follows is a default value for this case, not a result.]"
            case "tool" if status == "completed":
                return f"[{self.error}. What follows is the result of its fallback {self.tool}.]"
            case "tool":
                return f"[{self.error}. Its fallback {self.tool} was to serve the call instead.]"


def age(seconds: float) -> str:
    """So many seconds, as a person says it."""
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def failed_so_far(activation: Activation, call: CallState, outcome: Outcome) -> str:
    """The failures of a call in one line: its own, after those that led to this tool."""
    said = " ".join(activation.desk.redactor.text(outcome.error or outcome.content).split())
    said = said if len(said) <= WORDS_OF_A_FAILURE else f"{said[: WORDS_OF_A_FAILURE - 6]} [...]"
    before = f"{call.origin.error}; " if call.origin else ""
    return f"{before}{call.tool} failed: {said.rstrip('.')}"


async def record_outcome(activation: Activation, call: CallState, outcome: Outcome) -> None:
    """Keep what came of a call; its payload, if large, once and by content."""
    outcome = await redacted(outcome, activation.desk.redactor)
    if outcome.blob:
        await activation.desk.journal.put_blob(outcome.blob.content, media_type=outcome.blob.media_type)
    await keep_good(activation, call, outcome)
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
        failure=outcome.failure,
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
    failure: FailureClass | None = None,
    stood_in: StoodIn | None = None,
) -> None:
    """Record the end of a call, or of an attempt that ended in doubt or is to be tried later."""
    redactor = activation.desk.redactor
    is_json = status == "completed" and blob is None and not isinstance(output, str | None)
    clean, text = (None, None) if output is None else stored(output, redactor)
    # Redacted as JSON where it is JSON: a rule for text would leave something that nobody can read. Text is redacted
    # with the event that it goes into.
    content = as_text(clean) if is_json and clean is not output else content
    error = redactor.text(error) if error else None
    more: dict[str, Json] = {"failure": failure} if failure else {}
    if call.origin or stood_in:
        stood_in = stood_in or served_by(call)
        more["fallback"], content = stood_in.as_event(), f"{stood_in.words(status)}\n{content}"
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
            **more,
        },
        changed(
            call,
            status,
            output=clean,
            output_text=text,
            error=error,
            attempt=attempt,
            latency_ms=latency_ms,
            ended=activation,
        ),
        looked_at=content is clean and not (error or more),
    )


def served_by(call: CallState) -> StoodIn:
    """The fallback that serves a call."""
    return StoodIn(kind="tool", tool=call.tool, error=call.origin.error if call.origin else "")


def changed(  # noqa: PLR0913 - the columns of a call's row
    call: CallState,
    status: CallStatus,
    *,
    output: Json = None,
    output_text: str | None = None,
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
        tool_name=call.asked,
        effect=call.origin.effect if call.origin else call.effect,
        idempotency_key=call.id,
        # What was attempted has its row already, and there what it was asked; a fallback may be asked something else.
        tool_input=call.arguments if call.origin or not attempt else None,
        tool_output=output,
        output_text=output_text,
        attempt=attempt or call.attempts + 1,
        latency_ms=latency_ms,
        error=error,
        finished_at=ended.desk.clock.now() if ended and over else None,
    )


def drop_open_calls(activation: Activation) -> None:
    """The execution is being cancelled: say of each call that was decided what became of it."""
    for call in activation.history.open_calls():
        if activation.history.children_of(call.id):
            end_call(activation, call, "failed", "Cancelled with the execution that asked for it.")
        elif call.effect == "irreversible" and call.status in {"running", "in_doubt"} and not call.fresh:
            end_call(activation, call, "in_doubt", "Cancelled before anybody knew whether it happened.")
        else:
            end_call(activation, call, "denied", "Not run: the execution was cancelled.")


def refusal(answer: ApprovalState) -> str:
    """A no, or silence, in words."""
    if answer.answer is None:
        asked = f" ({answer.note})" if answer.note else ""
        return f"Nobody answered in time{asked}, which counts as no."
    return f"{answer.by} said no{f': {answer.note}' if answer.note else '.'}"
