"""Posts that start executions: verified, then read. Pure."""

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, cast

from holdfast.config import HookSettings
from holdfast.errors import ForgedAnswer
from holdfast.notify.inbound.reading import parsed
from holdfast.notify.signature import fresh, verified
from holdfast.types import Json

_PLACE: Final = re.compile(r"\{([^{}]+)\}")
_LONGEST_ID: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What somebody posted, who is known."""

    id: str
    """The sender's, of this delivery."""
    asked: Json
    once: str | None
    """Of a sender whose id is not signed: what was signed. Under another id it is somebody else's copy."""


def read(body: bytes, *, headers: Mapping[str, str], settings: HookSettings, now: datetime) -> Posted:
    """What is asked, and under which id.

    Args:
        body: The bytes as they came.
        headers: Names in any case.
        settings: `[hooks.NAME]`.
        now: The time.

    Raises:
        ForgedAnswer: `missing_signature`, `bad_signature`, `stale` or `malformed`; the message says what is wrong.
    """
    given = {name.lower(): value for name, value in headers.items()}
    if settings.signature == "standard":
        delivery, _ = verified(settings.secret, headers=given, body=body, now=now)
        once = None
    else:
        once = _verified(given, body, settings, now)
        delivery = given.get(settings.id_header, "").strip() or once
    if len(delivery) > _LONGEST_ID or not delivery.isprintable():
        raise ForgedAnswer("malformed", f"a delivery whose id is no text of up to {_LONGEST_ID} characters")
    return Posted(id=delivery, asked=_asked(body, settings.input), once=once)


def _verified(given: Mapping[str, str], body: bytes, settings: HookSettings, now: datetime) -> str:
    """The digest of what was signed."""
    signature = given.get(settings.header, "").strip().removeprefix("sha256=").lower()
    if not signature:
        raise ForgedAnswer("missing_signature", f"a post without {settings.header}")
    timestamp = given.get(settings.timestamp_header, "").strip() if settings.timestamp_header else ""
    if settings.timestamp_header and not timestamp:
        raise ForgedAnswer("missing_signature", f"a post without {settings.timestamp_header}")
    content = f"{timestamp}.".encode("utf-8", "replace") + body if timestamp else body
    wanted = hmac.new(settings.secret.get_secret_value().encode(), content, sha256).hexdigest()
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), wanted.encode()):
        raise ForgedAnswer("bad_signature", "a post whose signature is not made with our secret")
    if timestamp:
        fresh(timestamp, now=now)
    return sha256(content).hexdigest()


def _asked(body: bytes, wanted: str | None) -> Json:
    try:
        told = parsed(body.decode())
    except ValueError as error:
        raise ForgedAnswer("malformed", "a signed post that is not JSON") from error
    if wanted is None:
        return told
    if "{" not in wanted:
        return _at(told, wanted)
    return _PLACE.sub(lambda place: _text(_at(told, place[1])), wanted)


def _at(told: Json, path: str) -> Json:
    """What a path leads to: keys and numbers of items, with dots between."""
    found = told
    for step in path.strip().split("."):
        if isinstance(found, Mapping) and step in found:
            found = cast("Mapping[str, Json]", found)[step]
        elif isinstance(found, list) and step.isdecimal() and int(step) < len(found):
            found = found[int(step)]
        else:
            raise ForgedAnswer("malformed", f"a signed post without {path!r}, which the hook asks for")
    return found


def _text(value: Json) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
