"""What one transaction will write, gathered request by request, before any of it is written."""

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from hashlib import sha256
from typing import Literal, TypeAlias

from holdfast.errors import NotFound
from holdfast.trail import events
from holdfast.trail.codec import NewBlob, canonical, chain
from holdfast.trail.controls import tell
from holdfast.trail.controls.breaker import BreakerRules
from holdfast.trail.controls.cell import Cells, Data
from holdfast.trail.controls.known import Known
from holdfast.trail.controls.shared import Leave, Shared, subject_of
from holdfast.trail.heads import Head, Question, Started
from holdfast.trail.requests import KeepResult, Row
from holdfast.types import ENDED, Append, Json, Status

AWAY = "CHILDREN"
"""Why an execution is parked that waits for the ends of its children."""
WAITS = frozenset({"WAITING", "AGENTS"})
"""Why a workflow is parked that goes on as soon as anything comes: an end, an answer, a signal."""
Told: TypeAlias = Literal["opened", "reminded", "escalated", "decided", "expired", "withdrawn"]
"""What people are told about a question."""


class Ledger:
    """Working copies of the rows a batch touches, and the rows it adds.

    Later requests of a batch see what earlier ones did. Nothing here reads a clock or a database.
    """

    def __init__(
        self,
        heads: Iterable[Head] = (),
        questions: Iterable[Question] = (),
        started: Iterable[Started] = (),
        family: Iterable[tuple[str | None, str]] = (),
        signals: Iterable[tuple[str, str]] = (),
    ) -> None:
        self.heads = {head.id: head for head in heads}
        self.questions: dict[str, Question] = {}
        self._asked: dict[str, list[Question]] = {}
        for question in questions:
            self.add_question(question)
        self.started_by_id = {s.id: s for s in started}
        self.started_by_key = {(s.agent_type, s.idempotency_key): s for s in started if s.idempotency_key}
        self.family: dict[str, list[str]] = {}
        """Descendants of executions that end or are cancelled, by these."""
        for root, below in family:
            if root is not None:
                self.family.setdefault(root, []).append(below)
        self.signals = set(signals)
        """Executions and ids of what was sent to them, of those that are sent now."""
        self.advanced: dict[str, Head] = {}
        """Executions of which only unindexed columns change."""
        self.moved: dict[str, Head] = {}
        """Executions that change status, lease or wake time."""
        self.events: list[Row] = []
        self.calls: dict[str, Row] = {}
        self.new_executions: list[Row] = []
        self.new_questions: list[Row] = []
        self.changed_questions: dict[str, Question] = {}
        self.blobs: dict[str, tuple[NewBlob, str]] = {}
        self.results: dict[Row, KeepResult] = {}
        """Good results of tools, by tool and key."""
        self.shared = Shared(Known(), Cells(), BreakerRules())
        """What every worker obeys; the writer puts the real one here."""
        self.feedback: list[tuple[str, Row]] = []
        """What people corrected, each with the approval that says what it was."""
        self.outgoing: list[Row] = []
        """What people are to be told: rows of the outbox."""
        self.audits: list[tuple[str, Data, str]] = []
        """Kind, data and time of what goes on the operators' record."""
        self.entered: Row | None = None
        """Number and hash of the last of these, once they are written."""
        self.usage: list[Row] = []
        """What executions have had from models so far."""
        self.wakes: set[str] = set()
        """Reasons for which executions are parked that may go on now."""
        self.at = ""
        """The time of the transaction, for rows that have none of their own."""
        self.work = False
        """Whether something became claimable."""
        self.ended = False
        """Whether an execution ended or parked for people."""

    # --- reading

    def head(self, execution_id: str) -> Head:
        """The working copy of an execution's row.

        Raises:
            NotFound: There is no such execution.
        """
        if (head := self.heads.get(execution_id)) is None:
            raise NotFound(f"no execution {execution_id!r}")
        return head

    def open_questions(self, execution_id: str) -> Sequence[Question]:
        """Approvals of an execution that nobody has answered."""
        return [q for q in self._asked.get(execution_id, ()) if q.status == "open"]

    def touched(self) -> set[str]:
        """Executions of which anything changes."""
        return {*self.advanced, *self.moved, *(str(row[0]) for row in self.new_executions)}

    def settled(self) -> list[str]:
        """Executions that ended, or begin to wait for a person or for others."""
        return [
            execution_id
            for execution_id, head in self.moved.items()
            if head.status not in {"pending", "running"} or head.waits_for
        ]

    def witness(self) -> Row | None:
        """An event, or an entry of the operators' record, that exists if, and only if, this was committed."""
        return self.events[-1] if self.events else self.entered

    # --- writing

    def add_question(self, question: Question) -> None:
        """Know an approval."""
        self.questions[question.id] = question
        self._asked.setdefault(question.execution_id, []).append(question)

    def keep(self, blobs: Iterable[NewBlob], at: str) -> None:
        """Store payloads, each once."""
        for blob in blobs:
            self.blobs.setdefault(blob.digest, (blob, at))

    def record(self, head: Head, texts: Iterable[tuple[str, int, str]], at: str) -> None:
        """Give events their places and hashes at the end of an execution's chain."""
        seq, last = head.last_seq, head.last_hash
        execution_id = head.id
        for kind, version, text in texts:
            seq += 1
            last = chain(last, execution_id=execution_id, seq=seq, kind=kind, version=version, at=at, text=text)
            self.events.append((execution_id, seq, kind, version, text, at, last))
        head.last_seq, head.last_hash, head.updated_at = seq, last, at
        self.advanced[execution_id] = head

    def leave(self, head: Head, asked: Append, at: str) -> Leave | None:
        """What the controls say of a step, before anything is changed.

        Raises:
            NotAdmitted: It may not go ahead.
        """
        admission = asked.admission
        if self.shared.known.silent and not asked.reports and not (admission and admission.grants):
            # The usual case, turn after turn: nothing is in force that could say no.
            return Leave(rung=admission.candidates[0].rung) if admission and admission.candidates else None
        if admission is None and not asked.reports and not self.shared.known.charges:
            return None
        return self.shared.leave(subject_of(head), asked, datetime.fromisoformat(at))

    def take(self, granted: Leave, at: str) -> None:
        """Do what a leave changes."""
        self.shared.take(granted)
        self.audits += [(kind, data, at) for kind, data in granted.audits]

    def note(self, head: Head, kind: str, data: Json, at: str) -> None:
        """Record an event of the store's own."""
        self.record(head, [(kind, events.VERSIONS[kind], canonical(data))], at)

    def move(
        self, head: Head, status: Status, *, at: str, reason: str | None = None, wake_at: str | None = None
    ) -> None:
        """Give an execution a status other than `running`, and so take it from its worker."""
        if head.status == "running" and self.shared.known.terms.limits:
            self.work = True  # there is room for another one
        head.status, head.status_reason = status, reason
        head.lease_owner = head.claimed_at = head.deadline = None
        head.wake_at = wake_at if status == "pending" else None
        head.updated_at = at
        self.moved[head.id] = head
        if status == "pending":
            self.work = True
        else:
            self.ended = True
        if status in ENDED:
            head.completed_at = at
            for question in self.open_questions(head.id):
                self.withdraw(head, question, reason=status, at=at)
            self.tell_parent(head, at)

    def withdraw(self, head: Head, question: Question, *, reason: str, at: str) -> None:
        """Take back a question that needs no answer any more."""
        question.status, question.decided_at = "withdrawn", at
        self.changed_questions[question.id] = question
        self.note(head, events.APPROVAL_WITHDRAWN, {**named(question), "reason": reason}, at)
        self.tell("withdrawn", question, at)

    def tell(self, what: Told, question: Question, at: str, *, group: str | None = None) -> None:
        """Promise people a word about a question, on every channel there is, in this very transaction.

        Args:
            what: Has happened.
            question: As it stands now.
            at: When.
            group: Who is told. Default: the group that was asked first.
        """
        kind = "card" if what in {"opened", "reminded", "escalated"} else "closed"
        told: Data = {"what": what, "approval_id": question.id, "group": group or question.reviewers}
        if kind == "closed":
            edited = question.edit is not None
            told |= {"status": question.status, "at": at, "by": question.decided_by, "note": question.note}
            told |= {"edited": edited}
        known = self.shared.known.channels
        places = tell.addresses(known, told["group"]) if kind == "card" else tell.updated(known)
        for channel, to in places:
            name = f"{question.id}:{what}:{len(self.outgoing)}:{at}"
            self.post(name, channel, kind, question.id, {**told, "to": to}, at)

    def post(self, name: str, channel: str, kind: str, subject: str, data: Data, at: str) -> None:  # noqa: PLR0913, PLR0917 - a row
        """Put one delivery into the outbox, under an id that is made of `name` and where it goes."""
        row_id = sha256(f"{name}:{channel}:{data['to']}".encode()).hexdigest()[:32]
        self.outgoing.append((row_id, channel, kind, subject, canonical(data), "queued", 0, at, at))

    def tell_parent(self, head: Head, at: str) -> None:
        """Put a child's end into its parent's journal, and wake the parent when it was the last one."""
        call_id, head.parent_call = head.parent_call, None
        parent = self.heads.get(head.parent_id or "")
        if call_id is None or parent is None or parent.status in ENDED:
            return
        tokens = head.token_count + head.unknown_tokens + head.family_tokens
        usd = Decimal(head.cost_usd) + Decimal(head.unknown_usd) + Decimal(head.family_usd)
        parent.waits_for -= 1
        parent.descendants += 1 + head.descendants
        parent.family_tokens += tokens
        parent.family_usd = str(Decimal(parent.family_usd) + usd)
        self.moved[parent.id] = parent
        told: dict[str, Json] = {
            "call_id": call_id, "child_id": head.id, "agent": head.agent_type, "status": head.status,
            "reason": head.status_reason, "error": head.error,
            "result": json.loads(head.result) if head.result else None,
            "steps": head.step_count, "tokens": tokens, "cost_usd": str(usd), "descendants": head.descendants,
        }  # fmt: skip
        self.note(parent, events.CHILD_ENDED, told, at)
        self.wake_if_alone(parent, at=at)
        self.wake_if_waiting(parent, at=at)

    def wake_if_alone(self, head: Head, *, at: str) -> None:
        """Make an execution claimable that waits for children, when all of them have ended."""
        if head.status == "pending" and head.status_reason == AWAY and head.waits_for <= 0:
            self.move(head, "pending", reason="CHILDREN_ENDED", at=at)

    def wake_if_waiting(self, head: Head, *, at: str) -> None:
        """Make a workflow claimable that waits for whatever comes next."""
        if head.status == "pending" and head.status_reason in WAITS:
            self.move(head, "pending", reason="WOKEN", at=at)

    def wake_if_answered(self, head: Head, *, reason: str, at: str) -> None:
        """Make an execution claimable when none of its questions is open."""
        if head.status == "awaiting_review" and not self.open_questions(head.id):
            self.move(head, "pending", reason=reason, at=at)


def named(question: Question) -> dict[str, Json]:
    """How the store's events name an approval."""
    return {"approval_id": question.id, "kind": question.kind, "call_id": question.call_id}
