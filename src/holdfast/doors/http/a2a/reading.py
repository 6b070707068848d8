"""Messages of clients, read: what is asked of an agent, or what is answered to a question. Pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from holdfast.doors.http.a2a.wire import ContentTypeNotSupportedError, Data, InvalidParamsError
from holdfast.notify.message import CHOICES
from holdfast.types import Answer, Approval, Json

INPUT_MODES: Final = ("text/plain", "application/json")
OUTPUT_MODES: Final = INPUT_MODES
_YES: Final = frozenset({"approve", "approved", "yes"})
_NO: Final = frozenset({"reject", "rejected", "no"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer to one question."""

    approval_id: str
    answer: Answer
    note: str | None = None
    edit: Json = None


def read_input(message: Data) -> Json:
    """What an agent is asked: text as it is, data as it is, several parts as one text.

    Raises:
        ContentTypeNotSupportedError: A part is neither text nor data.
        InvalidParamsError: There is nothing in it.
    """
    parts = [_value(part) for part in message.get("parts", ())]
    if not any(part is not None and part != "" for part in parts):
        raise InvalidParamsError("say what is asked, in a text or data part")
    if len(parts) == 1:
        return parts[0]
    return "\n".join(part if isinstance(part, str) else json.dumps(part, ensure_ascii=False) for part in parts)


def read_reply(message: Data, waiting: Sequence[Approval]) -> Reply | str:
    """An answer to one of the open questions, or what would be one, in words."""
    parts = [_value(part) for part in message.get("parts", ())]
    given = next((cast("Mapping[str, Any]", part) for part in parts if isinstance(part, Mapping)), None)
    words = "\n".join(part for part in parts if isinstance(part, str)).strip()
    if given is None:
        return _spoken(words, waiting)
    about = _about(given.get("approval"), waiting)
    if about is None:
        return _which(waiting)
    answer, note, edit = given.get("answer"), given.get("note") or words or None, given.get("edit")
    if answer not in _possible(about) or not isinstance(note, str | None):
        return _how(about)
    return Reply(approval_id=about.id, answer=cast("Answer", answer), note=note, edit=edit)


def _spoken(words: str, waiting: Sequence[Approval]) -> Reply | str:
    about = _about(None, waiting)
    if about is None:
        return _which(waiting)
    if about.kind == "question":
        return Reply(approval_id=about.id, answer="answer", note=words) if words else _how(about)
    first, _, rest = words.partition(" ")
    word = first.lower().strip(".,:;!")
    answer = "approve" if word in _YES else "reject" if word in _NO else word
    if answer not in _possible(about):
        return _how(about)
    return Reply(approval_id=about.id, answer=cast("Answer", answer), note=rest.strip() or None)


def _about(name: object, waiting: Sequence[Approval]) -> Approval | None:
    """The question that is meant; where there is one only, it need not be named."""
    if name is None:
        return waiting[0] if len(waiting) == 1 else None
    return next((one for one in waiting if one.id == name), None)


def _possible(about: Approval) -> Sequence[str]:
    return [choice.answer for choice in CHOICES[about.kind]]


def _how(about: Approval) -> str:
    if about.kind == "question":
        return f"{about.question} Answer in words."
    possible = " or ".join(dict.fromkeys(_possible(about)))
    return f"{about.question} Say {possible}, or send data {{answer, note, edit}}."


def _which(waiting: Sequence[Approval]) -> str:
    names = ", ".join(one.id for one in waiting)
    return f"{len(waiting)} questions are open: send data {{approval, answer, note}} that names one of {names}."


def _value(part: Data) -> Json:
    declared = part.get("mediaType")
    if declared is not None and declared.partition(";")[0].strip().lower() not in INPUT_MODES:
        raise ContentTypeNotSupportedError(f"{declared} is not read here: send {' or '.join(INPUT_MODES)}")
    if "text" in part:
        return str(part["text"])
    if "data" in part:
        return _whole(part["data"])
    raise ContentTypeNotSupportedError("files are not read here: send text or data")


def _whole(value: Any) -> Json:
    """Protobuf knows no integers in data: whole numbers are given back as such."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, list):
        return [_whole(item) for item in cast("list[Any]", value)]
    return value
