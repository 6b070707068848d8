"""What is stored beside executions and controls: used answers, remarks on the record, alerts. Pure."""

from holdfast.trail.controls import tell
from holdfast.trail.controls.cell import WATCH, Data
from holdfast.trail.ledger import Ledger
from holdfast.trail.requests import Aside, HoldWatch, Note, SettleAlerts, UseAnswer
from holdfast.types import Alert, AlertChange

_SILENT = "eased"


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
    held = ledger.shared.cells.get(*WATCH)
    if held and held["by"] != asked.worker_id and held["until"] > asked.at:
        return False
    ledger.shared.put(*WATCH, {"by": asked.worker_id, "until": asked.until})
    return True


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
