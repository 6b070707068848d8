"""Answers from a program of yours: signed as Standard Webhooks, then read."""

from collections.abc import Mapping
from datetime import datetime
from typing import cast, get_args

from pydantic import SecretStr

from holdfast.errors import ForgedAnswer
from holdfast.notify.inbound.reading import Answered, parsed
from holdfast.notify.signature import verified
from holdfast.types import Answer, Json


def read(body: bytes, *, headers: Mapping[str, str], secret: SecretStr, now: datetime) -> Answered:
    """The answer in `{"type": "approval.answer", "data": {"approval_id", "answer", "by", "note"?, "edit"?}}`.

    `by` is the name of a configured person: whoever holds the secret speaks for all of them.

    Raises:
        ForgedAnswer: `missing_signature`, `bad_signature`, `stale` or `malformed`; the message says what is wrong.
    """
    message_id, until = verified(secret, headers=headers, body=body, now=now)
    data = _data(body)
    for key in ("approval_id", "answer", "by"):
        if not isinstance(data.get(key), str):
            raise ForgedAnswer("malformed", f"the answer's data has no {key!r}")
    if data["answer"] not in get_args(Answer):
        raise ForgedAnswer("malformed", f"{data['answer']!r} is no answer: use one of {', '.join(get_args(Answer))}")
    note = data.get("note")
    return Answered(
        channel="webhook",
        identity=str(data["by"]),
        approval_id=str(data["approval_id"]),
        answer=cast("Answer", data["answer"]),
        note=str(note) if note else None,
        edit=data.get("edit"),
        once=f"webhook:{message_id}",
        until=until,
    )


def _data(body: bytes) -> Mapping[str, Json]:
    try:
        told = parsed(body.decode())
    except ValueError as error:
        raise ForgedAnswer("malformed", "a signed answer that is not JSON") from error
    # Our own deliveries are signed with the same secret; one that is sent back is no answer.
    if not isinstance(told, Mapping) or told.get("type") != "approval.answer":
        raise ForgedAnswer("malformed", 'a signed message whose type is not "approval.answer"')
    data = told.get("data")
    if not isinstance(data, Mapping):
        raise ForgedAnswer("malformed", "a signed answer without data")
    return data
