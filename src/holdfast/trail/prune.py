"""The trail as something that ends: what is old enough goes, in steps so small that nobody waits for them.

Each step is a transaction of its own: it takes a few executions away, notes each in `agent_pruned`, and says on the
operators' record who did it by which rule, with a digest over what it took. Whoever is killed between two steps, or in
one, goes on with the next run: what is left to do is what is still there.

    page (read, no lock) -> families that are over -> batch: look again, lock, take away, note, commit -> pause -> ...
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from holdfast.errors import Pruned
from holdfast.trail.parts import Parts
from holdfast.trail.prune_lookup import pruned_word
from holdfast.trail.prune_payloads import cutoff, unnamed
from holdfast.trail.prune_plan import Family, Page, page, warm
from holdfast.trail.stretch import remaining
from holdfast.types import Event, Forgetting, PruneBatch, PruneRule, Pruning

_PAGE: Final = 500
"""Families that one look finds."""
_LONG_S: Final = 0.05
"""A transaction that takes longer makes the next one smaller."""
_SHORT_S: Final = 0.02
_MOST: Final = 1_000
"""Events of one transaction, unless a single journal has more."""
_LEAST: Final = 20
_PAYLOADS: Final = 20
_PAUSE_S: Final = 0.005


class PruneSide:
    """Takes away what is old."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def prune(self, rule: PruneRule, *, by: str, why: str = "") -> AsyncGenerator[PruneBatch]:
        """Prune by a rule; a value for each step.

        Between two steps it rests as long as the last one took. To stop, do not ask for the next one.

        Raises:
            UsageError: It is not said who does it.
        """
        who, words = self._parts.prepare.who(by), self._parts.prepare.words(why)
        size, after = _MOST // 8, None
        while (found := await self._page(rule, after)).last is not None:
            after = found.last
            yield PruneBatch(spared=found.spared, reached=after[0])
            left = list(found.families)
            while left:
                batch = _take(left, size)
                ids = [one for _, members in batch for one in members]
                await self._parts.reader.run(partial(warm, ids=ids))
                began = time.perf_counter()
                done = await self._parts.write(
                    Pruning(rule=rule, families=batch, by=who, why=words, at=self._parts.prepare.now())
                )
                assert isinstance(done, PruneBatch)  # noqa: S101 - what a pruning comes to
                yield done
                size = max(size // 2, _LEAST) if done.took_s > _LONG_S else size
                size = min(size * 2, _MOST) if done.took_s < _SHORT_S else size
                await asyncio.sleep(time.perf_counter() - began + _PAUSE_S)

    async def would_prune(self, rule: PruneRule) -> PruneBatch:
        """What pruning by a rule would take away now, without its payloads."""
        after, count, total, spared = None, 0, 0, 0
        while (found := await self._page(rule, after)).last is not None:
            after = found.last
            spared += found.spared
            count += sum(len(family.members) for family in found.families)
            total += sum(member.events for family in found.families for member in family.members)
        return PruneBatch(executions=count, events=total, spared=spared, reached=after[0] if after else None)

    async def forget_payloads(self) -> AsyncGenerator[PruneBatch]:
        """Take away payloads that nobody refers to and nobody used within a day; a value for each step.

        Looks at every row of the database that may name one: not to be done often.
        """
        before = cutoff(self._parts.clock.now())
        digests = sorted(await asyncio.to_thread(unnamed, self._parts.reader))
        for start in range(0, len(digests), _PAYLOADS):
            began = time.perf_counter()
            done = await self._parts.write(Forgetting(digests=digests[start : start + _PAYLOADS], before=before))
            assert isinstance(done, PruneBatch)  # noqa: S101 - what a forgetting comes to
            yield done
            await asyncio.sleep(time.perf_counter() - began + _PAUSE_S)

    async def pruned(self, execution_id: str) -> Pruned | None:
        """The word to who asks for what was pruned; `None`: it was not."""
        return await self._parts.reader.run(partial(pruned_word, execution_id=execution_id))

    async def remains(self, execution_id: str) -> Sequence[Event]:
        """What stays of a pruned journal: who decided what, and a `journal.pruned` in the place of the rest."""
        return await self._parts.reader.run(partial(remaining, execution_id=execution_id))

    async def _page(self, rule: PruneRule, after: tuple[datetime, str] | None) -> Page:
        return await self._parts.reader.run(partial(page, rule=rule, after=after, limit=_PAGE))


def _take(left: list[Family], size: int) -> Sequence[tuple[str, Sequence[str]]]:
    """The next batch: as many events as fit, one execution at least. What is taken is no longer left."""
    taken: list[tuple[str, Sequence[str]]] = []
    room = size
    while left and (room > 0 or not taken):
        family = left.pop(0)
        members = list(_fitting(family, room))
        taken.append((family.head, members))
        rest = family.members[len(members) :]
        room -= sum(member.events for member in family.members[: len(members)])
        if rest:
            left.insert(0, Family(head=family.head, members=rest))
            return taken
    return taken


def _fitting(family: Family, room: int) -> Iterator[str]:
    """The first of a family that fit; the very first one does."""
    for place, member in enumerate(family.members):
        if place and room <= 0:
            return
        room -= member.events
        yield member.id
