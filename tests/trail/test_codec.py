"""Stored text: canonical, the same after JSONB, with large values as blobs that come back exactly."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.errors import JournalBroken
from holdfast.trail.codec import BLOB_BYTES, GENESIS, Codec, blob_refs, canonical, chain, resolve
from holdfast.trail.redact import DEFAULT, Redactor
from holdfast.types import Json

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
KEYS = st.text(max_size=8) | st.sampled_from(["$blob", "$$blob", "bytes", "json"])
VALUES: st.SearchStrategy[Json] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=12
)
BULK = st.builds(lambda unit, times: unit * times, st.text(min_size=1, max_size=3), st.integers(1, 9_000))
LARGE: st.SearchStrategy[Json] = st.dictionaries(KEYS, VALUES | BULK | st.lists(BULK, max_size=3), max_size=5)


def read_from_jsonb(text: str) -> Json:
    """What a reader gets of `text::jsonb`: PostgreSQL writes numbers out in full and knows no minus zero."""

    def number(spelled: str) -> float:
        written = f"{abs(Decimal(spelled)) if Decimal(spelled) == 0 else Decimal(spelled):f}"
        return float(written) if "." in written else int(written)

    return json.loads(text, parse_float=number)


@given(VALUES)
def test_canonical_text_survives_jsonb(value: Json):
    """A value has one text, before and after PostgreSQL stored it."""
    text = canonical(value)
    assert "\x00" not in text
    text.encode()
    assert canonical(json.loads(text)) == text
    assert canonical(read_from_jsonb(text)) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e16, "10000000000000000"),
        (1e23, "100000000000000000000000"),
        (-0.0, "0.0"),
        (1e-7, "1e-07"),
        (float("nan"), "null"),
        (float("-inf"), "null"),
        ("a\x00b\ud800", '"a\ufffdb\ufffd"'),
        ({"b": 1, "a": (1, "é")}, '{"a":[1,"é"],"b":1}'),
        pytest.param(10**5_000, "null", id="beyond reading"),
    ],
)
def test_what_jsonb_would_change_is_changed_first(value: Json, text: str):
    """Numbers and characters that PostgreSQL refuses or respells never reach it."""
    assert canonical(value) == text


def test_what_is_no_json_is_refused():
    """A value that cannot be stored is an error, not a guess."""
    with pytest.raises(TypeError):
        canonical({"x": object()})  # type: ignore[dict-item]


@given(LARGE)
def test_large_values_come_back_exactly(data: Json):
    """Whatever is moved to blobs, reading gives the data that was written."""
    encoded = Codec(DEFAULT).encode(data)
    stored = json.loads(encoded.text)
    blobs = {blob.digest: blob.content for blob in encoded.blobs}
    assert blob_refs(stored) == set(blobs)
    assert canonical(resolve(stored, blobs)) == canonical(DEFAULT.value(json.loads(canonical(data))))
    assert len(encoded.text.encode()) <= BLOB_BYTES


def test_only_the_large_part_leaves_the_event():
    """A large text inside a result becomes a blob of text; the event around it stays readable."""
    encoded = Codec(DEFAULT).encode({"call_id": "c1", "result": {"page": "x" * 20_000, "title": "t"}})
    stored = json.loads(encoded.text)
    assert stored["call_id"] == "c1"
    assert stored["result"]["title"] == "t"
    assert [(b.media_type, len(b.content)) for b in encoded.blobs] == [("text/plain", 20_000)]
    assert stored["result"]["page"] == {"$blob": encoded.blobs[0].digest, "bytes": 20_000}


def test_many_small_rows_become_one_blob():
    """A list of many small rows is one payload, not thousands."""
    encoded = Codec(DEFAULT).encode({"rows": [{"n": n} for n in range(5_000)], "ok": True})
    assert [b.media_type for b in encoded.blobs] == ["application/json"]
    assert json.loads(encoded.text)["ok"] is True


def test_data_that_looks_like_a_reference_is_data():
    """A user's own `$blob` key is not mistaken for ours."""
    data = {"$blob": "0" * 64, "inner": {"$$blob": 1}}
    encoded = Codec(DEFAULT).encode(data)
    assert blob_refs(json.loads(encoded.text)) == set()
    assert resolve(json.loads(encoded.text), {}) == data


def test_a_missing_blob_is_an_error():
    """A reference without its payload is named, never read as something else."""
    encoded = Codec(DEFAULT).encode({"page": "x" * 20_000})
    with pytest.raises(JournalBroken, match=encoded.blobs[0].digest):
        resolve(json.loads(encoded.text), {})


def test_secrets_are_gone_before_a_blob_is_made():
    """A secret in a large text reaches neither the event nor its blob."""
    key = "sk-ant-api03-" + "a1" * 20
    encoded = Codec(DEFAULT).encode({"page": "x" * 20_000 + " " + key})
    assert key.encode() not in encoded.blobs[0].content
    assert encoded.blobs[0].content.endswith(b"[redacted:api_key]")


def test_a_users_own_pattern_reaches_every_string():
    """A configured pattern holds for serialised data too, whatever escapes stand around the word."""
    encoded = Codec(Redactor(patterns={"employee": r"^E\d{4}$"})).encode({"who": "E1234", "list": ["\nE1234"]})
    assert json.loads(encoded.text) == {"who": "[redacted:employee]", "list": ["\nE1234"]}


@pytest.mark.parametrize("field", ["execution_id", "seq", "kind", "version", "at", "text"])
def test_the_hash_covers_every_column(field: str):
    """Changing any column of an event changes its hash."""
    row: dict[str, object] = {"execution_id": "e", "seq": 1, "kind": "k", "version": 1, "at": "t", "text": "{}"}
    changed = row | {field: 2 if field in ("seq", "version") else "other"}
    assert chain(GENESIS, **row) != chain(GENESIS, **changed)  # type: ignore[arg-type]


def test_moving_words_between_columns_changes_the_hash():
    """No two different rows spell the same hash input."""
    same = {"seq": 1, "version": 1, "at": "t", "text": "{}"}
    one = chain(GENESIS, execution_id="ab", kind="c", **same)  # type: ignore[arg-type]
    assert one != chain(GENESIS, execution_id="a", kind="bc", **same)  # type: ignore[arg-type]
