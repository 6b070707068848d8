"""Ways to people: channels out, answers in, alerts."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime
from typing import Protocol

from holdfast.types import (
    Alert,
    AlertChange,
    AlertRule,
    Closed,
    Observed,
    Outgoing,
    PruneBatch,
    PruneRule,
)


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


class PruneDesk(Protocol):
    """Where what is old is taken away."""

    async def hold_watch(self, worker_id: str, *, for_s: float, what: str) -> bool:
        """Be the one that does something for so many seconds; `False`: another one is."""
        ...

    def prune(self, rule: PruneRule, *, by: str) -> AsyncGenerator[PruneBatch]:
        """Prune by a rule, a value for each step."""
        ...

    def forget_payloads(self) -> AsyncGenerator[PruneBatch]:
        """Take away payloads that nobody refers to, a value for each step."""
        ...


class UsedAnswers(Protocol):
    """Which answers from outside were accepted before, so that a recorded one cannot be played again."""

    async def was_used(self, key: str) -> bool:
        """Whether it was accepted before."""
        ...

    async def use(self, key: str, *, until: datetime) -> None:
        """Remember it, at least until it would be refused for its age. Best in the commit of what it decides."""
        ...
