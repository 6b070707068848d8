"""How data becomes the text that is stored and hashed: redacted, canonical, large parts moved to blobs."""

import hashlib
import json
import json.encoder
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

from holdfast.errors import JournalBroken
from holdfast.trail.redact import Redactor
from holdfast.types import Json

GENESIS: Final = "0" * 64
"""The hash before the first event of an execution."""
BLOB_BYTES: Final = 16 * 1024
"""A value whose JSON is larger than this is stored as a blob."""

_json: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False)


def dump_with(encoder: json.JSONEncoder) -> Callable[[Json], str]:
    """`encoder.encode`, without the C encoder that it makes anew for each value: most of the cost of a small one.

    Circles are not looked for: they end in a `RecursionError`.
    """
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # a Python without it
        return encoder.encode
    spell = json.encoder.encode_basestring_ascii if encoder.ensure_ascii else json.encoder.encode_basestring
    colon, comma = encoder.key_separator, encoder.item_separator
    # As `JSONEncoder.iterencode` does.
    order = (None, encoder.default, spell, None, colon, comma, encoder.sort_keys, encoder.skipkeys, encoder.allow_nan)
    pieces: Callable[[Json, int], Sequence[str]] = make(*order)
    return lambda value: "".join(pieces(value, 0))


_dump: Final = dump_with(_json)
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_ESCAPED_KEY = re.compile(r"\$+blob")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewBlob:
    """A payload to store once, under its own SHA-256."""

    digest: str
    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Data as it is stored, and the blobs that its text refers to."""

    text: str
    blobs: tuple[NewBlob, ...]


class Codec:
    """Encodes data for the journal: secrets out, canonical text, large values as references to blobs.

    Args:
        redactor: What must not be written.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor

    def encode(self, data: Json) -> Encoded:
        """The data as stored text. Values larger than 16 KiB of JSON become blobs.

        Raises:
            TypeError: It holds something that is no JSON.
        """
        text = canonical(data)
        if self._redactor.suspects(text):
            data = self._redactor.value(json.loads(text))  # what is stored, numbers as they are spelled there
            text = canonical(data)
        return pack(data, text)


def pack(data: Json, text: str) -> Encoded:
    """Data without secrets whose canonical text is known, as stored text. Values over 16 KiB of JSON become blobs."""
    if stays(text):
        return Encoded(text=text, blobs=())
    shrunk, blobs = _shrink_event(_sound(data))
    return Encoded(text=_dump(shrunk), blobs=tuple({blob.digest: blob for blob in blobs}.values()))


def stays(text: str) -> bool:
    """Whether canonical text is stored word for word: it is small, and nothing in it could be taken for a reference."""
    return (len(text) <= BLOB_BYTES // 4 or len(text.encode()) <= BLOB_BYTES) and '$blob"' not in text


def canonical(value: Json) -> str:
    """The one text of a value: what is hashed. The same before and after a stay in PostgreSQL's JSONB.

    Numbers that are not finite become `null`; characters that JSONB refuses become U+FFFD.

    Raises:
        TypeError: It holds something that is no JSON.
    """
    try:
        text = _dump(value)
    except (TypeError, ValueError):
        return _dump(_sound(value))  # any Mapping and Sequence will do, and integers beyond reading
    return _dump(_sound(value)) if _unsound(text) else text


def stored(value: Json, redactor: Redactor | None) -> tuple[Json, str]:
    """The value as whoever reads the journal will find it, and its canonical text.

    No secrets, and nothing that a database would change. What needs no change is given back as it is.

    Args:
        value: What is to be stored.
        redactor: Finds secrets; `None`: there are none in it, because its parts were looked at one by one.
    """
    sound = value
    try:
        text = _dump(value)
        changes = _unsound(text)
    except (TypeError, ValueError):
        text, changes = "", True  # any Mapping and Sequence will do, and integers beyond reading
    if changes:
        sound = _sound(value)
        text = _dump(sound)
    if redactor is not None and redactor.suspects(text):
        sound = redactor.value(sound)
        text = canonical(sound)
    return sound, text


def storable(value: Json, redactor: Redactor) -> Json:
    """As `stored`, where the text is of no use."""
    return stored(value, redactor)[0]


def as_text(value: Json) -> str:
    """A value as words, for models and people: strings as they are, anything else as its JSON."""
    return value if isinstance(value, str) else canonical(value)


def blob_refs(value: Json) -> set[str]:
    """Digests of the blobs that an encoded value refers to."""
    if isinstance(value, Mapping):
        if (digest := _reference(value)) is not None:
            return {digest}
        return set[str]().union(*(blob_refs(item) for item in value.values()))
    if isinstance(value, Sequence) and not isinstance(value, str):
        return set[str]().union(*(blob_refs(item) for item in value))
    return set()


def resolve(value: Json, blobs: Mapping[str, bytes]) -> Json:
    """An encoded value in full again.

    Raises:
        JournalBroken: A blob that it refers to is not among `blobs`.
    """
    if isinstance(value, Mapping):
        if (digest := _reference(value)) is not None:
            return _restore(digest, value, blobs)
        return {_unescape(key): resolve(item, blobs) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [resolve(item, blobs) for item in value]
    return value


def chain(previous: str, *, execution_id: str, seq: int, kind: str, version: int, at: str, text: str) -> str:  # noqa: PLR0913 - each is a column
    """The hash of an event: SHA-256 over the hash before it and everything in it.

    Lengths stand before the free texts, so no two different rows spell the same input.
    """
    spelled = f"{previous}{seq}:{version}:{len(execution_id)}:{execution_id}{len(kind)}:{kind}{len(at)}:{at}{text}"
    return hashlib.sha256(spelled.encode()).hexdigest()


def stamp(at: datetime) -> str:
    """A time as the chain spells it: UTC with microseconds, whatever the database made of it."""
    in_utc = at if at.tzinfo is UTC else at.astimezone(UTC)
    return in_utc.isoformat(timespec="microseconds")


def _unsound(text: str) -> bool:
    """Whether a serialised value may hold what JSONB would change or refuse. A `False` is certain."""
    return (
        ("+" in text and "e+" in text)
        or ("N" in text and "NaN" in text)
        or ("I" in text and "Infinity" in text)
        or "-0.0" in text
        or "\\u0000" in text
        or (not text.isascii() and _UNSTORABLE.search(text) is not None)
    )


def _sound(value: Json) -> Json:
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, int) and value.bit_length() > 13_000:
        return None  # Python refuses to read more than 4,300 digits back
    if isinstance(value, Mapping):
        return {_UNSTORABLE.sub("\ufffd", key): _sound(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_sound(item) for item in value]
    return value


def _number(value: float) -> Json:
    if not math.isfinite(value):
        return None
    if value == 0:
        return 0.0
    # JSONB writes 1e16 out in full, and reading that gives an int.
    return int(Decimal(spelled)) if "e+" in (spelled := repr(value)) else value


def _size(value: Json) -> int:
    return len(_dump(value).encode())


def _shrink_event(data: Json) -> tuple[Json, list[NewBlob]]:
    """As `_shrink`, but rather than the whole event its largest members go."""
    if not isinstance(data, Mapping):
        return _shrink(data)
    members = {_escape(key): _shrink(item) for key, item in data.items()}
    sizes = {key: _size(shrunk) for key, (shrunk, _) in members.items()}
    total = sum(sizes.values()) + sum(_size(key) + 2 for key in sizes)
    for key in sorted(sizes, key=lambda name: sizes[name], reverse=True):
        if total <= BLOB_BYTES or sizes[key] < 1024:
            break
        members[key] = _offload(data[_unescape(key)])
        total += _size(members[key][0]) - sizes[key]
    if total > BLOB_BYTES:
        return _offload(data)
    return {key: shrunk for key, (shrunk, _) in members.items()}, _all(members.values())


def _shrink(value: Json) -> tuple[Json, list[NewBlob]]:
    """The value with `$blob` keys escaped and, if it is large, with the innermost large parts as blobs."""
    if isinstance(value, str):
        large = len(value) > BLOB_BYTES // 6 and _size(value) > BLOB_BYTES
        return _offload(value) if large else (value, [])
    if isinstance(value, Mapping):
        members = {_escape(key): _shrink(item) for key, item in value.items()}
        shrunk: Json = {key: item for key, (item, _) in members.items()}
        blobs = _all(members.values())
    elif isinstance(value, Sequence):
        items = [_shrink(item) for item in value]
        shrunk, blobs = [item for item, _ in items], _all(items)
    else:
        return value, []
    return _offload(value) if _size(shrunk) > BLOB_BYTES else (shrunk, blobs)


def _all(parts: Iterable[tuple[Json, list[NewBlob]]]) -> list[NewBlob]:
    return [blob for _, blobs in parts for blob in blobs]


def _offload(value: Json) -> tuple[Json, list[NewBlob]]:
    if isinstance(value, str):
        content, media_type, mark = value.encode(), "text/plain", {}
    else:
        content, media_type, mark = _dump(value).encode(), "application/json", {"json": True}
    digest = hashlib.sha256(content).hexdigest()
    blob = NewBlob(digest=digest, content=content, media_type=media_type)
    return {"$blob": digest, "bytes": len(content), **mark}, [blob]


def _restore(digest: str, reference: Mapping[str, Json], blobs: Mapping[str, bytes]) -> Json:
    if digest not in blobs:
        raise JournalBroken(f"the blob {digest} that an event refers to is missing")
    return json.loads(blobs[digest]) if reference.get("json") else blobs[digest].decode()


def _reference(value: Mapping[str, Json]) -> str | None:
    digest = value.get("$blob")
    return digest if isinstance(digest, str) else None


def _escape(key: str) -> str:
    return f"${key}" if _ESCAPED_KEY.fullmatch(key) else key


def _unescape(key: str) -> str:
    return key[1:] if key.startswith("$") and _ESCAPED_KEY.fullmatch(key) else key
