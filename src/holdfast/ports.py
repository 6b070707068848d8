"""The seams: what the core asks of the world, each one small Protocol or function type."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol, TypeAlias

from holdfast.types import (
    Alert,
    AlertChange,
    AlertRule,
    Append,
    Appended,
    Approval,
    ApprovalStatus,
    Cached,
    Claimed,
    Closed,
    Context,
    Conversation,
    DeadLetter,
    Decision,
    Default,
    Effect,
    Event,
    Execution,
    GoodResult,
    Health,
    Json,
    NewExecution,
    Observed,
    OnChange,
    Outgoing,
    Proposal,
    Reply,
    Ruling,
    SetAside,
    Status,
    Swept,
)

NewId: TypeAlias = Callable[[], str]
"""Makes ids: unique, and sorted by time (UUIDv7)."""

Rule: TypeAlias = Callable[[Conversation], Reply | Awaitable[Reply]]
"""A rule-based model: plain code that sees the conversation and answers like a model."""

ReviewRule: TypeAlias = Callable[[Proposal], Decision]
"""Says of one call whether it may run, needs a person, or may not run. Pure."""


class Clock(Protocol):
    """Time, so that tests and replay can hold it still."""

    def now(self) -> datetime:
        """The wall clock, in UTC, with time zone."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never going back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class LanguageModel(Protocol):
    """A model instance of the model library (pydantic-ai), e.g. one with a base URL of your own."""

    @property
    def model_name(self) -> str:
        """The provider's name for it."""
        ...

    @property
    def system(self) -> str:
        """The provider."""
        ...


class Tool(Protocol):
    """A declared tool. Made by `holdfast.tool`."""

    @property
    def name(self) -> str: ...
    @property
    def description(self) -> str: ...
    @property
    def effect(self) -> Effect: ...
    @property
    def timeout_s(self) -> float | None:
        """Seconds one attempt may take; `None`: the agent's `step_timeout_s`."""
        ...

    @property
    def retries(self) -> int:
        """Further attempts after a failed one, for `read` and `idempotent` tools."""
        ...

    @property
    def on_change(self) -> OnChange: ...
    @property
    def parameters(self) -> Mapping[str, Json]:
        """JSON schema of the arguments."""
        ...

    @property
    def schema_hash(self) -> str:
        """SHA-256 over name, effect and parameters: changes when a recorded call could mean another thing."""
        ...

    @property
    def has_probe(self) -> bool: ...

    @property
    def review(self) -> ReviewRule | None:
        """The declared review rule; `None`: undeclared, so an irreversible call is asked every time."""
        ...

    @property
    def fallback(self) -> "Fallback | None":
        """What stands in for it when it failed for good and did not happen."""
        ...

    @property
    def personal(self) -> bool:
        """Whether its results may depend on who asks: kept ones are then nobody else's."""
        ...

    def validate(self, arguments: Mapping[str, Json]) -> Mapping[str, Json]:
        """The arguments, checked and completed with defaults, as JSON.

        Raises:
            InvalidArguments: They do not fit; the message says which and why.
        """
        ...

    def typed(self, arguments: Mapping[str, Json]) -> object:
        """Validated arguments as the function gets them: attributes with Python values (`args.amount > 100`)."""
        ...

    async def run(self, context: Context[object], arguments: Mapping[str, Json]) -> object:
        """Run it once. Arguments have passed `validate`."""
        ...

    async def ask_probe(self, context: Context[object], arguments: Mapping[str, Json]) -> object | None:
        """Ask whether an effect of unknown outcome happened: its result, or `None` if it did not."""
        ...

    def difference(self, value: object) -> str | None:
        """How a result is not of the type that the tool declares; `None`: it is, or it declares none."""
        ...


Fallback: TypeAlias = Tool | Cached | Default
"""What may stand in for a tool."""


class Journal(Protocol):
    """The truth about executions: append-only, fenced, group-committed."""

    async def append(self, append: Append) -> Appended:
        """Make one step durable. Returns after the commit; waits while the database is away.

        Raises:
            StaleFence: Another worker holds the execution.
            CancelRequested: `refuse_if_cancelled` was set and somebody asked to cancel.
            IllegalTransition: The status may not follow the present one.
            ApprovalUnusable: A used approval is not decided, was used before, or covers something else.
            ApprovalWithdrawn: Somebody said no after the yes.
        """
        ...

    async def events(self, execution_id: str, *, after: int = 0, limit: int | None = None) -> Sequence[Event]:
        """Events with a sequence number above `after`, in order."""
        ...

    async def cancel_requested(self, execution_id: str) -> bool:
        """Whether somebody asked to cancel: for when a call begins without a commit that would tell."""
        ...

    async def blob(self, digest: str) -> bytes:
        """A stored payload by its SHA-256.

        Raises:
            NotFound: There is none.
        """
        ...

    async def put_blob(self, content: bytes, *, media_type: str) -> str:
        """Store a payload once, durably, and return its SHA-256."""
        ...

    async def keep_result(self, result: GoodResult, *, max_age_s: float) -> None:
        """Keep a tool's good result in the place of an older one; results of that tool past `max_age_s` go."""
        ...

    async def last_result(self, tool: str, key: str, *, schema_hash: str, max_age_s: float) -> GoodResult | None:
        """The kept result of a tool under a key, with its age, unless it is older than `max_age_s`."""
        ...


class Store(Protocol):
    """What doors may ask about and do to executions."""

    async def start(self, new: NewExecution) -> Execution:
        """Store a pending execution. The same idempotency key and input give the first one back.

        Raises:
            IdempotencyConflict: The key was used for another input.
        """
        ...

    async def get(self, execution_id: str) -> Execution:
        """One execution with its tool calls.

        Raises:
            NotFound: There is none.
        """
        ...

    async def list(  # noqa: PLR0913 - one filter each
        self,
        *,
        status: Status | None = None,
        agent: str | None = None,
        user: str | None = None,
        thread: str | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Sequence[Execution]:
        """Newest first, without tool calls; `after` is the id of the last one seen."""
        ...

    async def approvals(
        self, *, status: ApprovalStatus | None = "open", execution_id: str | None = None
    ) -> Sequence[Approval]:
        """Oldest first."""
        ...

    async def approval(self, approval_id: str) -> Approval:
        """One approval.

        Raises:
            NotFound: There is none.
        """
        ...

    async def decide(self, ruling: Ruling) -> Approval:
        """Record an answer and, when it was the last open question, wake the execution: one commit.

        Where several people must agree, a yes is one vote; a no decides at once, also over a yes not used yet.

        Raises:
            AlreadyDecided: It was answered, expired or withdrawn, or that person said so before; the message says
                by whom and when.
        """
        ...

    async def cancel(self, execution_id: str, *, by: str) -> Execution:
        """Cancel what does not run at once, withdrawing its open approvals; ask the worker of what runs.

        Raises:
            IllegalTransition: It has ended.
        """
        ...

    async def retry(self, execution_id: str, *, by: str, back: SetAside | None = None) -> Execution:
        """Make a failed execution pending again, to go on after its last durable step, or before turns set aside.

        Raises:
            IllegalTransition: It has not failed, or went on since `back` was worked out.
        """
        ...

    async def dead_letters(
        self, *, agent: str | None = None, reason: str | None = None, since: datetime | None = None, limit: int = 100
    ) -> Sequence[DeadLetter]:
        """Executions that ended failed, the newest failure first."""
        ...

    def health(self) -> Health:
        """Whether writes are taken now. Never blocks."""
        ...

    def watch(self, execution_id: str) -> AsyncIterator[None]:
        """Ticks after each commit that may have touched the execution; may tick too often, never too seldom."""
        ...

    def settle(self, execution_id: str) -> AsyncIterator[None]:
        """Ticks at once, then whenever it may have ended or begun to wait for a person."""
        ...

    async def close(self) -> None:
        """Write what is queued, then let go of the database."""
        ...


class Queue(Protocol):
    """What an engine asks: who is next, who is dead, when to look again."""

    async def register(self, worker_id: str, *, host: str, pid: int, lease_s: float) -> None:
        """Announce a worker with a live lease."""
        ...

    async def renew(self, worker_id: str, *, lease_s: float) -> bool:
        """Prolong the lease; `False` when it had already been given up for dead.

        Called from a thread with an event loop of its own, so that a busy event loop does not lose the lease.
        """
        ...

    async def retire(self, worker_id: str) -> None:
        """End the lease; executions it still holds become claimable at once."""
        ...

    async def claim(
        self, worker_id: str, *, agents: Sequence[str], limit: int, only: str | None = None
    ) -> Sequence[Claimed]:
        """Take up to `limit` pending executions that are due, by priority, then age; `only` one id.

        Each gets status `running`, this worker as lease owner, a higher fence and an
        `execution.claimed` event, in one commit.
        """
        ...

    async def append(self, append: Append) -> Appended:
        """As `Journal.append`: how an engine gives back an execution whose activation broke."""
        ...

    async def sweep(self, *, dead: Sequence[str] = ()) -> Swept:
        """Release executions of workers whose lease ran out (or that are named `dead`), expire approvals."""
        ...

    async def workers(self) -> Sequence[tuple[str, str, int]]:
        """Workers with an unexpired lease: id, host, pid."""
        ...

    async def holders(self, agents: Sequence[str]) -> Mapping[str, datetime]:
        """Workers that hold running executions of these agents, and when their leases end unless renewed."""
        ...

    async def next_due(self, agents: Sequence[str]) -> datetime | None:
        """When the next parked execution or open approval needs attention, if any."""
        ...

    async def wait_for_work(self, *, timeout_s: float) -> None:
        """Return when something may have become claimable, or after `timeout_s`."""
        ...


class Channel(Protocol):
    """A way to people: Slack, Telegram, e-mail, a webhook."""

    @property
    def name(self) -> str:
        """What rows of the outbox call it."""
        ...

    async def send(self, outgoing: Outgoing) -> str | None:
        """Deliver a question or an alert. A second attempt with the same id is one message where the service can.

        Returns:
            How the service calls the message, for `update`; `None` when it cannot be changed any more.

        Raises:
            DeliveryFailed: The service did not take it, or nobody knows whether it did.
        """
        ...

    async def update(self, ref: str, closed: Closed) -> None:
        """Let an earlier message say what became of its question. Doing it twice is doing it once.

        Raises:
            DeliveryFailed: The service did not take it.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Outbox(Protocol):
    """Deliveries that were promised in the commit of what they tell, until they are done or given up.

    A row is due, held by a worker for a while, then sent, due again later, or dead. A hold that runs out makes the row
    due again: its worker died, and nobody knows whether the message went out.
    """

    async def due(self, worker_id: str, *, channel: str, limit: int, hold_s: float) -> Sequence[Outgoing]:
        """Take up to `limit` rows of a channel that are due, oldest first, and hold them for `hold_s` seconds.

        Taking counts as an attempt. A `Card` of an approval that is no longer open is never handed out. A `Closed` is
        not handed out while a card of the same approval and channel is held: its message would be missed.
        """
        ...

    async def sent(self, outgoing_id: str, *, worker_id: str, ref: str | None) -> None:
        """It is delivered; keep the service's reference. Does nothing when another worker holds it by now."""
        ...

    async def failed(self, outgoing_id: str, *, worker_id: str, error: str, next_at: datetime | None) -> None:
        """It was not delivered: due again at `next_at`, or dead (`None`). Nothing, when another worker holds it."""
        ...

    async def refs(self, approval_id: str, *, channel: str) -> Sequence[str]:
        """References of the delivered messages about an approval, oldest first."""
        ...

    async def wait_for_mail(self, channel: str, *, timeout_s: float) -> None:
        """Return when a row of the channel may have become due, or after `timeout_s`."""
        ...


class AlertDesk(Protocol):
    """Where alerts are kept, and what they are judged from."""

    async def hold_watch(self, worker_id: str, *, for_s: float) -> bool:
        """Be the one that looks after alerts for so many seconds; `False`: another worker is."""
        ...

    async def alerts(self) -> Sequence[Alert]:
        """Those that are not over."""
        ...

    async def observe(self, rules: Sequence[AlertRule], *, since: datetime) -> Observed:
        """How everything stands that these rules ask about; of budgets those charged after `since`, or alerting."""
        ...

    async def settle_alerts(self, worker_id: str, changes: Sequence[AlertChange]) -> bool:
        """Store what changed and promise people a word about it, in one commit; `False`: another worker looks now."""
        ...


class UsedAnswers(Protocol):
    """Which answers from outside were accepted before, so that a recorded one cannot be played again."""

    async def was_used(self, key: str) -> bool:
        """Whether it was accepted before."""
        ...

    async def use(self, key: str, *, until: datetime) -> None:
        """Remember it, at least until it would be refused for its age. Best in the commit of what it decides."""
        ...
