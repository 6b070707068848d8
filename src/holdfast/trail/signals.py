"""What is sent to an execution from outside: kept once, and whoever waits for it wakes. Pure."""

from holdfast.errors import IllegalTransition
from holdfast.trail.ledger import Ledger
from holdfast.trail.requests import Send
from holdfast.types import ENDED


def receive(ledger: Ledger, sent: Send) -> bool:
    """Put a signal into the journal; `False`: one of that id is there already.

    Raises:
        IllegalTransition: The execution has ended.
    """
    head = ledger.head(sent.execution_id)
    known = (sent.execution_id, sent.id)
    if known in ledger.signals:
        return False
    if head.status in ENDED:
        raise IllegalTransition(f"execution {head.id} is {head.status}: nothing can be sent to it any more")
    ledger.signals.add(known)
    ledger.keep(sent.blobs, sent.at)
    ledger.record(head, [sent.event], sent.at)
    ledger.wake_if_waiting(head, at=sent.at)
    return True
