"""Questions and alerts for a program of yours, signed as Standard Webhooks.

The id of a message is the same at every attempt, so a receiver that remembers ids takes each once.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime

from holdfast.config import WebhookSettings
from holdfast.errors import DeliveryFailed
from holdfast.notify.service import Service, retry_after
from holdfast.notify.signature import signed
from holdfast.ports import Clock
from holdfast.types import Card, Closed, Delivery, Json, Notice, Outgoing


class Webhook:
    """The port `Channel` for an HTTP receiver.

    Args:
        settings: `[webhook]`.
        clock: For the time in signatures.
    """

    name = "webhook"

    def __init__(self, settings: WebhookSettings, *, clock: Clock) -> None:
        self._settings, self._clock = settings, clock
        self._service = Service("the webhook's receiver")

    async def send(self, outgoing: Outgoing) -> str | None:
        """Post a delivery; any 2xx takes it.

        Returns:
            The message's id.

        Raises:
            DeliveryFailed: It was not taken; for ever, where the receiver says 410 (Gone).
        """
        # What is signed is id.time.body: a dot in the id would be ambiguous.
        message_id = f"msg_{re.sub('[^A-Za-z0-9_-]', '_', outgoing.id)}"
        await self._post(message_id, outgoing.delivery, at=outgoing.queued_at)
        return message_id

    async def update(self, ref: str, closed: Closed) -> None:  # noqa: ARG002 - one event ends all messages about it
        """Post what became of a question.

        Raises:
            DeliveryFailed: It was not taken.
        """
        # Once for all messages about it; again when a no took back a yes.
        await self._post(f"msg_{closed.card.approval_id}_{closed.status}", closed, at=closed.at)

    async def close(self) -> None:
        """Let go of connections."""
        await self._service.close()

    async def _post(self, message_id: str, delivery: Delivery, *, at: datetime) -> None:
        body = json.dumps(payload(delivery, at=at), ensure_ascii=False).encode()
        signature = signed(self._settings.secret, message_id=message_id, at=self._clock.now(), body=body)
        headers = {"content-type": "application/json", "user-agent": "holdfast", **signature}
        response = await self._service.post(self._settings.url, content=body, headers=headers)
        if response.status >= 300:
            raise DeliveryFailed(
                f"the webhook's receiver answered {response.status}",
                retry_after_s=retry_after(response),
                permanent=response.status == 410,
            )


def payload(delivery: Delivery, *, at: datetime) -> Mapping[str, Json]:
    """What a receiver reads: `type`, `timestamp` and `data`."""
    match delivery:
        case Card():
            kind, data = "approval.opened", _card(delivery)
        case Closed():
            kind, data = "approval.closed", _closed(delivery)
        case Notice():
            kind, data = f"alert.{delivery.state}", _notice(delivery)
    return {"type": kind, "timestamp": at.isoformat(), "data": data}


def _card(card: Card) -> dict[str, Json]:
    told: dict[str, Json] = {field.name: getattr(card, field.name) for field in fields(card)}
    return {**told, "asked_at": card.asked_at.isoformat(), "expires_at": card.expires_at.isoformat()}


def _closed(closed: Closed) -> dict[str, Json]:
    card = closed.card
    return {
        "approval_id": card.approval_id,
        "execution_id": card.execution_id,
        "status": closed.status,
        "at": closed.at.isoformat(),
        "by": closed.by,
        "note": closed.note,
        "edited": closed.edited,
    }


def _notice(notice: Notice) -> dict[str, Json]:
    told: dict[str, Json] = {field.name: getattr(notice, field.name) for field in fields(notice)}
    return {**told, "at": notice.at.isoformat()}
