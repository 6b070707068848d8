"""Links in mails: each for one person, one question and a while, good for one answer.

Opening a link decides nothing: programs open the links of mails before people do. It shows a page with a form, and
what the form posts decides.
"""

import base64
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

from pydantic import SecretStr

from holdfast.errors import ForgedAnswer
from holdfast.notify.inbound.reading import Answered
from holdfast.types import Answer, Json

_LONGEST = 1_024


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """What a link is good for."""

    approval_id: str
    person: str
    expires_at: datetime


def token(invitation: Invitation, key: SecretStr) -> str:
    """The part of a link that cannot be made without the key. The same for the same invitation."""
    fields = [invitation.approval_id, invitation.person, int(invitation.expires_at.timestamp())]
    told = json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()
    return f"{_spelled(told)}.{_spelled(_seal(told, key))}"


def opened(given: str, *, key: SecretStr, now: datetime) -> Invitation:
    """The invitation in a link. Whether it was used before, the approval says.

    Raises:
        ForgedAnswer: `malformed`, `bad_signature` or `stale`.
    """
    try:
        told, seal = (_read(part) for part in given[:_LONGEST].split("."))
    except ValueError as error:
        raise ForgedAnswer("malformed", "a link that is cut off or altered") from error
    if not hmac.compare_digest(seal, _seal(told, key)):
        raise ForgedAnswer("bad_signature", "a link that is not signed with our link_key")
    approval_id, person, expires = json.loads(told)
    invitation = Invitation(approval_id=approval_id, person=person, expires_at=datetime.fromtimestamp(expires, UTC))
    if now >= invitation.expires_at:
        raise ForgedAnswer("stale", f"a link that was good until {invitation.expires_at:%Y-%m-%d %H:%M} UTC")
    return invitation


def answered(invitation: Invitation, answer: Answer, *, note: str | None = None, edit: Json = None) -> Answered:
    """What the form behind a link posted."""
    return Answered(
        channel="email",
        identity=invitation.person,
        approval_id=invitation.approval_id,
        answer=answer,
        note=note,
        edit=edit,
        # Each answer once: where several people have to agree, a yes may still become a no.
        once=f"email:{invitation.approval_id}:{invitation.person}:{answer}",
        until=invitation.expires_at,
    )


def _seal(told: bytes, key: SecretStr) -> bytes:
    return hmac.new(key.get_secret_value().encode(), b"holdfast answer link 1\n" + told, sha256).digest()


def _spelled(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _read(part: str) -> bytes:
    content = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    if _spelled(content) != part:
        raise ValueError("another spelling of the same bytes")
    return content
