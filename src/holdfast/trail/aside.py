"""What is stored beside executions and controls: used answers, remarks on the record, alerts. Pure."""

from datetime import datetime, timedelta

from holdfast.trail.controls import tell
from holdfast.trail.controls.cell import WATCH, Data
from holdfast.trail.ledger import Ledger
from holdfast.trail.requests import Aside, HoldWatch, Note, SettleAlerts, UseAnswer
from holdfast.types import Alert, AlertChange

_SILENT = "eased"
_CLOCKS_DIFFER = timedelta(minutes=1)


def aside(ledger: Ledger, request: Aside) -> bool | None:
    """Do what is asked; of alerts, whether that worker looks after them."""
    match request:
        case Note():
            ledger.audits.append((request.kind, request.data, request.at))
        case UseAnswer():
            ledger.shared.put("answer", request.key, {"until": request.until})
        case HoldWatch():
            return _hold(ledger, request)
        case SettleAlerts():
            return _settle(ledger, request)
    return None


def _hold(ledger: Ledger, asked: HoldWatch) -> bool:
    held = ledger.shared.cells.get("watch", asked.what)
    if held and holds(held, asked.worker_id, at=asked.at, until=asked.until):
        return False
    ledger.shared.put("watch", asked.what, {"by": asked.worker_id, "until": asked.until})
    return True


def holds(held: Data, worker_id: str, *, at: str, until: str) -> bool:
    """Whether another worker looks now.

    One that seems to hold for much longer than anybody asks for had another clock: a clock that was set back must not
    keep everybody from looking.
    """
    latest = (datetime.fromisoformat(until) + _CLOCKS_DIFFER).isoformat()
    return held["by"] != worker_id and at < held["until"] <= latest


def _settle(ledger: Ledger, asked: SettleAlerts) -> bool:
    held = ledger.shared.cells.get(*WATCH)
    if held is None or held["by"] != asked.worker_id:
        return False
    for change in asked.changes:
        alert = change.alert
        known = ledger.shared.cells.get("alert", alert.key)
        if (change.what == "fired") == (known is not None):
            continue  # another worker was faster
        ledger.shared.put("alert", alert.key, None if change.what == "resolved" else as_data(alert))
        if change.what != _SILENT:
            told: Data = {"key": alert.key, "rule": alert.rule, "severity": alert.severity, "title": alert.title}
            ledger.audits.append((f"alert.{change.what}", told, asked.at))
            _post(ledger, change, asked.at)
    return True


def _post(ledger: Ledger, change: AlertChange, at: str) -> None:
    """Promise people a word about it, but not on the very channel that it is about."""
    alert = change.alert
    state = "resolved" if change.what == "resolved" else "firing"
    notice: Data = {
        "key": alert.key, "title": alert.title, "body": alert.body, "severity": alert.severity, "state": state,
        "at": at, "link": None,
    }  # fmt: skip
    places = tell.addresses(tell.chosen(ledger.shared.known.channels, alert.channels), None)
    for channel, to in places:
        if alert.key != f"dead_letter:{channel}":
            name = f"{alert.key}:{state}:{alert.level}:{at}"
            ledger.post(name, channel, "notice", alert.key, {**notice, "to": to}, at)


def as_data(alert: Alert) -> Data:
    """An alert as it is stored."""
    return {
        "rule": alert.rule,
        "kind": alert.kind,
        "severity": alert.severity,
        "title": alert.title,
        "body": alert.body,
        "since": alert.since.isoformat(),
        "level": alert.level,
        "channels": None if alert.channels is None else list(alert.channels),
    }
