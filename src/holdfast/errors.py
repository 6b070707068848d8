"""Every deliberate error, in one tree, split by what its reader must do.

HoldfastError
├── UsageError                  you wrote something that cannot work; the message names the fix
│   ├── DeclarationError        an agent, tool or app is declared wrongly
│   ├── MissingExtra            install an extra of the package
│   └── NotFound                no such execution, approval, agent or blob
│       └── Pruned              there was one; what it held was pruned
├── Refused                     a write was refused; read the state again before you go on
│   ├── StaleFence              another worker has the execution now: drop it
│   ├── CancelRequested         somebody asked to cancel: start nothing new
│   ├── DeadlineExceeded        it was to have ended by now: end it
│   ├── IllegalTransition       that status cannot follow this one
│   ├── AlreadyDecided          the approval was answered before you
│   ├── ApprovalUnusable        the approval does not cover this call: ask again
│   │   └── ApprovalWithdrawn   somebody said no after the yes: do not run it
│   ├── NotEntitled             that person may not decide this: another one must
│   ├── IdempotencyConflict     the key was used for another input
│   └── NotAdmitted             not now: do as the kind says
│       ├── Paused              an operator stopped it: wait until it is resumed
│       ├── Unavailable         breakers or gates are closed: wait, or do without
│       ├── RateLimited         too fast: wait
│       ├── BudgetExhausted     a shared budget has no room: do as the budget declares
│       └── GrantUnusable       the standing yes is used up, over or revoked: ask people
├── StoreError                  the database cannot serve
│   ├── StoreUnavailable        it is away; try again later
│   ├── SchemaOutdated          run `holdfast migrate`
│   ├── UnknownRecord           written by a newer version: upgrade before reading
│   └── JournalBroken           the hash chain does not hold: somebody changed a row
├── AccessDenied                the caller may not do this
│   ├── Unauthenticated         nobody knows who asks: log in, or send a key
│   ├── Forbidden               it is known who asks, and it is not theirs to do
│   └── TooManyRequests         too fast: wait as long as it says
├── ChannelProblem              people could not be reached, or an answer cannot be trusted
│   ├── DeliveryFailed          a channel's service did not take a message
│   └── ForgedAnswer            an answer is not from whom it claims: refuse and record it
├── ToolProblem                 raised by or about a tool
│   ├── ToolError               the effect definitely did not happen
│   ├── RetryLater              it did not happen; try again after a while
│   └── InvalidArguments        the arguments do not fit the tool's schema
├── StepFailed                  a step of a workflow failed for good: go another way, or let it end the workflow
│   └── StepTimedOut            it took too long, or what it waited for did not come
└── PlanFailed                  a plan does not come to its end: the reason is named
"""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar, Literal


class HoldfastError(Exception):
    """Something in Holdfast went wrong."""

    code: ClassVar[str] = "holdfast_error"
    """Stable name of this kind of error: the contract that doors map to HTTP and exit status."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip().splitlines()[0])


class UsageError(HoldfastError):
    """The request cannot work as it is written."""

    code = "usage"


class DeclarationError(UsageError):
    """An agent, tool or app is declared in a way that cannot work."""

    code = "declaration"


class MissingExtra(UsageError):
    """A part of Holdfast that is not installed is needed."""

    code = "missing_extra"

    def __init__(self, extra: str, *, needed_for: str) -> None:
        super().__init__(f"{needed_for} needs an extra: pip install 'holdfast[{extra}]'")
        self.extra = extra


class NotFound(UsageError):
    """There is nothing with that name or id."""

    code = "not_found"


class Pruned(NotFound):
    """It was pruned: what it held is gone, as the rule of retention says."""

    code = "pruned"


class Refused(HoldfastError):
    """The write was refused; nothing of it was stored."""

    code = "refused"


class StaleFence(Refused):
    """Another worker has taken this execution over."""

    code = "stale_fence"


class CancelRequested(Refused):
    """Somebody asked to cancel this execution; no new call may start."""

    code = "cancel_requested"


class DeadlineExceeded(Refused):
    """Its deadline has passed, or comes before it could begin."""

    code = "deadline_exceeded"


class IllegalTransition(Refused):
    """That status cannot follow the present one."""

    code = "illegal_transition"


class AlreadyDecided(Refused):
    """The approval was already decided."""

    code = "already_decided"


class ApprovalUnusable(Refused):
    """The approval does not cover this call as it is now."""

    code = "approval_unusable"


class ApprovalWithdrawn(ApprovalUnusable):
    """Somebody said no after the yes, before it was used."""

    code = "approval_withdrawn"

    def __init__(self, message: str, *, approval_id: str, by: str, note: str | None) -> None:
        super().__init__(message)
        self.approval_id, self.by, self.note = approval_id, by, note


class NotEntitled(Refused):
    """That person may not decide this."""

    code = "not_entitled"


class IdempotencyConflict(Refused):
    """The idempotency key was already used for a different input."""

    code = "idempotency_conflict"


class NotAdmitted(Refused):
    """It may not begin now."""

    code = "not_admitted"

    def __init__(self, message: str, *, until: datetime | None = None) -> None:
        super().__init__(message)
        self.until = until
        """When asking again may help; `None`: nobody knows."""


class Paused(NotAdmitted):
    """An operator stopped it."""

    code = "paused"

    def __init__(self, message: str, *, kind: str, name: str, until: datetime | None = None) -> None:
        super().__init__(message, until=until)
        self.kind, self.name = kind, name


class Unavailable(NotAdmitted):
    """A circuit breaker is open, or a provider asked to be left alone."""

    code = "unavailable"

    def __init__(self, message: str, *, until: datetime | None, kind: str, name: str) -> None:
        super().__init__(message, until=until)
        self.kind, self.name = kind, name


class RateLimited(NotAdmitted):
    """A rate limit has no room now."""

    code = "rate_limited"

    def __init__(self, message: str, *, until: datetime, retry_after_s: float, over: Literal["park", "refuse"]) -> None:
        super().__init__(message, until=until)
        self.retry_after_s, self.over = retry_after_s, over


class BudgetExhausted(NotAdmitted):
    """A shared budget has no room for this."""

    code = "budget_exhausted"

    def __init__(
        self, message: str, *, until: datetime, budget: str, on_exhausted: Literal["summarise", "park", "fail"]
    ) -> None:
        super().__init__(message, until=until)
        self.budget, self.on_exhausted = budget, on_exhausted


class GrantUnusable(NotAdmitted):
    """The grant does not cover this call any more."""

    code = "grant_unusable"

    def __init__(self, message: str, *, grant: str) -> None:
        super().__init__(message)
        self.grant = grant


class StoreError(HoldfastError):
    """The database cannot serve this request."""

    code = "store"


class StoreUnavailable(StoreError):
    """The database is away; the work waits for it."""

    code = "store_unavailable"


class SchemaOutdated(StoreError):
    """The database's tables are older than this version: run `holdfast migrate`."""

    code = "schema_outdated"


class UnknownRecord(StoreError):
    """A record was written by a newer version of Holdfast: upgrade before reading it."""

    code = "unknown_record"


class JournalBroken(StoreError):
    """The journal's hash chain does not hold."""

    code = "journal_broken"


class AccessDenied(HoldfastError):
    """This caller may not do this."""

    code = "access_denied"


class Unauthenticated(AccessDenied):
    """Nobody knows who asks: send a key as `Authorization: Bearer hf_...`, or log in."""

    code = "unauthenticated"

    def __init__(self, message: str | None = None, *, guessed: bool = False) -> None:
        super().__init__(message)
        self.guessed = guessed
        """Whether a secret was given that nobody ever knew."""


class Forbidden(AccessDenied):
    """It is known who asks, and it is not theirs to do."""

    code = "forbidden"


class TooManyRequests(AccessDenied):
    """Too fast: wait."""

    code = "too_many_requests"

    def __init__(self, message: str | None = None, *, retry_after_s: float = 1) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ChannelProblem(HoldfastError):
    """People could not be reached, or what came from them cannot be trusted."""

    code = "channel"


class DeliveryFailed(ChannelProblem):
    """A channel's service did not take a message.

    Args:
        message: What the service said, without secrets.
        retry_after_s: Seconds the service asked to wait, for everything on this channel. Default: it did not say.
        permanent: The same message can never be taken (malformed, its place is gone). Default: it may be, later;
            what an operator can set right, such as a refused key, is not permanent.
    """

    code = "delivery_failed"

    def __init__(
        self, message: str | None = None, *, retry_after_s: float | None = None, permanent: bool = False
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.permanent = permanent


class ForgedAnswer(ChannelProblem):
    """An answer is not from whom it claims, or too old, or was used before.

    Args:
        reason: A stable word for the record, such as `bad_signature`.
        message: What exactly, for people.
    """

    code = "forged_answer"

    def __init__(self, reason: str, message: str | None = None) -> None:
        super().__init__(message or reason)
        self.reason = reason


class ToolProblem(HoldfastError):
    """A tool could not do what it was asked."""

    code = "tool_problem"


class ToolError(ToolProblem):
    """The tool failed and its effect definitely did not happen.

    Raise it from a tool; the message goes to the model.
    """

    code = "tool_error"


class RetryLater(ToolProblem):
    """The tool's effect did not happen and may be tried again after a while.

    Raise it from a tool. A long wait parks the execution: it costs a row, not a worker.

    Args:
        seconds: How long to wait, at least.
        message: Why, for the record. Default: none.
    """

    code = "retry_later"

    def __init__(self, seconds: float, message: str | None = None) -> None:
        super().__init__(message or f"try again in {seconds:g} s")
        self.seconds = seconds


class InvalidArguments(ToolProblem):
    """The arguments do not fit the tool's schema."""

    code = "invalid_arguments"


class StepFailed(HoldfastError):
    """A step of a workflow failed for good.

    Catch it in the workflow to go another way; uncaught, it ends the workflow.

    Args:
        step: Its name.
        error: Why.
        failure: The class of the failure: `error`, `timeout`, `refused`, `check`, `contract`, `unknown`, ...
    """

    code = "step_failed"

    def __init__(self, step: str, error: str, *, failure: str = "error") -> None:
        super().__init__(f"step {step!r} failed: {error}")
        self.step, self.error, self.failure = step, error, failure


class StepTimedOut(StepFailed, TimeoutError):
    """A step of a workflow took too long, or what it waited for did not come."""

    code = "step_timed_out"


class PlanFailed(HoldfastError):
    """A plan does not come to its end.

    Args:
        reason: A stable name: `PLAN_INVALID`, `PLAN_REJECTED`, `TASK_FAILED`, `MAX_TOKENS_EXCEEDED`, ...
        error: Why, in words.
        steps: Those that failed; a retry does them anew.
    """

    code = "plan_failed"

    def __init__(self, reason: str, error: str, *, steps: Sequence[str] = ()) -> None:
        super().__init__(error)
        self.reason, self.steps = reason, tuple(steps)
