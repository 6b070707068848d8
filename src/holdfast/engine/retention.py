"""Takes away what is old, as `[retention]` says: once an hour, by one worker of the fleet."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from holdfast.errors import StoreError
from holdfast.ports import Clock, NewId, PruneDesk
from holdfast.types import PruneRule

log = structlog.get_logger("holdfast.retention")

EVERY_S: Final = 3_600.0
"""Between two prunings in the whole fleet."""
PAYLOADS_EVERY_S: Final = 86_400.0
"""Between two looks for payloads that nobody refers to: each reads every record that may name one."""
_ASK_EVERY_S: Final = 60.0
_BY: Final = "[retention]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """How long what stays."""

    payloads: timedelta | None = None
    """What executions read, said and did; then only who decided what. `None`: for ever."""
    everything: timedelta | None = None
    """All of them. `None`: for ever."""


class Retention:
    """Prunes by the standing rules when it is this worker's hour.

    Args:
        desk: What is pruned.
        keep: The standing rules.
        clock: Time.
        new_id: Names each turn: who has had one does not get the next before the hour is over.
    """

    def __init__(self, desk: PruneDesk, keep: Keep, *, clock: Clock, new_id: NewId) -> None:
        self._desk, self._keep, self._clock, self._new_id = desk, keep, clock, new_id

    async def run(self, stop: asyncio.Event) -> None:
        """Prune when it is time, until `stop` is set; a pruning under way ends after its step."""
        while not stop.is_set():
            try:
                await self.turn(stop.is_set)
            except StoreError as error:
                log.warning("not_pruned", error=str(error))
            with suppress(TimeoutError):
                async with asyncio.timeout(_ASK_EVERY_S):
                    await stop.wait()

    async def turn(self, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Prune once, if nobody did this hour; whether it did."""
        if not await self._desk.hold_watch(self._new_id(), for_s=EVERY_S, what="retention"):
            return False
        executions = 0
        for rule in self.rules():
            async with aclosing(self._desk.prune(rule, by=_BY)) as steps:
                async for step in steps:
                    executions += step.executions
                    if stopped():
                        return True
        if executions:
            log.info("pruned", executions=executions)
        if await self._desk.hold_watch(self._new_id(), for_s=PAYLOADS_EVERY_S, what="payloads"):
            async with aclosing(self._desk.forget_payloads()) as steps:
                async for _ in steps:
                    if stopped():
                        return True
        return True

    def rules(self) -> Sequence[PruneRule]:
        """What goes now: first what goes wholly."""
        now, keep = self._clock.now(), self._keep
        wholly = [PruneRule(before=now - keep.everything)] if keep.everything is not None else []
        payloads = [PruneRule(before=now - keep.payloads, keep_audit=True)] if keep.payloads is not None else []
        return [*wholly, *payloads]
