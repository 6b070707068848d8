"""What a writer remembers of the controls between its transactions."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from holdfast.trail.controls.breaker import BreakerRules
from holdfast.trail.controls.cell import WATCH, Cells, Data, Key
from holdfast.trail.controls.known import Known
from holdfast.trail.controls.shared import Shared, account_keys, keys_for, newcomer, request_keys, subject_of
from holdfast.trail.ledger import Ledger
from holdfast.trail.requests import (
    AppendStep,
    Cancel,
    Fire,
    HoldWatch,
    Manage,
    Request,
    Retry,
    SettleAlerts,
    Start,
    TopUp,
    UseAnswer,
)


class ControlRows(Protocol):
    """The part of a database that keeps controls."""

    def version(self) -> str:
        """Which definitions are in force."""
        ...

    def definitions(self) -> list[tuple[Key, Data]]:
        """All that every process keeps."""
        ...

    def cells(self, keys: Iterable[Key]) -> dict[Key, Data]:
        """Rows, locked until the end of the transaction."""
        ...


class Keeper:
    """Keeps the definitions as long as their version is the one in the database."""

    def __init__(self, rules: BreakerRules) -> None:
        self._rules = rules
        self._known: Known | None = None

    def known(self, rows: ControlRows) -> Known:
        """The definitions in force now."""
        version = rows.version()
        if self._known is None or self._known.version != version:
            self._known = Known.of(version, rows.definitions())
        return self._known

    def shared(self, rows: ControlRows, batch: Sequence[Request], ledger: Ledger) -> Shared:
        """The controls as this transaction needs them, locked."""
        known = self.known(rows)
        keys: set[Key] = set()
        for request in batch:
            keys |= wanted(known, request, ledger)
        return Shared(known, Cells(keys, rows.cells(keys) if keys else {}), self._rules)

    def forget(self) -> None:
        """The definitions may have changed in a way that this process has not seen."""
        self._known = None


def wanted(known: Known, request: Request, ledger: Ledger) -> set[Key]:  # noqa: C901, PLR0912 - one case for each request
    """Rows that one request needs."""
    keys: set[Key] = set()
    match request:
        case AppendStep(append=asked):
            head = ledger.heads.get(asked.execution_id)
            concerned = not known.silent or asked.reports or (asked.admission and asked.admission.grants)
            if head and concerned:
                keys = keys_for(known, subject_of(head), asked, datetime.fromisoformat(request.at))
        case Cancel() | Retry():
            head = ledger.heads.get(request.execution_id)
            if head and known.budgets:
                keys = account_keys(known, subject_of(head))
        case Start(new=new):
            if known.rates:
                keys = request_keys(known, newcomer(new.agent_type, new.user_id))
        case UseAnswer():
            keys = {("answer", request.key)}
        case HoldWatch():
            keys = {(WATCH[0], request.what)}
        case Fire():
            keys = {(request.kind, request.key)}.union(*(wanted(known, one, ledger) for one in request.starts))
            keys = keys.union(*(wanted(known, one, ledger) for one in request.cancels))
        case SettleAlerts():
            keys = {WATCH, *(("alert", change.alert.key) for change in request.changes)}
        case Manage():
            keys = {(request.kind, request.key), *request.touches}
        case TopUp():
            keys = {("account", f"{request.budget}:{request.subject}")}
        case _:
            pass
    return keys
