"""What a tool returned, as what is stored and what the model reads."""

import re
from collections.abc import Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from hashlib import sha256
from reprlib import Repr
from typing import cast

from pydantic_core import PydanticSerializationError, from_json, to_json

from holdfast.types import Json

BLOB_FROM_BYTES = 16 * 1024
"""Results of this size and more are stored as blobs."""
HEAD_CHARS, TAIL_CHARS = 2_600, 1_000
"""What the model gets to read of a blob; with the words around it, under 4,000 characters."""

DONE = "done"
"""What the model is told of a tool that returns nothing."""

_BOUNDED = Repr()
_BOUNDED.maxlist = _BOUNDED.maxtuple = _BOUNDED.maxset = _BOUNDED.maxfrozenset = _BOUNDED.maxdict = 40
_BOUNDED.maxstring = _BOUNDED.maxother = 400
_NUL = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")

_MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b", "application/gzip"),
    (b"OggS", "application/ogg"),
    (b"ID3", "audio/mpeg"),
    (b"SQLite format 3\x00", "application/vnd.sqlite3"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A value too large or too foreign for the journal."""

    content: bytes
    media_type: str
    digest: str
    """SHA-256 of `content`, in hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A tool's result."""

    content: str
    """What the model is told."""
    output: Json
    """The result as JSON; with a `blob` the same words as `content`."""
    blob: Blob | None = None
    """The whole value, where `content` has only an excerpt."""


def present(value: object) -> Presented:
    """Turn whatever a tool returned into what is stored and told. Never fails, whatever the value does.

    Text and JSON below `BLOB_FROM_BYTES` are kept as they are. Larger ones become a blob and an excerpt of
    head and tail; bytes that are no text become a blob and a description.
    """
    if value is None:
        return Presented(content=DONE, output=None)
    if isinstance(value, str):
        return _present_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _present_bytes(bytes(cast("bytes", value)))
    return _present_object(value)


def describe_error(error: BaseException) -> str:
    """An error with its type, in at most 2,000 characters and never failing."""
    words = words_of(error)
    if isinstance(error, BaseExceptionGroup):
        group = cast("BaseExceptionGroup[BaseException]", error)
        words = f"{words}: {'; '.join(describe_error(each)[:300] for each in group.exceptions[:5])}"
    name = type(cast("BaseException", error)).__name__
    return f"{name}: {words}" if words else name


def words_of(error: BaseException) -> str:
    """An error's message, in at most 2,000 characters, also when its own `str` fails."""
    try:
        words = str(error)
    except Exception as worse:  # noqa: BLE001 - a broken error must not hide that there was one
        return f"(its message cannot be read: {type(worse).__name__})"
    return _sound(words if len(words) <= 2_000 else words[:1_990] + " [...]")


def reference(digest: str) -> str:
    """How a blob is named in what the model reads."""
    return f"blob:sha256:{digest}"


def _present_text(text: str) -> Presented:
    try:
        content = text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        content = text.encode(errors="replace")
    return _present_encoded(content)


def _present_encoded(content: bytes) -> Presented:
    if len(content) < BLOB_FROM_BYTES:
        text = _sound(content.decode())
        return Presented(content=text, output=text)
    lines = content.count(b"\n") + 1
    size = f"text, {len(content):,} bytes in {lines:,} line{'s' if lines > 1 else ''}"
    return _excerpted(content, media_type="text/plain; charset=utf-8", size=size)


def _present_bytes(content: bytes) -> Presented:
    media_type = _media_type(content)
    if media_type is None:
        return _present_encoded(content)
    blob = _blob(content, media_type)
    told = f"[binary, {media_type}, {len(content):,} bytes, not shown: {reference(blob.digest)}]"
    return Presented(content=told, output=told, blob=blob)


def _present_object(value: object) -> Presented:
    try:
        content = _as_json(value)
        output: Json = from_json(content) if len(content) < BLOB_FROM_BYTES else None
    except Exception as error:  # noqa: BLE001 - values run code of their authors when they are written
        return _present_foreign(value, error)
    if len(content) < BLOB_FROM_BYTES:
        return Presented(content=output if isinstance(output, str) else content.decode(), output=output)
    entries = cast("Sized", value) if isinstance(value, list | tuple | dict | set) else ()
    count = f" with {len(entries):,} entries" if entries else ""
    return _excerpted(content, media_type="application/json", size=f"JSON{count}, {len(content):,} bytes")


def _present_foreign(value: object, error: Exception) -> Presented:
    kind = type(value).__qualname__
    why = describe_error(error)[:300]
    shown = _show(value)[:HEAD_CHARS]
    told = f"[a {kind} that cannot be written as JSON ({why}), as Python shows it:]\n{shown}"
    return Presented(content=told, output=told)


def _as_json(value: object) -> bytes:
    """One pass and no copy in between; NUL, which PostgreSQL cannot hold in JSON, is replaced."""
    if isinstance(value, Iterator):
        raise TypeError("it can be read only once: return a list")
    try:
        content = to_json(value, fallback=_foreign, inf_nan_mode="strings", bytes_mode="utf8")
    except (PydanticSerializationError, UnicodeDecodeError):
        content = to_json(value, fallback=_foreign, inf_nan_mode="strings", bytes_mode="base64")
    return _NUL.sub(rb"\1\\ufffd", content) if b"\\u0000" in content else content


def _foreign(value: object) -> object:
    """A value inside a result that JSON has no form for: as data if it is like a row or an array."""
    if callable(as_list := getattr(value, "tolist", None)):
        return as_list()
    if callable(keys := getattr(value, "keys", None)):
        row = cast("Mapping[str, object]", value)
        return {str(key): row[key] for key in cast("Sequence[str]", keys())}
    return _show(value)


def _show(value: object) -> str:
    """A bounded `repr`, without addresses: they would make equal results look different."""
    try:
        return _sound(_ADDRESS.sub("", _BOUNDED.repr(value)))
    except Exception as error:  # noqa: BLE001 - a value may break its own `repr`
        return f"<{type(value).__qualname__}, whose repr raises {type(error).__name__}>"


def _excerpted(content: bytes, *, media_type: str, size: str) -> Presented:
    blob = _blob(content, media_type)
    # A character has at most 4 bytes; halves of one at the cut are dropped.
    head = _sound(content[: HEAD_CHARS * 4].decode(errors="ignore")[:HEAD_CHARS])
    tail = _sound(content[-TAIL_CHARS * 4 :].decode(errors="ignore")[-TAIL_CHARS:])
    told = (
        f"[{size}; shown are the first {len(head):,} and the last {len(tail):,} characters;"
        f" the whole is {reference(blob.digest)}]\n{head}\n[... left out ...]\n{tail}"
    )
    return Presented(content=told, output=told, blob=blob)


def _blob(content: bytes, media_type: str) -> Blob:
    return Blob(content=content, media_type=media_type, digest=sha256(content).hexdigest())


def _media_type(content: bytes) -> str | None:
    """What binary content is, by its first bytes; `None` for text."""
    for magic, media_type in _MAGIC:
        if content.startswith(magic):
            return media_type
    if content.startswith(b"RIFF"):
        return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(content[8:12], "application/octet-stream")
    if b"\x00" in content:
        return "application/octet-stream"
    try:
        content.decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    return None


def _sound(text: str) -> str:
    """Text that every store can hold: no NUL, no half of a surrogate pair."""
    if "\x00" in text:
        text = text.replace("\x00", "\ufffd")
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode(errors="replace").decode()
    return text
