import itertools
import json
import sqlite3
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import Enum
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from holdfast.tools.result import BLOB_FROM_BYTES, describe_error, present

MODEL_CHARS = 4_000


class Size(Enum):
    SMALL = "s"


class Order(BaseModel):
    id: str
    total: Decimal


@dataclass
class Line:
    sku: str
    day: date


@pytest.mark.parametrize(
    ("value", "content", "output"),
    [
        (None, "done", None),
        ("shipped", "shipped", "shipped"),
        ("", "", ""),
        (True, "true", True),
        ({"a": [1, None]}, '{"a":[1,null]}', {"a": [1, None]}),
        (Order(id="7", total=Decimal("1.50")), '{"id":"7","total":"1.50"}', {"id": "7", "total": "1.50"}),
        (
            [Line("a", date(2026, 11, 21))],
            '[{"sku":"a","day":"2026-11-21"}]',
            [{"sku": "a", "day": "2026-11-21"}],
        ),
        (Decimal("1.50"), "1.50", "1.50"),
        (Size.SMALL, "s", "s"),
        (b"text", "text", "text"),
        ({"a": b"text"}, '{"a":"text"}', {"a": "text"}),
        ({"a": float("nan")}, '{"a":"NaN"}', {"a": "NaN"}),
        ("a\x00b", "a\ufffdb", "a\ufffdb"),
        (["a\x00b", "\\u0000"], '["a\\ufffdb","\\\\u0000"]', ["a\ufffdb", "\\u0000"]),
    ],
)
def test_small_results_are_kept(value, content, output):
    """A small result is stored as JSON and read by the model as it is; text stays text."""
    shown = present(value)
    assert (shown.content, shown.output, shown.blob) == (content, output, None)


def test_rows_and_arrays():
    """Database rows and arrays inside a result are data, not `<Row object at 0x...>`."""
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    rows = connection.execute("SELECT 1 AS id, 'a' AS sku").fetchall()

    class Array:
        def tolist(self):
            return [1.5, 2]

    assert present(rows).output == [{"id": 1, "sku": "a"}]
    assert present(Array()).output == [1.5, 2]


def test_large_text():
    """Ten megabytes in five million lines are stored once; the model reads head, tail, sizes and a reference."""
    text = "head " + "x\n" * 5_000_000 + " tail"
    shown = present(text)
    assert shown.blob.content == text.encode()
    assert shown.blob.digest == sha256(text.encode()).hexdigest()
    assert shown.blob.media_type.startswith("text/plain")
    assert f"blob:sha256:{shown.blob.digest}" in shown.content
    assert "10,000,010 bytes in 5,000,001 lines" in shown.content
    assert "head" in shown.content
    assert shown.content.endswith("tail")
    assert len(shown.content) < MODEL_CHARS
    assert shown.output == shown.content


def test_large_json():
    """A large structured result is stored as JSON, and the model is told how many entries it has."""
    rows = [{"id": n} for n in range(10_000)]
    shown = present(rows)
    assert shown.blob.media_type == "application/json"
    assert json.loads(shown.blob.content) == rows
    assert "JSON with 10,000 entries" in shown.content


def test_threshold():
    """A result becomes a blob at 16 KiB, counted in bytes."""
    assert present("x" * (BLOB_FROM_BYTES - 1)).blob is None
    assert present("x" * BLOB_FROM_BYTES).blob is not None
    assert present("é" * (BLOB_FROM_BYTES // 2)).blob is not None


@given(st.text(min_size=1, max_size=6), st.sampled_from([str, list, str.encode]))
def test_excerpts_of_any_text(piece, form):
    """An excerpt is short and sound whatever characters the cut falls on."""
    value = form(piece * 20_000)
    shown = present(value)
    assert len(shown.content) < MODEL_CHARS
    assert "\x00" not in shown.content
    shown.content.encode()
    assert shown.blob is not None


def test_excerpts_count_characters():
    """An excerpt has as many characters of an alphabet with long bytes as of a short one."""
    latin, greek = present("q" * 50_000), present("λ" * 50_000)
    assert latin.content.count("q") == greek.content.count("λ") == 3_600


def test_generators_are_not_consumed():
    """A generator, which may be endless, is not read; its author is told to return a list."""
    assert "return a list" in present(itertools.count()).content
    assert "return a list" in present(n for n in (1, 2)).content


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0....", "image/jpeg"),
        (b"%PDF-1.7 all text", "application/pdf"),
        (b"PK\x03\x04....", "application/zip"),
        (b"RIFF....WEBPVP8 ", "image/webp"),
        (b"RIFF....????", "application/octet-stream"),
        (b"\x00\x01", "application/octet-stream"),
        (bytearray(b"\xfe\xed"), "application/octet-stream"),
        (memoryview(b"\xfe\xed"), "application/octet-stream"),
    ],
)
def test_binary(content, media_type):
    """Binary results are stored and described by kind and size, never pasted."""
    shown = present(content)
    assert (shown.blob.content, shown.blob.media_type) == (bytes(content), media_type)
    assert shown.content == (
        f"[binary, {media_type}, {len(content)} bytes, not shown: blob:sha256:{shown.blob.digest}]"
    )


def test_bytes_are_not_copied():
    """A large binary result is kept as it is, not copied."""
    content = b"\x00" * 1_000_000
    assert present(content).blob.content is content


class BrokenRepr:
    def __repr__(self):
        raise ValueError("no")


class BrokenDump(BaseModel):
    x: int

    def __repr__(self):
        raise ValueError("no")

    @property
    def __pydantic_serializer__(self):
        raise ValueError("no")


def cycle():
    rows: list[object] = [1]
    rows.append(rows)
    return rows


def deep():
    rows: list[object] = []
    for _ in range(100_000):
        rows = [rows]
    return rows


@pytest.mark.parametrize(
    "value",
    [
        BrokenRepr(),
        [BrokenRepr()],
        BrokenDump(x=1),
        cycle(),
        deep(),
        iter([1]),
        {"half": "\ud83d"},
        "\ud83d",
        10**5_000,
        {(1, "a"): object()},
        3 + 4j,
        object,
        BrokenRepr,
        ValueError("x"),
        lambda: None,
        open,
    ],
    ids=lambda value: type(value).__name__,
)
def test_strange_values(value):
    """No value that a tool returns can break a call: what cannot be stored is described."""
    shown = present(value)
    assert shown.content
    assert len(shown.content) < MODEL_CHARS
    json.dumps(shown.output, allow_nan=False).encode()
    shown.content.encode()


def test_descriptions_are_stable():
    """The description of an object has no memory address: equal results look equal, so that loops are seen."""
    assert present(object()).content == "<object object>"


def test_errors_in_words():
    """An error is told with its type, groups with what is in them, in bounded length."""
    assert describe_error(KeyError("x")) == "KeyError: 'x'"
    assert describe_error(TimeoutError()) == "TimeoutError"
    assert describe_error(ExceptionGroup("two", [ValueError("a"), OSError("b")])) == (
        "ExceptionGroup: two (2 sub-exceptions): ValueError: a; OSError: b"
    )
    assert len(describe_error(ValueError("x" * 10**6))) < 2_100


def test_errors_that_cannot_be_read():
    """An error whose own message fails is still told."""

    class Broken(Exception):
        def __str__(self):
            raise ValueError

    assert describe_error(Broken()) == "Broken: (its message cannot be read: ValueError)"
