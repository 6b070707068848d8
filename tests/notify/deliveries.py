"""Questions, their ends and alerts for tests."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from holdfast.testing.clock import START
from holdfast.types import Address, Card, Closed, Delivery, Notice, Outgoing

APPROVAL = "0190a8b2-7a2e-7cc3-98c4-dc0c0c07398f"

CARD = Card(
    approval_id=APPROVAL,
    execution_id="0190a8b2-7a2e-7cc3-98c4-dc0c0c073990",
    agent="support",
    tool="refund",
    kind="call",
    question="May support run refund?",
    reason="The amount is above 100.",
    gate="review",
    risk=0.4,
    arguments={"order_id": "1042", "amount": "120.00"},
    asked_at=START,
    expires_at=START + timedelta(days=7),
    link=f"https://holdfast.example/approvals/{APPROVAL}",
)
CLOSED = Closed(card=CARD, status="approved", by="Ada", at=START + timedelta(hours=10, minutes=32))
NOTICE = Notice(
    key="budget:global:80",
    title="Global budget at 80 %",
    body="81.20 of 100.00 USD this month.",
    severity="warning",
    state="firing",
    at=START,
)


def card(**changes: Any) -> Card:
    """The question, with other parts."""
    return replace(CARD, **changes)


def outgoing(delivery: Delivery = CARD, *, channel: str = "slack", to: str | None = None, **more: Any) -> Outgoing:
    """A delivery in a courier's hands."""
    given: dict[str, Any] = {"id": "out-1", "attempts": 1, "queued_at": START, **more}
    return Outgoing(address=Address(channel=channel, to=to), delivery=delivery, **given)
