"""The one thread that writes: makes whatever waits one transaction, and tells everybody when it is durable.

While a transaction is being made durable the next batch gathers; there is no delay but that.

                 +--> load -> decide -> write -> COMMIT --> outcomes to callers, bell
    inbox -> batch
                 +-- the database is away --> say so in `health` and the log, back off, connect again, same batch again
                 +-- the data is at fault --> each request in a transaction of its own: one fails, not all

A COMMIT whose outcome is unknown is settled by looking for the last event the batch would have written, or the last
entry of the operators' record where it wrote no event: its hash exists if, and only if, the batch was applied.
"""

import asyncio
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, TypeAlias

import structlog

from holdfast.errors import HoldfastError, StoreError, StoreUnavailable
from holdfast.trail.batch import Needs, Outcome, Result, decide_one, needs
from holdfast.trail.bell import News
from holdfast.trail.claiming import Claiming
from holdfast.trail.codec import stamp
from holdfast.trail.committed import Committed, Observers
from holdfast.trail.controls.breaker import BreakerRules
from holdfast.trail.controls.cell import VERSION
from holdfast.trail.controls.keeper import Keeper
from holdfast.trail.database import Database
from holdfast.trail.inbox import Inbox, Waiting
from holdfast.trail.ledger import Ledger
from holdfast.trail.overdue import REASON as OVERDUE
from holdfast.trail.overdue import fail_overdue, is_overdue
from holdfast.trail.prune_sql import entry_of
from holdfast.trail.requests import (
    Badge,
    Cancel,
    Claim,
    Issue,
    Mail,
    Prune,
    Request,
    Retire,
    Row,
    Search,
    Sweep,
    Touch,
    Withdraw,
)
from holdfast.trail.rulings import attend, claim, take_over
from holdfast.trail.worker_requests import Drain, Lease, Register, Renew, Steer, Unpin
from holdfast.trail.workers_sql import audited
from holdfast.types import Forgetting, Health, PruneBatch, Pruning, Swept

log = structlog.get_logger("holdfast.trail")

_Other: TypeAlias = Search | Lease | Steer | Mail | Badge
"""What is not decided in one ledger with the rest of a batch."""
_FIRST_PAUSE_S: Final = 0.02
_LONGEST_PAUSE_S: Final = 1.0
_SILENT_S: Final = 5.0
"""A transaction that takes longer counts as a database that does not answer."""
_RACES: Final = 5
"""How often a batch may lose to another process before its requests are tried one by one."""


@dataclass(slots=True)
class _Attempt:
    """What a batch came to, as far as is known before its commit is certain."""

    outcomes: list[Outcome]
    news: News
    witness: Row | None = None
    ledgers: list[Ledger] = field(default_factory=list[Ledger])


@dataclass(frozen=True, slots=True)
class _Trouble:
    reason: str
    since: datetime


class Writer:
    """Owns the writing connection and its thread.

    Args:
        database: The connection; only this writer's thread uses it.
        now: The clock, for `health`.
        ring: Called on the writer's thread after each commit with what it changed.
        capacity: Requests that may wait in line.
        breakers: When they open, and for how long.
        observers: Told of each commit.
    """

    def __init__(  # noqa: PLR0913 - what it works with
        self,
        database: Database,
        *,
        now: Callable[[], datetime],
        ring: Callable[[News], None],
        capacity: int,
        breakers: BreakerRules,
        observers: Observers,
    ) -> None:
        self._database = database
        self._now = now
        self._ring = ring
        self._inbox = Inbox(capacity)
        self._keeper = Keeper(breakers)
        self._observers = observers
        self._claiming = Claiming(database, self._take)
        self._taking = _Attempt([], News())
        """The attempt that a claim is part of."""
        self._done: list[Committed] = []
        """Commits that observers have not been told of."""
        self._trouble: _Trouble | None = None
        self._unsure: _Attempt | None = None
        self._busy: tuple[float, datetime] | None = None
        """Since when a transaction is under way: for measuring, and for telling."""
        self._closing = threading.Event()
        self._give_up_at = 0.0
        self._thread = threading.Thread(target=self._work, name="holdfast-writer", daemon=True)
        self._thread.start()

    async def write(self, request: Request) -> Result:
        """Make a request durable and return what came of it, or raise why it was refused."""
        return await self._inbox.put(request)

    def health(self) -> Health:
        """Whether writes are taken now."""
        queued = len(self._inbox)
        if (trouble := self._trouble) is not None:
            return Health(ok=False, detail=trouble.reason, queued=queued, since=trouble.since)
        if (busy := self._busy) is not None and time.monotonic() - busy[0] > _SILENT_S:
            detail = f"the database has not answered for {time.monotonic() - busy[0]:.0f} s"
            return Health(ok=False, detail=detail, queued=queued, since=busy[1])
        if not self._thread.is_alive():
            return Health(ok=False, detail="closed", queued=queued)
        return Health(ok=True, detail="writing", queued=queued)

    async def close(self, *, grace_s: float = 10) -> None:
        """Write what is in line, waiting `grace_s` for a database that is away, then let go of it."""
        self._give_up_at = time.monotonic() + grace_s
        self._closing.set()
        self._inbox.close()
        while self._thread.is_alive():
            await asyncio.to_thread(self._thread.join, 1)

    # --- the thread

    def _work(self) -> None:
        try:
            while (batch := self._inbox.take()) is not None:
                outcomes = self._settle([waiting.request for waiting in batch])
                _deliver(batch, outcomes)
                self._tell()
        finally:
            self._database.abandon()

    def _tell(self) -> None:
        done, self._done = self._done, []
        for committed in done:
            self._observers.tell(committed)

    def _settle(self, batch: Sequence[Request]) -> list[Outcome]:
        """Try until the database has the batch, or has said why it never will."""
        pause_s, races = _FIRST_PAUSE_S, 0
        if self._trouble and self._closed_for_good():
            return [_lost(StoreError(self._trouble.reason))] * len(batch)
        while True:
            self._busy = (time.monotonic(), self._now())
            try:
                attempt = self._transact(batch)
            except Exception as error:  # noqa: BLE001 - whatever it is, the thread must live and callers must learn it
                self._busy = None
                self._database.abandon()
                self._keeper.forget()
                verdict = self._database.judge(error)
                if verdict == "stale":
                    self._unsure = None
                races += verdict == "again"
                if verdict == "data" or races > _RACES:
                    return self._one_by_one(batch, error)
                if verdict == "away":
                    if self._closed_for_good():
                        self._unsure = None
                        return [_lost(error)] * len(batch)
                    self._pause(error, pause_s)
                    pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            else:
                self._note(batch, attempt)
                self._busy = self._unsure = None
                self._recover()
                if attempt.news:
                    self._ring(attempt.news)
                return attempt.outcomes

    def _note(self, batch: Sequence[Request], attempt: _Attempt) -> None:
        if self._observers and self._busy:
            took_s = time.monotonic() - self._busy[0]
            self._done.append(
                Committed(requests=batch, outcomes=attempt.outcomes, ledgers=attempt.ledgers, took_s=took_s)
            )

    def _one_by_one(self, batch: Sequence[Request], error: Exception) -> list[Outcome]:
        self._unsure = None
        if len(batch) == 1:
            return [_refused(error)]
        return [outcome for request in batch for outcome in self._settle([request])]

    def _pause(self, error: Exception, pause_s: float) -> None:
        reason = f"the database is away: {str(error).strip() or type(error).__name__}"
        if self._trouble is None:
            log.warning("database_away", error=reason)
        since = self._trouble.since if self._trouble else self._now()
        self._trouble = _Trouble(reason, since)
        if not self._closing.wait(pause_s):
            return
        time.sleep(min(pause_s, max(self._give_up_at - time.monotonic(), 0.0)))

    def _recover(self) -> None:
        if self._trouble is not None:
            away_s = (self._now() - self._trouble.since).total_seconds()
            self._trouble = None
            log.warning("database_back", away_s=round(away_s, 1))

    def _closed_for_good(self) -> bool:
        return self._closing.is_set() and time.monotonic() > self._give_up_at

    def _transact(self, batch: Sequence[Request]) -> _Attempt:
        database = self._database
        database.begin()
        if self._unsure and self._unsure.witness and database.has_event(self._unsure.witness):
            database.commit()
            return self._unsure
        attempt = self._apply(batch)
        self._unsure = attempt
        database.commit()
        return attempt

    def _apply(self, batch: Sequence[Request]) -> _Attempt:
        writes = [request for request in batch if not isinstance(request, _Other)]
        attempt = _Attempt([], News())
        decided: list[Outcome] = []
        if writes:
            ledger = self._database.load(needs(writes))
            ledger.shared = self._keeper.shared(self._database, writes, ledger)
            ledger.at = stamp(self._now())
            decided = [decide_one(ledger, request) for request in writes]
            self._write(ledger, attempt)
        attempt.outcomes = decided if len(writes) == len(batch) else self._others(batch, decided, attempt)
        return attempt

    def _others(self, batch: Sequence[Request], decided: Iterable[Outcome], attempt: _Attempt) -> list[Outcome]:
        """What came of each request: what was decided of the writes, and the rest done now."""
        in_order = iter(decided)
        return [self._search(request, attempt) if isinstance(request, _Other) else next(in_order) for request in batch]

    def _search(self, request: _Other, attempt: _Attempt) -> Outcome:  # noqa: PLR0911 - one case each
        match request:
            case Register() | Renew():
                return self._database.lease(request)
            case Issue() | Withdraw() | Touch():
                return self._badge(request, attempt)
            case Drain() | Unpin():
                return self._steer(request, attempt)
            case Claim():
                return self._claim(request, attempt)
            case Retire():
                self._take_over(request, attempt, reason="RELEASED")
                return None
            case Sweep():
                taken = self._take_over(request, attempt, reason="TAKEN_OVER")
                # What is freed is due at once, and no commit of another process says so.
                attempt.news.mail = bool(self._database.mail(request)) or attempt.news.mail
                # Before questions are read: what ends takes its own back.
                self._fail_overdue(self._database.late(request), request.at, attempt)
                ledger = self._database.overdue(request)
                if ledger.questions:  # their news may have to go to channels
                    ledger.shared = self._keeper.shared(self._database, (), ledger)
                expired = sum([attend(ledger, question, request.at) for question in ledger.questions.values()])
                self._write(ledger, attempt)
                return Swept(taken_over=taken, expired=expired, peers=self._database.peers(request))
            case Pruning() | Forgetting():
                return self._prune(request, attempt)
            case _:
                return self._database.mail(request)

    def _claim(self, request: Claim, attempt: _Attempt) -> list[str]:
        self._taking = attempt
        return self._claiming.claim(self._keeper.known(self._database), request)

    def _take(self, request: Claim, ledger: Ledger) -> list[str]:
        late = {head.id for head in ledger.heads.values() if is_overdue(head, request.at)}
        for head in ledger.heads.values():
            if head.id not in late:
                claim(ledger, head, worker=request.worker_id, at=request.at)
        self._write(ledger, self._taking)
        self._fail_overdue(late, request.at, self._taking)
        return [execution_id for execution_id in ledger.heads if execution_id not in late]

    def _fail_overdue(self, ids: set[str], at: str, attempt: _Attempt) -> int:
        """End what was to have ended by now and no worker holds; how many did."""
        if not ids:
            return 0
        ledger = self._database.load(Needs(executions=ids, questions_of=ids, families=ids))
        asked = [Cancel(execution_id=execution_id, by=OVERDUE, at=at) for execution_id in ids]
        ledger.shared = self._keeper.shared(self._database, asked, ledger)
        ended = [fail_overdue(ledger, ledger.head(execution_id), at) for execution_id in sorted(ids)]
        self._write(ledger, attempt)
        return sum(ended)

    def _badge(self, request: Badge, attempt: _Attempt) -> str:
        became = self._database.badge(request)
        if became == "changed" and not isinstance(request, Touch):
            ledger = Ledger()
            ledger.at = request.at
            ledger.audits.append((*request.entry, request.at))
            self._write(ledger, attempt)
        return became

    def _steer(self, request: Steer, attempt: _Attempt) -> int | None:
        count = self._database.steer(request)
        if count:
            ledger = Ledger()
            ledger.at = request.at
            ledger.audits.append((*audited(request, count), request.at))
            ledger.work = True  # what other workers may take now
            self._write(ledger, attempt)
        return count

    def _prune(self, request: Prune, attempt: _Attempt) -> PruneBatch:
        began = time.monotonic()
        done, told = self._database.prune(request)
        if told is not None:
            ledger = Ledger()
            ledger.audits.append(entry_of(told, stamp(self._now())))
            self._write(ledger, attempt)
        return replace(done, took_s=time.monotonic() - began)

    def _take_over(self, request: Sweep | Retire, attempt: _Attempt, *, reason: str) -> int:
        ledger = self._database.abandoned(request)
        taken = [take_over(ledger, head, reason=reason, at=request.at) for head in ledger.heads.values()]
        self._write(ledger, attempt)
        return sum(taken)

    def _write(self, ledger: Ledger, attempt: _Attempt) -> None:
        if ledger.shared.redefined:
            ledger.shared.cells.put(*VERSION, {"token": secrets.token_hex(8)})
            self._keeper.forget()
        # What is defined anew, or ends a wait, may let something go that nobody saw move.
        ledger.work = ledger.work or ledger.shared.redefined or bool(ledger.wakes)
        self._database.write(ledger)
        attempt.ledgers.append(ledger)
        attempt.witness = ledger.witness() or attempt.witness
        attempt.news.add(ledger.touched(), ledger.settled(), work=ledger.work)
        attempt.news.mail = attempt.news.mail or bool(ledger.outgoing)


def _lost(error: Exception) -> Exception:
    return StoreUnavailable(f"closed while the database was away; not known to be stored: {error}")


def _refused(error: Exception) -> Exception:
    if isinstance(error, HoldfastError):
        return error
    refusal = StoreError(f"the database refused it: {type(error).__name__}: {str(error).strip()}")
    refusal.__cause__ = error
    return refusal


def _deliver(batch: Sequence[Waiting], outcomes: Sequence[Outcome]) -> None:
    """One wake-up for each event loop, whatever the size of the batch."""
    loops = {waiting.loop for waiting in batch}
    for loop in loops:
        pairs = [(w.future, o) for w, o in zip(batch, outcomes, strict=True) if w.loop is loop]
        try:
            loop.call_soon_threadsafe(_resolve, pairs)
        except RuntimeError:
            continue  # the loop is closed: nobody waits there any more


def _resolve(pairs: Sequence[tuple[asyncio.Future[Result], Outcome]]) -> None:
    for future, outcome in pairs:
        if future.done():
            continue  # its caller was cancelled; what it asked for is stored all the same
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
