"""One uninterrupted stretch of work on an execution: what it knows, and its only way to write."""

from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import cast

from holdfast.errors import ApprovalUnusable, CancelRequested, DeadlineExceeded, NotAdmitted
from holdfast.loop.desk import Cast, Desk
from holdfast.loop.fold import apply, replay
from holdfast.loop.history import History
from holdfast.loop.prompt import Prompt
from holdfast.policy import approval as asking
from holdfast.policy.limits import Spent
from holdfast.teams.ceiling import within
from holdfast.trail import events as kinds
from holdfast.trail.codec import stored
from holdfast.types import (
    ENDED,
    Admission,
    Append,
    Appended,
    ApprovalUse,
    CallChange,
    Claimed,
    Execution,
    Json,
    Limits,
    ModelUsage,
    NewApproval,
    NewEvent,
    NewExecution,
    Report,
    Status,
)


class Draft:
    """What the next commit will hold of one sort."""

    def __init__(self) -> None:
        self.events: list[NewEvent] = []
        self.calls: dict[str, CallChange] = {}
        self.approvals: list[NewApproval] = []
        self.uses: list[ApprovalUse] = []
        self.grants: list[str] = []
        self.children: list[NewExecution] = []
        self.reports: list[Report] = []


DECISIONS = frozenset({kinds.CALL_DECIDED, kinds.CALL_ENDED})
"""Intents that say what was decided; they are worth keeping when nothing of it may start."""


def waiting(change: CallChange) -> CallChange:
    """A call's row when the call may not start."""
    return replace(change, status="pending") if change.status == "running" else change


def unstarted(event: NewEvent) -> dict[str, Json]:
    """A decided call's status when it may not start."""
    return {"status": "pending"} if event.kind == kinds.CALL_DECIDED else {}


class Activation:
    """The working copy of one execution.

    `fact` and `intend` take events into the history at once and gather them for the next `commit`. Facts
    happened and are stored whatever comes; intents (a call that starts, a question that opens, a model call)
    are dropped when somebody asked to cancel. Nothing with an effect may run between `intend` and `commit`.
    """

    def __init__(self, desk: Desk, claimed: Claimed) -> None:
        self.desk = desk
        self.execution: Execution = claimed.execution
        self.id = claimed.execution.id
        self.cast: Cast = desk.casts[claimed.execution.agent_type]
        self.history = History()
        self.prompt = Prompt()
        replay(self.history, claimed.events)
        self.limits: Limits = within(self.cast.agent.limits, self.history.ceiling)
        """The agent's, and of a child no more than its parent held for it."""
        self.over = False
        """True when this activation has nothing more to do: ended, parked or let go."""
        self._just_committed = False
        """Nothing happened since the last commit, which would have told of a wish to cancel."""
        self._began: datetime = desk.clock.now()
        self._facts, self._intents = Draft(), Draft()
        self.probing = set[str]()
        """Tools whose call under way is the one probe of a half-open breaker."""
        self.known_seq = claimed.events[-1].seq if claimed.events else 0
        """The last event that is known, as long as nobody else wrote any."""
        self.heeds_cancel = True
        """False while it undoes what it did: that goes on whatever is asked."""
        self.standing: Json = None
        """What it waits for and how far it is, for people; `None`: which model answered last."""

    @property
    def spent(self) -> Spent:
        """What counts against the limits since the start or the last retry."""
        history, (steps, tokens, usd, calls) = self.history, self.history.since
        return Spent(
            steps=history.step - steps,
            tokens=history.all_tokens - tokens,
            cost_usd=history.all_usd - usd,
            tool_calls=history.tool_calls - calls,
        )

    @property
    def has_intents(self) -> bool:
        """Whether something waits for a commit before it may start."""
        return bool(self._intents.events)

    def seconds_left(self) -> float:
        """Activity left under `total_timeout_s`, or time until its deadline where that comes first."""
        now = self.desk.clock.now()
        active = self.history.active_s + (now - self._began).total_seconds()
        left_s, due_by = self.limits.total_timeout_s - active, self.execution.due_by
        return left_s if due_by is None else min(left_s, (due_by - now).total_seconds())

    @property
    def is_overdue(self) -> bool:
        """Whether its deadline has passed."""
        return self.execution.due_by is not None and self.execution.due_by <= self.desk.clock.now()

    def fact(
        self, kind: str, data: Mapping[str, Json], call: CallChange | None = None, *, looked_at: bool = False
    ) -> None:
        """Something happened: it will be stored even if the execution is being cancelled.

        Args:
            kind: Of the event.
            data: Of the event.
            call: The row of a call that changes with it. Default: none.
            looked_at: Whether everything in it that others wrote has been searched for secrets. Default: no.
        """
        self._record(self._facts, kind, data, call, looked_at=looked_at)

    def learned(self, kind: str, data: Mapping[str, Json]) -> Mapping[str, Json]:
        """A fact to go on from.

        Returns:
            The data as the record has it, without secrets; the same object where there are none.
        """
        return self._record(self._facts, kind, data, None)

    def intend(
        self,
        kind: str,
        data: Mapping[str, Json],
        call: CallChange | None = None,
        use: ApprovalUse | None = None,
        *,
        looked_at: bool = False,
    ) -> None:
        """Something is about to start: it is stored before it does, or refused. `looked_at` as of a fact."""
        self._record(self._intents, kind, data, call, looked_at=looked_at)
        if use:
            self._intents.uses.append(use)

    def use_grant(self, grant: str) -> None:
        """Let the next commit use a standing yes once; refused, it is refused as a whole."""
        self._intents.grants.append(grant)

    def start_child(self, child: NewExecution, data: Mapping[str, Json]) -> None:
        """Let an execution begin with the next commit that serves one of this turn's calls."""
        self._record(self._intents, kinds.CHILD_STARTED, data, None)
        self._intents.children.append(child)

    def ask(self, approval: NewApproval) -> None:
        """Open a question to people."""
        approval = replace(approval, requested_by=self.history.user)
        self._record(self._intents, kinds.APPROVAL_OPENED, asking.as_event(approval), None)
        self._intents.approvals.append(approval)

    def report(self, *reports: Report) -> None:
        """How calls went, for the breakers; stored with the next commit."""
        self._facts.reports.extend(reports)

    def commit(self, admission: Admission | None = None) -> Coroutine[None, None, Appended]:
        """Make everything gathered durable. To be awaited.

        Args:
            admission: What it needs leave for. Default: nothing.

        Raises:
            NotAdmitted: There is no leave for it now; the facts are still here, the intents are gone.
            CancelRequested: Somebody asked to cancel; the facts are still here, the intents are gone.
            ApprovalUnusable: An approval covers nothing of this; the facts are still here, the intents are gone.
            StaleFence: The execution belongs to another worker now.
        """
        return self._write(status=None, admission=admission)

    async def heed_cancel(self) -> None:
        """Before a call begins whose intent is durable already: nothing new may start after a wish to cancel.

        Raises:
            CancelRequested: Somebody asked to cancel.
        """
        if not self._just_committed and await self.desk.journal.cancel_requested(self.id):
            raise CancelRequested

    async def park(
        self, reason: str, *, status: Status, wake_at: datetime | None = None, for_news: bool = False
    ) -> None:
        """Leave the worker until a person answers, or a time comes; `for_news`: unless something came meanwhile."""
        when = wake_at.isoformat() if wake_at else None
        self._record(self._intents, kinds.PARKED, {"reason": reason, "wake_at": when}, None)
        await self._write(status=status, reason=reason, wake_at=wake_at, for_news=for_news)
        self.over = True

    async def park_for(self, seconds: float, reason: str) -> None:
        """Leave the worker for a while."""
        await self.park(reason, status="pending", wake_at=self.desk.clock.now() + timedelta(seconds=seconds))

    async def complete(self, result: Json, *, use: ApprovalUse | None = None) -> None:
        """End with a result.

        Args:
            result: The result.
            use: The approval it rests on. Default: none.

        Raises:
            ApprovalUnusable: The approval does not cover the result; nothing ended.
        """
        history = self.history
        data: dict[str, Json] = {"result": result, "rung": history.rung, "model": history.model}
        if use:
            self.intend(kinds.COMPLETED, data, use=use)
        else:
            self._say_last(kinds.COMPLETED, data)
        await self._write(status="completed", result=result)
        self.over = True

    async def fail(self, reason: str, error: str, *, result: Json = None) -> None:
        """End with a named reason, keeping what there is of a result."""
        self._say_last(kinds.FAILED, {"reason": reason, "error": error, "result": result})
        await self._write(status="failed", reason=reason, error=error, result=result)
        self.over = True

    def forget_intents(self) -> None:
        """What had not started never will; what was decided is kept."""
        for event in self._intents.events:
            if event.kind in DECISIONS:
                self._facts.events.append(NewEvent(kind=event.kind, data={**event.data, **unstarted(event)}))
                self._facts.calls |= {key: waiting(change) for key, change in self._intents.calls.items()}
            elif event.kind == kinds.CHILD_STARTED:
                del self.history.children[str(event.data["call_id"])]
            elif event.kind == kinds.STEP_STARTED:
                self.history.flow.forget_start(str(event.data["name"]))
            elif event.kind == kinds.MODEL_REQUESTED:
                self.history.settle(keep=False)
        self._intents = Draft()

    async def end_cancelled(self, *, by: str = "request") -> None:
        """Store what happened and end as cancelled."""
        self.forget_intents()
        self.fact(kinds.CANCELLED, {"by": by})
        await self._write(status="cancelled", reason="CANCELLED")
        self.over = True

    def _say_last(self, kind: str, data: Mapping[str, Json]) -> None:
        """Put an end behind everything that is still to be stored: whoever follows the journal stops there."""
        self._record(self._intents if self.has_intents else self._facts, kind, data, None)

    def _record(
        self,
        draft: Draft,
        kind: str,
        data: Mapping[str, Json],
        call: CallChange | None = None,
        *,
        looked_at: bool = False,
    ) -> Mapping[str, Json]:
        # What is gone on with is what a resumed execution would read.
        found, text = stored(data, None if looked_at else self.desk.redactor)
        data = cast("Mapping[str, Json]", found)
        apply(self.history, kind, data)
        self._just_committed = False
        draft.events.append(NewEvent(kind=kind, data=data, text=text))
        if call:
            draft.calls[call.id] = call
        return data

    def _usage(self) -> tuple[ModelUsage, ...]:
        return tuple(
            ModelUsage(
                model=model,
                provider=used.provider,
                calls=used.calls,
                failed_calls=used.failed_calls,
                input_tokens=used.input_tokens,
                output_tokens=used.output_tokens,
                cache_read_tokens=used.cache_read_tokens,
                cache_write_tokens=used.cache_write_tokens,
                cost_usd=used.cost_usd,
                latency_ms=round(used.latency_ms, 3),
            )
            for model, used in self.history.used.items()
        )

    def _produced_by(self) -> Json:
        """Which rung of the chain gave the newest answer."""
        history = self.history
        return {"model": history.model, "rung": history.rung, "degraded": history.rung > 0} if history.model else None

    async def _write(  # noqa: PLR0913 - what a status may bring with it
        self,
        *,
        status: Status | None,
        admission: Admission | None = None,
        reason: str | None = None,
        error: str | None = None,
        result: Json = None,
        wake_at: datetime | None = None,
        for_news: bool = False,
    ) -> Appended:
        facts, intents, history = self._facts, self._intents, self.history
        ends, (unknown_tokens, unknown_usd) = status in ENDED, history.unknown
        try:
            appended = await self.desk.journal.append(
                Append(
                    execution_id=self.id,
                    fence=self.execution.fence,
                    events=(*facts.events, *intents.events),
                    status=status,
                    status_reason=reason,
                    step_count=history.step,
                    token_count=history.tokens,
                    cost_usd=history.cost_usd,
                    reserved_tokens=history.held_tokens,
                    reserved_usd=history.held_usd,
                    unknown_tokens=unknown_tokens,
                    unknown_usd=unknown_usd,
                    result=result,
                    error=error,
                    wake_at=wake_at,
                    calls=(*facts.calls.values(), *intents.calls.values()),
                    approvals=tuple(intents.approvals),
                    uses=tuple(intents.uses),
                    children=tuple(intents.children),
                    parent_id=self.execution.parent_id if ends else None,
                    abandons=ends and bool(history.at_work),
                    refuse_if_cancelled=bool(intents.events) and self.heeds_cancel,
                    known_seq=self.known_seq if for_news else None,
                    admission=_with_grants(admission, intents.grants),
                    reports=tuple(facts.reports),
                    state=(self.standing or self._produced_by()) if status else None,
                    usage=self._usage() if status else (),
                )
            )
        except (CancelRequested, DeadlineExceeded, ApprovalUnusable, NotAdmitted):
            self.forget_intents()
            raise
        self.known_seq += len(facts.events) + len(intents.events)
        self._facts, self._intents = Draft(), Draft()
        self._just_committed = True
        self.probing.update(appended.probing_tools)
        return appended


def _with_grants(admission: Admission | None, grants: Sequence[str]) -> Admission | None:
    return replace(admission or Admission(), grants=tuple(grants)) if grants else admission
