"""Secrets are taken out of text, data and log records, and nothing else is."""

import json
import re
import time
import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.errors import UsageError
from holdfast.trail.codec import canonical
from holdfast.trail.redact import DEFAULT, SECRET_KEYS, Redactor, redact_log
from holdfast.types import Json

KEY = "sk-proj-" + "Ab1" * 10
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nabc=\n-----END RSA PRIVATE KEY-----"

SECRETS = [
    ("card 4111 1111 1111 1111 12/27", "card [redacted:card] 12/27"),
    ("4111-1111-1111-1111.", "[redacted:card]."),
    ("5500005555555559 123", "[redacted:card] 123"),
    ("378282246310005", "[redacted:card]"),
    ("2221000000000009", "[redacted:card]"),
    ("line\n4111111111111111", "line\n[redacted:card]"),
    (KEY, "[redacted:api_key]"),
    ("sk-ant-api03-abcdefghijklmnop", "[redacted:api_key]"),
    ("key is sk_live_abcdefghijklmno!", "key is [redacted:api_key]!"),
    ("AKIAIOSFODNN7EXAMPLE", "[redacted:api_key]"),
    ("ghp_" + "a1" * 18, "[redacted:api_key]"),
    ("github_pat_" + "a1" * 18, "[redacted:api_key]"),
    ("xoxb-123456789012-abcdefgh", "[redacted:api_key]"),
    ("whsec_Mf+Q9r/GKYqrTwjUPD8ILPZI=", "[redacted:api_key]"),
    (f"hf_{'01a1ff67' * 4}_gd8Qw3WiQIBmiWJS1WGSDRkMFYjjL5DPK4Y3_74Olo0", "[redacted:api_key]"),
    (f"open /login/hl_{'01a1ff67' * 4}_{'x-' * 21}x now", "open /login/[redacted:api_key] now"),
    ("AIzaSyA1234567890abcdefghijklmnopqrstuv", "[redacted:api_key]"),
    (PEM, "[redacted:private_key]"),
    ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc_def", "[redacted:jwt]"),
    ("Authorization: Bearer abcdef1234567890", "Authorization: Bearer [redacted:bearer]"),
    ("authorization: Basic dXNlcjpwYXNz", "authorization: Basic [redacted:basic]"),
    ("postgres://u:pw@host/db", "postgres://u:[redacted:url_password]@host/db"),
    ("my password: hunter2 ok", "my password: [redacted:password] ok"),
    ("?api_key=abc&y=1&token=zzz", "?api_key=[redacted:api_key]&y=1&token=[redacted:token]"),
    ('{"password": "hun\\"ter", "n": 1}', '{"password": "[redacted:password]", "n": 1}'),
    ("{'secret': 'it is', 'n': 1}", "{'secret': '[redacted:secret]', 'n': 1}"),
]

HARMLESS = [
    "x4111111111111111",
    "4111111111111111222",
    "41111111111111111111111",
    "12.345678901234567",
    "01993456-4111-7111-8111-111111111111",
    "4111111111111112",
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20",
    "max_tokens: 500000, next_page_token or tokens=12",
    "password: please reset it",
    "the support_desk agent asks ask_person about task_id",
    "write to a@b.c or see https://example.com/a:b",
]


@pytest.mark.parametrize(("text", "clean"), SECRETS)
def test_a_secret_leaves_every_place(text: str, clean: str):
    """A secret is replaced by the name of its rule in text, in data, and in JSON inside a string."""
    assert DEFAULT.text(text) == clean
    assert DEFAULT.suspects(canonical({"k": text}))
    assert DEFAULT.value({"k": [text]}) == {"k": [clean]}
    inner = json.dumps({"q": text})
    assert DEFAULT.suspects(canonical({"args": inner}))
    assert json.loads(DEFAULT.text(inner)) == {"q": clean}


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str):
    """Ids, hashes, decimals, longer numbers and sentences stay as they were written."""
    assert DEFAULT.text(text) == text


@pytest.mark.parametrize(
    "key",
    ["password", "dbPassword", "X-Api-Key", "AWS_SECRET_ACCESS_KEY", "token", "apiKey", "stripe.api.key", "password?",
     "db/client+secret", "api__key", "Passwort/password …"],
)  # fmt: skip
def test_the_value_of_a_secret_key_is_gone(key: str):
    """A key that names a secret loses its whole value, however it is spelled."""
    for value in ("v", 7, ["v"], {"v": "v"}):
        clean = DEFAULT.value({"a": [{key: value}]})
        assert "redacted" in str(clean)
        assert "v'" not in str(clean)
        assert DEFAULT.suspects(canonical({"a": [{key: value}]}))


@pytest.mark.parametrize("key", ["tokens", "token_count", "max_tokens", "next_token_page", "next_page_token", "keys"])
def test_a_key_that_only_sounds_secret_keeps_its_value(key: str):
    """Counting tokens and turning pages is no secret."""
    assert DEFAULT.value({key: "v"}) == {key: "v"}


@pytest.mark.parametrize("value", [None, True, "", [], {}])
def test_an_empty_secret_shows_that_it_is_empty(value: object):
    """That a password is missing is worth seeing, and no secret."""
    assert DEFAULT.value({"password": value}) == {"password": value}  # type: ignore[dict-item]


def test_a_card_number_as_a_number_is_gone():
    """A card number is one without quotes too."""
    assert DEFAULT.value({"n": 4111111111111111, "id": 41}) == {"n": "[redacted:card]", "id": 41}


@pytest.mark.parametrize("key", ["signature", "encrypted_content", "thought_signature"])
def test_what_a_provider_signed_is_never_touched(key: str):
    """One changed byte in a signed field makes the provider refuse the conversation."""
    data = {"parts": [{key: KEY}]}
    assert DEFAULT.value(data) == data


def test_the_pin_of_a_tool_with_a_secret_name_stays():
    """A tool may be called `reset_password`; its schema hash is no secret."""
    data = {"tools": {"reset_password": "0a" * 32}}
    assert DEFAULT.value(data) == data


@given(st.uuids(), st.binary(min_size=32, max_size=32))
def test_ids_and_hashes_are_never_touched(identity: uuid.UUID, digest: bytes):
    """Our own ids, digests and keys pass unchanged."""
    data = {"call_id": f"{identity}:3:0", "idempotency_key": f"{identity}:3:0", "digest": digest.hex()}
    assert DEFAULT.value(data) == data


PIECES = st.sampled_from(
    [text for text, _ in SECRETS] + HARMLESS + ["password", "=", ":", '"', "\\", "[redacted:card]"]
)


@given(st.lists(PIECES | st.text(max_size=5), max_size=6).map("".join))
def test_redacting_twice_is_redacting_once(text: str):
    """What was redacted stays as it is."""
    assert DEFAULT.text(DEFAULT.text(text)) == DEFAULT.text(text)


@example("\x1f4111-1111-1111-1111.")
@given(st.lists(PIECES | st.text(max_size=5), max_size=4).map("".join))
def test_the_quick_look_misses_nothing(text: str):
    """Whatever redaction would change, the quick look over the serialised text suspects."""
    if DEFAULT.text(text) != text:
        assert DEFAULT.suspects(canonical({"k": text}))


@given(st.sampled_from(SECRET_KEYS), st.text("._-/+? #§", max_size=3), st.text("._-/+? #§", max_size=3), st.booleans())
def test_the_quick_look_misses_no_key(name: str, between: str, behind: str, camel: bool):
    """However the words of a key are joined: if its value would be redacted, the quick look suspects it."""
    key = re.sub("_([a-z])", lambda m: m[1].upper(), name) if camel else name.replace("_", between or "_")
    data = {"a": {f"my{between or '.'}{key}{behind}": "v"}}
    if DEFAULT.value(data) != data:
        assert DEFAULT.suspects(canonical(data))


def test_users_add_keys_and_patterns():
    """Configured rules are added to the defaults; a group named `secret` limits what is replaced."""
    mine = Redactor(keys=["iban"], patterns={"ticket": r"TICKET-(?P<secret>\d+)"})
    assert mine.value({"customerIban": "DE1", "password": "p"}) == {
        "customerIban": "[redacted:iban]",
        "password": "[redacted:password]",
    }
    assert mine.text("see TICKET-123") == "see TICKET-[redacted:ticket]"


def test_a_name_without_its_secret_is_still_itself():
    """Two names stay two, one stays one, and what is no secret stays readable."""
    one, other = (DEFAULT.identity(f"order 7, password=hunter{n}") for n in (1, 2))
    assert re.fullmatch(r"order 7, password=\[redacted:password\.[0-9a-f]{32}\]", one)
    assert one != other
    assert DEFAULT.identity("order 7, password=hunter1") == one == DEFAULT.identity(one) == DEFAULT.text(one)
    assert DEFAULT.identity("ann@example.com") == "ann@example.com"


def test_a_name_may_be_secret_as_a_whole():
    """A configured key takes all of it, and what came of it is kept when it is stored under that key."""
    mine = Redactor(keys=["user_id"])
    assert (name := mine.identity("ann", "user", "user_id")).startswith("[redacted:user_id.")
    assert mine.value({"user_id": name}) == {"user_id": name}


@pytest.mark.parametrize("coding", ["utf-8", "utf-16", "latin-1"])
def test_bytes_are_searched_in_the_coding_they_are_in(coding: str):
    """Also text that is no UTF-8 loses its secrets, and nothing else."""
    stored = DEFAULT.content(f"größer {KEY} ünd".encode(coding))
    assert stored.decode(coding) == "größer [redacted:api_key] ünd"


def test_bytes_without_secrets_are_kept():
    """A picture, an archive: byte for byte."""
    content = bytes(range(256)) * 40
    assert DEFAULT.content(content) == content


def test_a_pattern_that_matches_our_words_does_not_eat_them():
    """A greedy pattern leaves earlier replacements whole."""
    mine = Redactor(patterns={"word": r"redacted|card"})
    assert mine.text("4111111111111111 card") == "[redacted:card] [redacted:word]"


@pytest.mark.parametrize(
    ("rules", "named"),
    [({"patterns": {"x": "("}}, "redact_patterns.x"), ({"patterns": {"a b": "x"}}, "a b"), ({"keys": ["-"]}, "'-'")],
)
def test_a_wrong_rule_is_named(rules: dict[str, object], named: str):
    """A rule that cannot work is refused, naming which."""
    with pytest.raises(UsageError, match=named.replace(".", r"\.")):
        Redactor(**rules)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "value",
    [{KEY: "v"}, {KEY: {"password": 1}}, {f"{KEY} x": [{KEY: 1}]}, f"E123456{KEY}", "E123456Bearer abcdefghijklmno"],
)
def test_data_that_was_looked_at_once_looks_the_same_to_a_second_look(value: Json):
    """A marker is no name of a secret, and what a rule leaves is looked at by the others: nothing is found later."""
    redactor = Redactor(patterns={"employee": r"E\d{6}"})
    clean = redactor.value(value)
    assert redactor.value(clean) == clean
    assert KEY not in str(clean)


NASTY = [
    "4111 ", "4", "sk-", "password", "password=", "-----BEGIN PRIVATE KEY-----", "eyJ", "eyJaaaaaaaa.", "://", "://a:",
    'password":"\\', "-", "bearer ", "0199a2b4-7c11-7abc-", "password: ", "password: aaaaaaa", "1 ", "\\", "a1",
    "[redacted:card]password=x ",
]  # fmt: skip


@pytest.mark.parametrize("unit", NASTY)
def test_a_megabyte_of_anything_is_read_once(unit: str):
    """No text makes redaction slow: the time grows with the length, not with its square."""
    text = unit * (1_000_000 // len(unit))
    started = time.process_time()
    DEFAULT.text(text)
    DEFAULT.suspects(text)
    assert time.process_time() - started < 10


def test_log_records_are_redacted():
    """A secret in a log record's words, values or exceptions is gone before it is written."""
    process = redact_log(DEFAULT)
    record = process(None, "info", {"event": f"using {KEY}", "password": "p", "error": ValueError(KEY), "n": [KEY]})
    assert KEY not in str(record)
    assert record["password"] == "[redacted:password]"
    assert record["event"] == "using [redacted:api_key]"
