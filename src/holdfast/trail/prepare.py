"""Turns what callers ask into requests: redacted, encoded, dated. Runs on the caller's thread."""

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final, cast

from holdfast.errors import UsageError
from holdfast.ports import Clock
from holdfast.trail.codec import BLOB_BYTES, Codec, NewBlob, canonical, pack, stamp, stays
from holdfast.trail.events import RETRIED, SIGNAL_RECEIVED, VERSIONS
from holdfast.trail.redact import Redactor
from holdfast.trail.requests import AppendStep, Decide, EventText, Retry, Row, Send, Start
from holdfast.trail.votes import ladder_text
from holdfast.types import Append, CallChange, Json, NewApproval, NewEvent, NewExecution, Ruling, SetAside

_PLAIN_CHARACTERS: Final = BLOB_BYTES // 4
"""So few that no value among them can be large enough for a blob."""
_HIGHEST_PRIORITY: Final = 2**31 - 1
"""Of a column of both databases."""
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class Preparer:
    """Prepares writes with one codec, one set of redaction rules and one clock."""

    def __init__(self, *, redactor: Redactor, clock: Clock) -> None:
        self._codec = Codec(redactor)
        self._redactor = redactor
        self._clock = clock

    def now(self) -> str:
        """The time, as the database stores it."""
        return stamp(self._clock.now())

    def append(self, append: Append) -> AppendStep:
        """One step of an execution.

        Raises:
            UsageError: It has no event, an event of an unknown kind, or a wake time without `pending`.
            TypeError: It holds something that is no JSON.
        """
        if not append.events:
            raise UsageError("an append needs an event: state is what the events add up to")
        if append.wake_at is not None and append.status != "pending":
            raise UsageError("wake_at goes with status 'pending' only")
        if append.reports:
            told = tuple(replace(report, reason=self.words(report.reason)) for report in append.reports)
            append = replace(append, reports=told)
        blobs: list[NewBlob] = []
        at = self.now()
        events = [self._event(event, blobs) for event in append.events]
        # One look for secrets over everything else at once: most steps have none, and the look has a fixed cost.
        texts = iter(self._encode(_values(append), blobs))
        return AppendStep(
            append,
            events,
            next(texts),
            next(texts),
            self._words(append.error),
            _stamp(append.wake_at),
            _stamp(append.deadline),
            [self._call(append.execution_id, change, next(texts), next(texts), blobs) for change in append.calls],
            [self._question(append.execution_id, new, at, next(texts)) for new in append.approvals],
            append.uses,
            blobs,
            at,
            [self.start(child) for child in append.children],
        )

    def start(self, new: NewExecution) -> Start:
        """A new execution.

        Raises:
            UsageError: Its started event is of an unknown kind, or a name in it cannot be stored.
        """
        for name in (new.id, new.agent_type, new.user_id, new.thread_id, new.idempotency_key):
            if not isinstance(cast("object", name), str | None):
                raise UsageError(f"{name!r} is no text: user, thread and idempotency_key are strings or None")
            if name is not None and _UNSTORABLE.search(name):
                raise UsageError(f"{name!r} has characters that no database stores (NUL or half a surrogate pair)")
        new = self._without_secret_names(new)
        if type(new.priority) is not int or abs(new.priority) > _HIGHEST_PRIORITY:
            raise UsageError(f"priority={new.priority!r}: give a whole number up to {_HIGHEST_PRIORITY:,}")
        blobs: list[NewBlob] = []
        encoded = self._codec.encode(new.input_data)
        blobs.extend(encoded.blobs)
        return Start(
            new=new,
            input_text=encoded.text,
            started=self._event(new.started, blobs),
            blobs=blobs,
            at=self.now(),
            start_at=_stamp(new.start_at),
            due_by=_stamp(new.due_by),
        )

    def decide(self, ruling: Ruling) -> Decide:
        """A person's answer.

        Raises:
            UsageError: It does not say who answers, or its words are none.
        """
        if not isinstance(cast("object", ruling.note), str | None):
            raise UsageError(f"note={ruling.note!r} is no text: give words, or leave it out")
        blobs: list[NewBlob] = []
        return Decide(
            approval_id=ruling.approval_id,
            answer=ruling.answer,
            by=self.who(ruling.by),
            note=self._words(ruling.note),
            edit=self._data(ruling.edit, blobs),
            edit_digest=ruling.edit_digest,
            blobs=blobs,
            at=self.now(),
        )

    def retry(self, execution_id: str, *, by: str, back: SetAside | None) -> Retry:
        """A retry, from an earlier step where `back` says so.

        Raises:
            UsageError: It does not say who retries.
        """
        data: dict[str, Json] = {"by": self.who(by)}
        if back is not None:
            happened = [dict(item) for item in back.happened]
            data |= {"from_step": back.from_step, "told": back.told, "happened": happened}
        blobs: list[NewBlob] = []
        return Retry(
            execution_id=execution_id,
            event=self._event(NewEvent(kind=RETRIED, data=data), blobs),
            blobs=blobs,
            last_seq=back.last_seq if back else None,
            at=self.now(),
        )

    def send(self, execution_id: str, name: str, payload: Json, *, by: str, signal_id: str) -> Send:
        """Something that is sent to an execution.

        Raises:
            UsageError: It has no name, no id, or does not say who sends it.
            TypeError: The payload is no JSON.
        """
        for what, value in (("name", name), ("id", signal_id)):
            if not isinstance(cast("object", value), str) or not value.strip():
                raise UsageError(f"{what}={value!r}: give text, e.g. app.send(execution, 'docs.signed', {{}})")
        signal_id = self.words(signal_id)
        data: dict[str, Json] = {"id": signal_id, "name": self.words(name), "payload": payload, "by": self.who(by)}
        blobs: list[NewBlob] = []
        event = self._event(NewEvent(kind=SIGNAL_RECEIVED, data=data), blobs)
        return Send(execution_id=execution_id, id=signal_id, event=event, blobs=blobs, at=self.now())

    def who(self, by: object) -> str:
        """Who does something, as the record has it.

        Raises:
            UsageError: It names nobody.
        """
        if not isinstance(by, str) or not by.strip():
            raise UsageError(f"by={by!r} names nobody: say who it is, for the record, e.g. by='ann@example.com'")
        return _UNSTORABLE.sub("\ufffd", self._redactor.text(by))

    def user(self, name: str | None) -> str | None:
        """Whose request it is, as the record has it."""
        return self._redactor.identity(name, "user", "user_id") if name else name

    def thread(self, name: str | None) -> str | None:
        """Which conversation it is part of, as the record has it."""
        return self._redactor.identity(name, "thread", "thread_id") if name else name

    def key(self, name: str) -> str | None:
        """An idempotency key, as the record has it."""
        return self._redactor.identity(name, "idempotency_key")

    def _without_secret_names(self, new: NewExecution) -> NewExecution:
        user, thread, key = self.user(new.user_id), self.thread(new.thread_id), new.idempotency_key
        key = self._redactor.identity(key, "idempotency_key") if key else key
        if (user, thread, key) == (new.user_id, new.thread_id, new.idempotency_key):
            return new
        started = replace(new.started, data={**new.started.data, "user": user, "thread": thread})
        return replace(new, user_id=user, thread_id=thread, idempotency_key=key, started=started)

    def words(self, text: str) -> str:
        """Words for the record, without secrets."""
        return self._words(text) or ""

    def _event(self, event: NewEvent, blobs: list[NewBlob]) -> EventText:
        version = _known(event)
        if event.text is not None and stays(event.text):
            return event.kind, version, event.text
        encoded = self._codec.encode(event.data) if event.text is None else pack(event.data, event.text)
        blobs.extend(encoded.blobs)
        return event.kind, version, encoded.text

    def _encode(self, values: Sequence[Json], blobs: list[NewBlob]) -> Sequence[str | None]:
        texts = [None if value is None else canonical(value) for value in values]
        joined = "\n".join([text for text in texts if text is not None])
        if not joined:
            return texts
        if len(joined) <= _PLAIN_CHARACTERS and '$blob"' not in joined and not self._redactor.suspects(joined):
            return texts
        return [self._data(value, blobs) for value in values]

    def _data(self, value: Json, blobs: list[NewBlob], known: str | None = None) -> str | None:
        if value is None:
            return None
        if known is not None and stays(known):
            return known
        encoded = self._codec.encode(value) if known is None else pack(value, known)
        if encoded.blobs:
            blobs.extend(encoded.blobs)
        return encoded.text

    def _words(self, text: str | None) -> str | None:
        return None if text is None else _UNSTORABLE.sub("\ufffd", self._redactor.text(text))

    def _call(
        self, execution_id: str, change: CallChange, asked: str | None, came: str | None, blobs: list[NewBlob]
    ) -> Row:
        if change.input_text is not None:
            asked = self._data(change.tool_input, blobs, change.input_text)
        if change.output_text is not None:
            came = self._data(change.tool_output, blobs, change.output_text)
        return (
            execution_id,
            change.id,
            change.step_number,
            change.tool_name,
            asked,
            came,
            change.status,
            change.effect,
            change.idempotency_key,
            change.attempt,
            change.latency_ms,
            self._words(change.error),
            _stamp(change.called_at),
            _stamp(change.finished_at),
        )

    def _question(self, execution_id: str, new: NewApproval, at: str, arguments: str | None) -> Row:
        return (
            new.id,
            execution_id,
            new.call_id,
            new.kind,
            "open",
            new.tool_name,
            arguments,
            new.digest,
            new.schema_hash,
            self._words(new.question),
            self._words(new.reason),
            new.gate,
            new.risk,
            at,
            stamp(new.expires_at),
            stamp(min([*(due.at for due in new.ladder), new.expires_at])),
            new.reviewers,
            new.quorum,
            new.requested_by,
            ladder_text(new.ladder),
        )


def _values(append: Append) -> list[Json]:
    values: list[Json] = [append.state, append.result]
    for change in append.calls:
        values += (
            change.tool_input if change.input_text is None else None,
            change.tool_output if change.output_text is None else None,
        )
    values += [new.arguments for new in append.approvals]
    return values


def _known(event: NewEvent) -> int:
    if VERSIONS.get(event.kind) != event.version:
        raise UsageError(f"event {event.kind!r} version {event.version} is not in trail.events.VERSIONS")
    return event.version


def _stamp(at: datetime | None) -> str | None:
    return None if at is None else stamp(at)
