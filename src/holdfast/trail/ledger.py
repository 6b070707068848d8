"""What one transaction will write, gathered request by request, before any of it is written."""

from collections.abc import Iterable, Sequence

from holdfast.errors import NotFound
from holdfast.trail import events
from holdfast.trail.codec import NewBlob, canonical, chain
from holdfast.trail.heads import Head, Question, Started
from holdfast.trail.requests import KeepResult, Row
from holdfast.types import ENDED, Json, Status


class Ledger:
    """Working copies of the rows a batch touches, and the rows it adds.

    Later requests of a batch see what earlier ones did. Nothing here reads a clock or a database.
    """

    def __init__(
        self, heads: Iterable[Head] = (), questions: Iterable[Question] = (), started: Iterable[Started] = ()
    ) -> None:
        self.heads = {head.id: head for head in heads}
        self.questions: dict[str, Question] = {}
        self._asked: dict[str, list[Question]] = {}
        for question in questions:
            self.add_question(question)
        self.started_by_id = {s.id: s for s in started}
        self.started_by_key = {(s.agent_type, s.idempotency_key): s for s in started if s.idempotency_key}
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
        """Executions that ended or begin to wait for a person."""
        return [execution_id for execution_id, head in self.moved.items() if head.status not in {"pending", "running"}]

    def witness(self) -> Row | None:
        """An event that exists if, and only if, this was committed."""
        return self.events[-1] if self.events else None

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

    def note(self, head: Head, kind: str, data: Json, at: str) -> None:
        """Record an event of the store's own."""
        self.record(head, [(kind, events.VERSIONS[kind], canonical(data))], at)

    def move(
        self, head: Head, status: Status, *, at: str, reason: str | None = None, wake_at: str | None = None
    ) -> None:
        """Give an execution a status other than `running`, and so take it from its worker."""
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

    def withdraw(self, head: Head, question: Question, *, reason: str, at: str) -> None:
        """Take back a question that needs no answer any more."""
        question.status, question.decided_at = "withdrawn", at
        self.changed_questions[question.id] = question
        self.note(head, events.APPROVAL_WITHDRAWN, {**named(question), "reason": reason}, at)

    def wake_if_answered(self, head: Head, *, reason: str, at: str) -> None:
        """Make an execution claimable when none of its questions is open."""
        if head.status == "awaiting_review" and not self.open_questions(head.id):
            self.move(head, "pending", reason=reason, at=at)


def named(question: Question) -> dict[str, Json]:
    """How the store's events name an approval."""
    return {"approval_id": question.id, "kind": question.kind, "call_id": question.call_id}
