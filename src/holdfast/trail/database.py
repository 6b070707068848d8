"""What the writer asks of a database: transactions, the rows a batch needs, the rows it writes."""

from collections.abc import Iterable
from typing import Literal, Protocol, TypeAlias

from holdfast.trail.batch import Needs
from holdfast.trail.claiming import WaitingRows
from holdfast.trail.controls.cell import Data, Key
from holdfast.trail.credentials_sql import Became
from holdfast.trail.ledger import Ledger
from holdfast.trail.requests import Badge, Mail, Prune, Retire, Row, Sweep
from holdfast.trail.worker_requests import Lease, Steer
from holdfast.types import Peer, PruneBatch

Verdict: TypeAlias = Literal["away", "again", "stale", "data"]
"""Of an error: the database is away for now; another process was faster, try again at once; so too, for what was
remembered is not true any more, and nothing was committed; the data is at fault."""


class Database(WaitingRows, Protocol):
    """One connection, used by one thread."""

    def begin(self) -> None:
        """Connect if need be, and open a transaction that no other of this writer overlaps."""
        ...

    def commit(self) -> None:
        """Make everything since `begin` durable."""
        ...

    def abandon(self) -> None:
        """Undo what is open and let go of the connection. Never raises."""
        ...

    def judge(self, error: Exception) -> Verdict:
        """What an error of any of these methods means."""
        ...

    def load(self, needs: Needs) -> Ledger:
        """Lock and read the rows a batch names."""
        ...

    def version(self) -> str:
        """Which definitions of `agent_controls` are in force."""
        ...

    def definitions(self) -> list[tuple[Key, Data]]:
        """All that every process keeps of them."""
        ...

    def cells(self, keys: Iterable[Key]) -> dict[Key, Data]:
        """Rows of `agent_controls`, locked."""
        ...

    def has_event(self, event: Row) -> bool:
        """Whether this very event, or entry of the operators' record (number and hash), was committed."""
        ...

    def abandoned(self, sweep: Sweep | Retire) -> Ledger:
        """Running executions whose worker has no live lease, locked; dead workers are forgotten."""
        ...

    def overdue(self, sweep: Sweep) -> Ledger:
        """Open approvals past their time, with their executions, locked."""
        ...

    def late(self, sweep: Sweep) -> set[str]:
        """Executions that were to have ended by now and that no worker holds."""
        ...

    def lease(self, request: Lease) -> bool:
        """Register a worker or prolong its lease; `False` when it has none any more."""
        ...

    def peers(self, request: Sweep) -> tuple[Peer, ...]:
        """Workers with a live lease."""
        ...

    def steer(self, request: Steer) -> int | None:
        """Drain a worker (1; 0: it drains already), or unpin executions (how many); `None`: there is none."""
        ...

    def mail(self, request: Mail | Sweep) -> tuple[Row, ...]:
        """Take rows of the outbox, say what became of one, or (a sweep) let go of what the dead held."""
        ...

    def badge(self, request: Badge) -> Became:
        """Make a credential, end one, or note that it was used."""
        ...

    def prune(self, request: Prune) -> tuple[PruneBatch, Data | None]:
        """Take away executions or payloads; with what the operators' record is to say of it."""
        ...

    def write(self, ledger: Ledger) -> None:
        """Write what was decided."""
        ...
