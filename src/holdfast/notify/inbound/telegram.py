"""Updates from Telegram: verified by the secret token of the webhook, then read.

https://core.telegram.org/bots/api#setwebhook
"""

import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, cast, get_args

from holdfast.config import TelegramSettings
from holdfast.errors import ForgedAnswer
from holdfast.notify.inbound.reading import Answered, Reading, Unfit, Wanted, parsed
from holdfast.notify.mark import Mark, found
from holdfast.notify.message import Asks
from holdfast.types import Answer, Json

_Object = Mapping[str, Json]

_REDELIVERED: Final = timedelta(days=2)
"""For how long Telegram may deliver an update again that we did not take; it says: a day."""


def read(body: bytes, *, headers: Mapping[str, str], settings: TelegramSettings, now: datetime) -> Reading:
    """What somebody did in Telegram.

    Args:
        body: The bytes as they came.
        headers: Names in any case.
        settings: `[telegram]`: its `secret_token` is what `Telegram.connect` told Telegram.
        now: The time.

    Raises:
        ForgedAnswer: `missing_signature`, `bad_signature` or `malformed`.
    """
    _verify(headers, settings)
    try:
        update = cast("_Object", json.loads(body))
        once = f"telegram:{int(cast('int', update['update_id']))}"
        if "callback_query" in update:
            return _pressed(update, once, now)
        return _replied(update, once, settings, now) if "message" in update else None
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise ForgedAnswer("malformed", "an update that is not as Telegram makes them") from error


def _verify(headers: Mapping[str, str], settings: TelegramSettings) -> None:
    given = {name.lower(): value for name, value in headers.items()}.get("x-telegram-bot-api-secret-token", "")
    if not given:
        raise ForgedAnswer("missing_signature", "an update without Telegram's secret token")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), settings.secret_token.get_secret_value().encode()):
        raise ForgedAnswer("bad_signature", "an update with another secret token than ours")


def _pressed(update: _Object, once: str, now: datetime) -> Reading:
    query = cast("_Object", update["callback_query"])
    answer, asks, approval_id = str(query.get("data") or "").split(":", 2)
    message = cast("_Object | None", query.get("message"))
    place = {**(_place(message) if message else {}), "button": query["id"]}
    if asks:
        if not message:
            return None  # too old for Telegram to say where the button was: nowhere to ask
        return Wanted(
            channel="telegram",
            identity=_user(query),
            approval_id=approval_id,
            answer=_answer(answer),
            asks=_asks(asks),
            reply_to=json.dumps(place),
        )
    return Answered(
        channel="telegram",
        identity=_user(query),
        approval_id=approval_id,
        answer=_answer(answer),
        once=once,
        until=now + _REDELIVERED,
        reply_to=json.dumps(place),
    )


def _replied(update: _Object, once: str, settings: TelegramSettings, now: datetime) -> Reading:
    message = cast("_Object", update["message"])
    about, said = _about(message, settings), str(message.get("text") or "").strip()
    if about is None:
        return None
    identity, place = _user(message), json.dumps(_place(message))
    if about.answer == "press" or not said:
        text = "Press a button of the question to answer it." if said else "Reply with a text."
        return Unfit(channel="telegram", identity=identity, text=text, reply_to=place)
    edit: Json = None
    if about.asks != "note":
        try:
            edit = parsed(said)
        except ValueError as error:
            told = f"This is not JSON ({error}): reply again with all of it."
            return Unfit(channel="telegram", identity=identity, text=told, reply_to=place)
    return Answered(
        channel="telegram",
        identity=identity,
        approval_id=about.approval_id,
        answer=about.answer,
        note=said if about.asks == "note" else None,
        edit=edit,
        once=once,
        until=now + _REDELIVERED,
        reply_to=place,
    )


def _about(message: _Object, settings: TelegramSettings) -> Mark | None:
    """What a reply is about, if it is one to our own bot."""
    original = cast("_Object", message.get("reply_to_message") or {})
    author = cast("_Object", original.get("from") or {})
    bot = settings.token.get_secret_value().partition(":")[0]
    if str(author.get("id")) != bot:
        return None
    return found(str(original.get("text") or ""), settings.secret_token)


def _answer(answer: str) -> Answer:
    if answer not in get_args(Answer):
        raise ValueError("no answer of ours")
    return cast("Answer", answer)


def _asks(asks: str) -> Asks:
    if asks not in get_args(Asks):
        raise ValueError("nothing we ask for")
    return cast("Asks", asks)


def _user(event: _Object) -> str:
    return str(cast("_Object", event["from"])["id"])


def _place(message: _Object) -> dict[str, Json]:
    return {"chat": cast("_Object", message["chat"])["id"], "message": message["message_id"]}
