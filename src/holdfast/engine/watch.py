"""Looks after alerts: one worker of the fleet at a time, one cheap look every few seconds.

Who looks holds a row for a while and renews it; when it dies, another worker takes over at the end of that. What is
firing is in the database, so nobody is told twice.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import structlog

from holdfast.errors import StoreError
from holdfast.policy.alerts import judge
from holdfast.ports import AlertDesk, Clock
from holdfast.types import AlertChange, AlertRule

log = structlog.get_logger("holdfast.alerts")

EVERY_S: Final = 5.0
HOLD_S: Final = 30.0
_OVERLAP: Final = timedelta(minutes=1)
"""Looks overlap by this, so that clocks that differ a little hide nothing."""


class Watch:
    """Evaluates alert rules while it is this worker's turn.

    Args:
        desk: What is looked at, and where alerts are kept.
        rules: In force.
        worker_id: Says who this is now.
        clock: Time.
        every_s: Seconds between two looks. Default: 5.
    """

    def __init__(
        self,
        desk: AlertDesk,
        rules: Sequence[AlertRule],
        *,
        worker_id: Callable[[], str],
        clock: Clock,
        every_s: float = EVERY_S,
    ) -> None:
        self._desk, self._rules, self._worker_id = desk, rules, worker_id
        self._clock, self._every_s = clock, every_s
        self._held = ("", 0.0)
        """Under which name, and until when by `monotonic`, this worker may look without asking again."""
        self._looked_at: datetime | None = None
        self._last_seen: dict[str, datetime] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Look until `stop` is set."""
        while not stop.is_set():
            wait_s = self._every_s
            try:
                if not await self.look():
                    wait_s = HOLD_S / 2
            except StoreError as error:
                log.warning("alerts_not_looked_at", error=str(error))
            except Exception:  # a defect in a rule must not end the watch
                log.exception("alerts_stumbled")
            # Real seconds, as the engine rests: a clock that a test turns must neither hold it up nor be turned by it.
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await stop.wait()

    async def look(self) -> bool:
        """Look once, if it is this worker's turn; whether it was."""
        worker_id = self._worker_id()
        if not await self._is_mine(worker_id):
            self._looked_at, self._last_seen = None, {}
            return False
        # After a change of hands everything may have changed.
        since = self._looked_at - _OVERLAP if self._looked_at else datetime.fromtimestamp(0, self._clock.now().tzinfo)
        firing = {alert.key: alert for alert in await self._desk.alerts()}
        seen = await self._desk.observe(self._rules, since=since)
        changes, last_seen = judge(self._rules, seen, firing, self._last_seen)
        if changes and not await self._desk.settle_alerts(worker_id, changes):
            self._held = ("", 0.0)
            return False
        self._looked_at, self._last_seen = seen.at, last_seen
        for change in changes:
            _say(change)
        return True

    async def _is_mine(self, worker_id: str) -> bool:
        holder, until = self._held
        now = self._clock.monotonic()
        if holder == worker_id and now < until:
            return True
        if not await self._desk.hold_watch(worker_id, for_s=HOLD_S):
            return False
        self._held = (worker_id, now + HOLD_S / 2)
        return True


def _say(change: AlertChange) -> None:
    if change.what == "eased":
        return
    say = log.info if change.what == "resolved" else log.warning
    alert = change.alert
    say(f"alert_{change.what}", key=alert.key, severity=alert.severity, title=alert.title)
