"""Prometheus' text: what the process saw, and the database at most a few seconds ago."""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection

from holdfast.errors import StoreError
from holdfast.trail.metrics.families import of_process, of_stand, of_totals
from holdfast.trail.metrics.observed import Tally
from holdfast.trail.metrics.stand import stand
from holdfast.trail.metrics.totals import Counting, Totals
from holdfast.trail.parts import Parts
from holdfast.types import Health, Stand

FRESH_S: Final = 2.0
"""Scrapes that come closer together share one look at the database."""


class Metrics(Collector):
    """Everything that is exposed of one trail. Counts what the process commits from when it is made.

    Args:
        parts: Of the trail.
        tools: Names of the tools of this process's agents: others are not made labels.
    """

    def __init__(self, parts: Parts, *, tools: Collection[str] = ()) -> None:
        self._parts = parts
        self._registry = CollectorRegistry(auto_describe=False)
        self._counting = Counting()
        self._looking = asyncio.Lock()
        self._seen: tuple[float, Sequence[Metric]] | None = None
        ProcessCollector(registry=self._registry)
        parts.observers.add(Tally(self._registry, tools=tools, monotonic=parts.clock.monotonic))
        self._registry.register(self)

    async def text(self, accept: str = "") -> tuple[bytes, str]:
        """The exposition and its content type, as the `Accept` header wants it.

        While the database is away it tells of the process alone, and that `holdfast_database_up` is 0.
        """
        async with self._looking:
            now = self._parts.clock.monotonic()
            if self._seen is None or now - self._seen[0] >= FRESH_S:
                self._seen = (self._parts.clock.monotonic(), await self._look())
            encode, content_type = choose_encoder(accept)
            return encode(self._registry), content_type

    def collect(self) -> Iterable[Metric]:
        """What was seen of the database last: the registry asks."""
        return self._seen[1] if self._seen else ()

    async def _look(self) -> Sequence[Metric]:
        writer = self._parts.writer
        health = writer.health() if writer else Health(ok=True, detail="read-only", queued=0)
        try:
            now, totals = await self._parts.reader.run(self._read)
        except StoreError as error:
            return [*of_process(Health(ok=False, detail=str(error), queued=health.queued))]
        return [*of_process(health), *of_stand(now), *of_totals(totals)]

    def _read(self, connection: Connection) -> tuple[Stand, Totals]:
        now = self._parts.clock.now()
        return stand(connection, now), self._counting.look(connection, now)
