"""The last line of a Telegram message that a reply may answer: what the reply is about, sealed.

A reply comes back with the text that it replies to, and nothing else. What models and documents write also stands in
our messages, so a line that only looks right must not count.
"""

import hmac
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal, cast

from pydantic import SecretStr

from holdfast.notify.message import Asks
from holdfast.types import Answer

_MARK: Final = re.compile(
    r"\[(?P<answer>approve|reject|answer|happened|run|skip|press) (?P<asks>note|edit|result)"
    r" (?P<approval_id>[\w.-]{1,64}) (?P<seal>[0-9a-f]{16})\]\Z"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a reply is about."""

    approval_id: str
    answer: Answer | Literal["press"]
    """`press`: a reply answers nothing, the buttons do."""
    asks: Asks = "note"

    def line(self, key: SecretStr) -> str:
        """As it stands in a message."""
        return f"[{self.answer} {self.asks} {self.approval_id} {_seal(self, key)}]"


def found(text: str, key: SecretStr) -> Mark | None:
    """The mark at the end of a message of ours; `None`: there is none, or it is not ours."""
    match = _MARK.search(text.rstrip())
    if match is None:
        return None
    mark = Mark(
        approval_id=match["approval_id"],
        answer=cast("Answer | Literal['press']", match["answer"]),
        asks=cast("Asks", match["asks"]),
    )
    return mark if hmac.compare_digest(match["seal"], _seal(mark, key)) else None


def _seal(mark: Mark, key: SecretStr) -> str:
    told = f"holdfast telegram mark 1\n{mark.answer} {mark.asks} {mark.approval_id}"
    return hmac.new(key.get_secret_value().encode(), told.encode(), sha256).hexdigest()[:16]
