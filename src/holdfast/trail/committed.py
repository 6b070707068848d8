"""What a transaction made durable, told to those who count or export it; costs nothing while nobody listens."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import structlog

from holdfast.trail.batch import Outcome
from holdfast.trail.ledger import Ledger
from holdfast.trail.requests import Request, Row

log = structlog.get_logger("holdfast.trail")


@dataclass(frozen=True, slots=True, kw_only=True)
class Committed:
    """One transaction that is durable, as this process wrote it."""

    requests: Sequence[Request]
    outcomes: Sequence[Outcome]
    """What came of each request; an exception where it was refused."""
    ledgers: Sequence[Ledger]
    """What was written: one for the batch, and one for each search in it. Not to be changed."""
    took_s: float
    """Seconds from the beginning of the transaction until it was durable."""

    @property
    def events(self) -> Iterator[Row]:
        """Rows of the journal, as `heads.EVENT_COLUMNS` orders them; those of one execution in their order."""
        for ledger in self.ledgers:
            yield from ledger.events


Observer: TypeAlias = Callable[[Committed], None]
"""Called on the writer's thread, after everybody who waited for the commit was told. It must neither wait nor raise."""


class Observers:
    """Those who are told of each commit of this process."""

    def __init__(self) -> None:
        self._each: tuple[Observer, ...] = ()

    def __bool__(self) -> bool:
        return bool(self._each)

    def add(self, observer: Observer) -> None:
        """Tell it of commits from now on."""
        self._each = (*self._each, observer)

    def remove(self, observer: Observer) -> None:
        """Tell it no more."""
        self._each = tuple(one for one in self._each if one != observer)

    def tell(self, committed: Committed) -> None:
        """Tell them all. One that fails is left out from then on: it must not hinder writing."""
        for observer in self._each:
            try:
                observer(committed)
            except Exception:
                self.remove(observer)
                log.exception("observer_failed")
