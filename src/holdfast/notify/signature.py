"""Standard Webhooks signatures: HMAC-SHA256 over id, time and body, as https://www.standardwebhooks.com describes."""

import base64
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256

from pydantic import SecretStr

from holdfast.errors import ForgedAnswer

TOLERANCE_S = 300.0
"""Seconds that two clocks may be apart."""


def signed(secret: SecretStr, *, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """The headers that let a receiver know who sent the body, and recognise it when it comes again."""
    timestamp = str(int(at.timestamp()))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{_signature(secret, message_id, timestamp, body)}",
    }


def verified(secret: SecretStr, *, headers: Mapping[str, str], body: bytes, now: datetime) -> tuple[str, datetime]:
    """The id of a signed message, and when it will be too old.

    Args:
        secret: The one it is to be signed with.
        headers: Names in any case.
        body: The bytes as they came.
        now: The time.

    Raises:
        ForgedAnswer: `missing_signature`, `malformed`, `bad_signature` or `stale`.
    """
    given = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not (message_id and timestamp and given.get("webhook-signature")):
        raise ForgedAnswer("missing_signature", "an answer without webhook-id, webhook-timestamp and webhook-signature")
    # Before the clock is looked at: a wrong signature says nothing about the time in it.
    wanted = _signature(secret, message_id, timestamp, body).encode()
    candidates = [part.partition(",") for part in given["webhook-signature"].split()]
    if not any(
        hmac.compare_digest(found.encode("utf-8", "replace"), wanted)
        for version, _, found in candidates
        if version == "v1"
    ):
        raise ForgedAnswer("bad_signature", "an answer whose signature is not made with our secret")
    return message_id, fresh(timestamp, now=now)


def fresh(timestamp: str, *, now: datetime) -> datetime:
    """When an answer that was signed at a time, in seconds of the epoch, will be too old.

    Raises:
        ForgedAnswer: `malformed`: it is no time; `stale`: it is too old or too new by now.
    """
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 11):
        raise ForgedAnswer("malformed", "an answer whose timestamp is not a number of seconds")
    at = datetime.fromtimestamp(int(timestamp), UTC)
    if abs((now - at).total_seconds()) > TOLERANCE_S:
        raise ForgedAnswer("stale", f"an answer signed at {at:%Y-%m-%d %H:%M:%S} UTC: more than 5 minutes from now")
    return at + timedelta(seconds=TOLERANCE_S)


def _signature(secret: SecretStr, message_id: str, timestamp: str, body: bytes) -> str:
    key = base64.b64decode(secret.get_secret_value().removeprefix("whsec_"))
    return base64.b64encode(hmac.new(key, f"{message_id}.{timestamp}.".encode() + body, sha256).digest()).decode()
