"""The one place that knows exit statuses and how an error reaches the person or program that asked."""

from collections.abc import Mapping
from typing import Final

from holdfast.doors.screen import emit, note, say
from holdfast.errors import HoldfastError, UsageError
from holdfast.types import Status

OK: Final = 0
FAILED: Final = 1
USAGE: Final = 2
AWAITING_REVIEW: Final = 3
CANCELLED: Final = 4

OF_STATUS: Final[Mapping[Status, int]] = {
    "completed": OK,
    "failed": FAILED,
    "awaiting_review": AWAITING_REVIEW,
    "cancelled": CANCELLED,
    "pending": OK,
    "running": OK,
}
"""What a command that follows an execution exits with. One that is left to a worker is no failure."""

OF_ERROR: Final[Mapping[str, int]] = {
    "usage": USAGE,
    "declaration": USAGE,
    "missing_extra": USAGE,
    "not_found": USAGE,
    "pruned": USAGE,
    "invalid_arguments": USAGE,
    "holdfast_error": FAILED,
    "refused": FAILED,
    "stale_fence": FAILED,
    "cancel_requested": FAILED,
    "deadline_exceeded": FAILED,
    "illegal_transition": FAILED,
    "already_decided": FAILED,
    "approval_unusable": FAILED,
    "approval_withdrawn": FAILED,
    "not_entitled": FAILED,
    "idempotency_conflict": FAILED,
    "not_admitted": FAILED,
    "paused": FAILED,
    "unavailable": FAILED,
    "rate_limited": FAILED,
    "budget_exhausted": FAILED,
    "grant_unusable": FAILED,
    "store": FAILED,
    "store_unavailable": FAILED,
    "schema_outdated": FAILED,
    "unknown_record": FAILED,
    "journal_broken": FAILED,
    "access_denied": FAILED,
    "unauthenticated": FAILED,
    "forbidden": FAILED,
    "too_many_requests": FAILED,
    "channel": FAILED,
    "delivery_failed": FAILED,
    "forged_answer": FAILED,
    "tool_problem": FAILED,
    "tool_error": FAILED,
    "retry_later": FAILED,
    "step_failed": FAILED,
    "plan_failed": FAILED,
    "step_timed_out": FAILED,
}
"""Exit status by error code. Whatever the command as typed cannot do is `USAGE`; the rest is `FAILED`."""


def of_error(error: HoldfastError) -> int:
    """The exit status of an error; a code this table does not know counts by its branch of the tree."""
    return OF_ERROR.get(error.code, USAGE if isinstance(error, UsageError) else FAILED)


def print_error(code: str, message: str, *, as_json: bool) -> None:
    """Say what went wrong: a sentence on stderr, or with `--json` an object on stdout."""
    if as_json:
        emit({"error": {"code": code, "message": message}})
    else:
        # One line, whatever a driver or a library said: logs and scripts read lines.
        note(f"error: {' '.join(message.split())}")


def done(told: str, record: object, *, as_json: bool) -> int:
    """Say what a command changed, in words or as a record; its exit status."""
    if as_json:
        emit(record)
    else:
        say(told)
    return OK
