"""What an engine asks of the database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from holdfast.types import Append, Appended, Claimed, Offer, Swept


class Queue(Protocol):
    """What an engine asks: who is next, who is dead, when to look again."""

    async def register(self, worker_id: str, *, host: str, pid: int, lease_s: float, offer: Offer = ...) -> None:
        """Announce a worker with a live lease, and what it offers."""
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
        """Take up to `limit` pending executions that are due: by priority, then agents and users in turn.

        With `only`, those are one execution and what it has started. What is pinned to a version comes only to
        workers that registered with it; one that drains gets nothing else.
        Each gets status `running`, this worker as lease owner, a higher fence and an
        `execution.claimed` event, in one commit.
        """
        ...

    async def append(self, append: Append) -> Appended:
        """As `Journal.append`: how an engine gives back an execution whose activation broke."""
        ...

    async def sweep(self, *, dead: Sequence[str] = ()) -> Swept:
        """Release executions of workers whose lease ran out (or that are named `dead`), expire approvals.

        Says which workers are left.
        """
        ...

    async def workers(self) -> Sequence[tuple[str, str, int]]:
        """Workers with an unexpired lease: id, host, pid."""
        ...

    async def keeps_pins(self, worker_id: str) -> bool:
        """Whether something stays with a version that, of all workers that do not drain, only this one has."""
        ...

    async def holders(self, agents: Sequence[str]) -> Mapping[str, datetime]:
        """Workers that hold running executions of these agents, and when their leases end unless renewed."""
        ...

    async def next_due(self, agents: Sequence[str]) -> datetime | None:
        """When the next parked execution or open approval needs attention, if any."""
        ...

    async def wait_for_work(self, *, timeout_s: float) -> bool:
        """Return when something may have become claimable, or after `timeout_s`; whether something may have."""
        ...
