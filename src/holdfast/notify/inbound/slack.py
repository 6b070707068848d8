"""Interactions from Slack: verified by the signing secret and the time, then read.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import cast, get_args
from urllib.parse import parse_qs

from pydantic import SecretStr

from holdfast.errors import ForgedAnswer
from holdfast.notify.inbound.reading import Answered, Reading, Unfit, Wanted, parsed
from holdfast.notify.message import Asks
from holdfast.notify.signature import fresh
from holdfast.types import Answer, Json

_Object = Mapping[str, Json]


def read(body: bytes, *, headers: Mapping[str, str], signing_secret: SecretStr, now: datetime) -> Reading:
    """What somebody did in Slack.

    Args:
        body: The bytes as they came; parsed and written again they would not be what was signed.
        headers: Names in any case.
        signing_secret: The app's.
        now: The time.

    Raises:
        ForgedAnswer: `missing_signature`, `bad_signature`, `stale` or `malformed`.
    """
    signature, until = _verified(body, headers=headers, signing_secret=signing_secret, now=now)
    payload = _payload(body)
    try:
        match payload.get("type"):
            case "block_actions":
                return _pressed(payload, signature, until)
            case "view_submission":
                return _submitted(payload, signature, until)
            case _:
                return None
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise ForgedAnswer("malformed", "a signed interaction that is not as Slack makes them") from error


def refusal(field: str, text: str) -> Mapping[str, Json]:
    """The response by which a modal stays open and says at a field what is wrong."""
    return {"response_action": "errors", "errors": {field: text}}


def _verified(
    body: bytes, *, headers: Mapping[str, str], signing_secret: SecretStr, now: datetime
) -> tuple[str, datetime]:
    given = {name.lower(): value for name, value in headers.items()}
    timestamp, signature = given.get("x-slack-request-timestamp", ""), given.get("x-slack-signature", "")
    if not (timestamp and signature):
        raise ForgedAnswer("missing_signature", "an interaction without Slack's signature and timestamp")
    signed = f"v0:{timestamp}:".encode() + body
    wanted = f"v0={hmac.new(signing_secret.get_secret_value().encode(), signed, sha256).hexdigest()}"
    if not hmac.compare_digest(signature.encode("utf-8", "replace"), wanted.encode()):
        raise ForgedAnswer("bad_signature", "an interaction that is not signed with our Slack app's secret")
    return signature, fresh(timestamp, now=now)


def _payload(body: bytes) -> _Object:
    try:
        payload: Json = json.loads(parse_qs(body.decode(), strict_parsing=True)["payload"][0])
    except (KeyError, ValueError, RecursionError) as error:
        raise ForgedAnswer("malformed", "a signed interaction without a payload") from error
    if not isinstance(payload, Mapping):
        raise ForgedAnswer("malformed", "a signed interaction whose payload is no object")
    return payload


def _pressed(payload: _Object, signature: str, until: datetime) -> Reading:
    action = cast("Sequence[_Object]", payload["actions"])[0]
    ours, _, rest = str(action["action_id"]).partition(":")
    if ours != "holdfast":
        return None
    answer, asks = _choice(*rest.split(":"))
    identity, approval_id = _user(payload), str(action["value"])
    if asks:
        return Wanted(
            channel="slack",
            identity=identity,
            approval_id=approval_id,
            answer=answer,
            asks=asks,
            reply_to=str(payload["trigger_id"]),
        )
    return Answered(
        channel="slack",
        identity=identity,
        approval_id=approval_id,
        answer=answer,
        once=f"slack:{signature}",
        until=until,
        reply_to=str(payload["response_url"]),
    )


def _submitted(payload: _Object, signature: str, until: datetime) -> Reading:
    view = cast("_Object", payload["view"])
    if view.get("callback_id") != "holdfast":
        return None
    about: _Object = json.loads(str(view["private_metadata"]))
    answer, asks = _choice(str(about["answer"]), str(about["asks"]))
    if asks is None:
        raise ValueError("a modal asks for something")
    state = cast("Mapping[str, Mapping[str, Mapping[str, _Object]]]", view["state"])
    field = state["values"][asks]["text"]
    text = str(field.get("value") or "").strip()
    edit: Json = None
    if asks != "note" and text:
        try:
            edit = parsed(text)
        except ValueError as error:
            told = f"This is not JSON: {error}"[:150]
            return Unfit(channel="slack", identity=_user(payload), text=told, field=asks)
    return Answered(
        channel="slack",
        identity=_user(payload),
        approval_id=str(about["approval"]),
        answer=answer,
        note=(text or None) if asks == "note" else None,
        edit=edit,
        once=f"slack:{signature}",
        until=until,
        field=asks,
    )


def _choice(answer: str, asks: str) -> tuple[Answer, Asks | None]:
    if answer not in get_args(Answer) or asks not in ("", *get_args(Asks)):
        raise ValueError("no answer of ours")
    return cast("Answer", answer), cast("Asks", asks) or None


def _user(payload: _Object) -> str:
    return str(cast("_Object", payload["user"])["id"])
