"""The trail as what alerts are kept in and judged from."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from holdfast.trail import observe
from holdfast.trail.aside import holds
from holdfast.trail.codec import stamp
from holdfast.trail.parts import Parts
from holdfast.trail.requests import HoldWatch, SettleAlerts
from holdfast.types import Alert, AlertChange, AlertRule, Observed


class AlertSide:
    """Says what is the matter, who looks after it, and how everything stands."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def alerts(self) -> Sequence[Alert]:
        """Alerts that are not over, oldest first."""
        return await self._parts.reader.run(observe.alerts)

    async def hold_watch(self, worker_id: str, *, for_s: float, what: str = "alerts") -> bool:
        """Be the worker that looks after alerts, or something else, for so many seconds; `False`: another one is."""
        now = self._parts.clock.now()
        held = await self._parts.reader.run(partial(observe.watch, what=what))
        until = stamp(now + timedelta(seconds=for_s))
        if held and holds(held, worker_id, at=stamp(now), until=until):
            return False  # seen without a transaction
        return bool(await self._parts.write(HoldWatch(worker_id=worker_id, until=until, at=stamp(now), what=what)))

    async def observe(self, rules: Sequence[AlertRule], *, since: datetime) -> Observed:
        """How everything stands that these rules ask about; of budgets those that changed after `since`, or alert."""
        now = self._parts.clock.now()
        return await self._parts.reader.run(partial(observe.everything, rules=rules, since=since, now=now))

    async def settle_alerts(self, worker_id: str, changes: Sequence[AlertChange]) -> bool:
        """Store what changed and promise people a word about it, in one commit; `False`: another worker looks now."""
        clean = [self._clean(change) for change in changes]
        asked = SettleAlerts(worker_id=worker_id, changes=clean, at=self._parts.prepare.now())
        return bool(await self._parts.write(asked))

    def _clean(self, change: AlertChange) -> AlertChange:
        words, alert = self._parts.prepare.words, change.alert
        return replace(change, alert=replace(alert, title=words(alert.title), body=words(alert.body)))
