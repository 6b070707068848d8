"""What must never be written down: rules that take secrets and card numbers out of text and data."""

import re
from bisect import bisect_right
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import scrypt
from operator import itemgetter
from typing import cast

from holdfast.errors import UsageError
from holdfast.trail.cards import CARD_RUN, is_card, without_cards
from holdfast.types import Json

SECRET_KEYS = (
    "password", "passwords", "passwd", "pwd", "passphrase", "secret", "secrets", "client_secret",
    "api_key", "apikey", "api_keys", "private_key", "secret_key", "access_key", "signing_key", "encryption_key",
    "access_token", "refresh_token", "auth_token", "session_token", "id_token", "api_token", "bot_token",
    "bearer_token", "authorization", "credentials", "cookie", "set_cookie", "cvv", "cvc",
)  # fmt: skip
"""Keys whose value is a secret, as words joined by `_`; also as the end of a longer key (`db_password`,
`X-Api-Key`, `stripeSecretKey`). The key `token` counts alone: `next_page_token` is no secret."""

SIGNED_KEYS = frozenset({"signature", "encrypted_content", "thought_signature"})
"""A provider signs these and refuses a conversation in which one byte of them differs."""

_MARKER = re.compile(r"\[redacted:[\w.-]+\]")
_IDENTITY = re.compile(r"\[redacted:[\w.-]+\.[0-9a-f]{32}\]")
"""What `Redactor.identity` made of a name that is secret as a whole."""
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_RULE_NAME = re.compile(r"[\w.-]+")

_LEFT = r"(?:(?<![A-Za-z0-9_-])|(?<=\\[nrt]))"
"""A token starts here. A `\n` in JSON inside a string is a backslash and a letter, and no part of the token."""

CARDS_IN_A_CHAIN = 8
"""Card numbers joined by dots that are told apart; bounds the work on a text made to be slow."""

LOOKS = 8
"""At a text in which something was found, where there are further patterns: what one of them took away may have kept
what follows from being seen as a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    name: str
    pattern: re.Pattern[str]
    hints: tuple[bytes, ...]
    """One of these is in every text that can match, lower case with `-` as `_`; none: always search."""


def _rule(name: str, pattern: str, *hints: str) -> _Rule:
    return _Rule(name=name, pattern=re.compile(pattern), hints=tuple(hint.encode() for hint in hints))


_RULES = (
    # The end of the block may be cut off; what is left of it is still a key.
    _rule(
        "private_key",
        r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[A-Za-z0-9+/=\s\\:,-]*?"
        r"(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|(?![A-Za-z0-9+/=\s\\:,-]))",
        "_begin",
    ),
    _rule("jwt", _LEFT + r"eyJ[\w-]{8,}+\.eyJ[\w-]{4,}+\.[\w-]*", "eyj"),
    _rule("api_key", _LEFT + r"sk-(?=[\w-]{0,60}[0-9A-Z]|[a-z]{16})[\w-]{16,}", "sk_"),
    _rule("api_key", _LEFT + r"[srp]k_(?:live|test)_[A-Za-z0-9]{10,}", "k_live_", "k_test_"),
    _rule("api_key", _LEFT + r"whsec_[A-Za-z0-9+/=]{16,}", "whsec_"),
    _rule("api_key", _LEFT + r"A(?:KIA|SIA)[A-Z0-9]{16}(?![A-Za-z0-9])", "akia", "asia"),
    _rule("api_key", _LEFT + r"gh[pousr]_[A-Za-z0-9]{20,}", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    _rule("api_key", _LEFT + r"(?:github_pat_\w{20,}|glpat-[\w-]{20,})", "pat_"),
    _rule("api_key", _LEFT + r"xox[abeprs]-[A-Za-z0-9-]{10,}", "xox"),
    _rule("api_key", _LEFT + r"h[fls]_[0-9a-f]{8,64}_[\w-]{20,}", "hf_", "hl_", "hs_"),  # ours
    _rule("api_key", _LEFT + r"AIza[\w-]{30,}", "aiza"),
    _rule("bearer", r"(?i:\bbearer)\s{1,3}(?P<secret>[\w.~+/-]{12,}+=*)", "bearer"),
    _rule(
        "basic",
        r"""(?i:\bauthorization\\*["']?\s{0,3}[:=]\s{0,3}\\*["']?basic)\s{1,3}(?P<secret>[\w+/-]{6,}+=*)""",
        "authorization",
    ),
    _rule("url_password", r"""(?<=://)[^\s/:@"\[]{0,128}:(?P<secret>[^\s/@"\[]{1,256})@""", "@"),
)

# Lower case, `-` as `_`, `=` as `:`, quotes, blanks and backslashes gone: one spelling for all hints.
_FLAT = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ-=", b"abcdefghijklmnopqrstuvwxyz_:")
_GONE = b"\\\"' \t"
# Letters, digits and colons alone: one spelling for `"Api-Key" :`, `api_key=` and `"stripe.api.key?":`.
_KEYS = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ=", b"abcdefghijklmnopqrstuvwxyz:")
_NO_KEY = bytes(byte for byte in range(256) if not (chr(byte).isascii() and chr(byte).isalnum()) and byte not in b":=")
_DIGITS = bytes.maketrans(b"123456789", b"000000000")
_CARD_DIGITS = b"0" * 13
# Looser than the rules: what stands before a token in serialised text may be the letter of an escape.
_CARD_LIKE = re.compile(
    r"[2-6](?:(?<![0-9A-Fa-f].)(?<!\d\..)|(?<=\\[nrtbf].)|(?<=\\u00[01][0-9a-f].))\d(?:[ -]?\d){11}", re.DOTALL
)
_URL_LIKE = re.compile(r"://[^\s/@\"]{0,400}@")
_TOKEN_LIKE = re.compile(
    rb"_(?<=[cfklnoprstu]_)(?:(?<=[srp]k_)[a-z0-9_]{15}|(?<=gh[pousr]_)[a-z0-9]{20}|(?<=pat_)[a-z0-9_]{20}"
    rb"|(?<=whsec_)[a-z0-9+/:]{16}|(?<=h[fls]_)[0-9a-f]{8})"
)
_UPPER_TOKEN_LIKE = re.compile("A(?:KIA|SIA|Iza)")


@dataclass(frozen=True, kw_only=True)
class Redactor:
    r"""Takes secrets out of text and data, leaving `[redacted:rule]` in their place.

    Applying it twice gives the same as once. What is given here is added to the defaults.

    Args:
        keys: Further keys whose values are secret, e.g. `("iban",)`: compared by words, so `customerIban` and
            `customer-iban` count too.
        patterns: Further patterns by rule name, e.g. `{"employee": r"E\d{6}"}`. A group named `secret`
            limits what is replaced.

    Raises:
        UsageError: A key is too short to tell, a pattern is no regular expression, or a rule's name cannot stand
            in `[redacted:name]`.
    """

    keys: Sequence[str] = ()
    patterns: Mapping[str, str] = field(default_factory=dict[str, str])
    _rules: tuple[_Rule, ...] = field(init=False, repr=False, compare=False)
    _names: frozenset[str] = field(init=False, repr=False, compare=False)
    _assigned: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _key_ends: re.Pattern[bytes] = field(init=False, repr=False, compare=False)
    """Finds the end of a secret key among letters, digits and colons; its last three rule nearly all others out."""
    _known: MutableMapping[str, str | None] = field(
        init=False, repr=False, compare=False, default_factory=dict[str, str | None]
    )
    """Keys seen and their rules; emptied when it grows large."""

    def __post_init__(self) -> None:
        names = frozenset({*SECRET_KEYS, *(_user_key(key) for key in self.keys)})
        object.__setattr__(self, "_names", names)
        object.__setattr__(self, "_rules", _RULES + tuple(_user_rule(n, p) for n, p in self.patterns.items()))
        object.__setattr__(self, "_assigned", _assignments(names))
        object.__setattr__(self, "_key_ends", _ends_of(names))

    def text(self, text: str) -> str:
        """The text without secrets."""
        for _ in range(LOOKS if self.patterns else 1):
            clean = self._looked_at(text)
            if clean == text:
                break
            text = clean
        return text

    def _looked_at(self, text: str) -> str:
        raw = text.encode("utf-8", "replace")
        flat = raw.translate(_FLAT, _GONE)
        if self._key_ends.search(raw.translate(_KEYS, _NO_KEY)):
            text = _apply(self._assigned, text, _assigned)
        for rule in self._rules:
            if not rule.hints or any(hint in flat for hint in rule.hints):
                text = _apply(rule.pattern, text, _named(rule.name))
        return _without_cards(text) if _has_digits(text) else text

    def content(self, content: bytes) -> bytes:
        """The bytes without secrets that can be read in them as UTF-8, as UTF-16 with its mark, or else as Latin-1.

        What is compressed or encoded (archives, images, base64, the streams of a PDF) is not searched.
        """
        coding = "utf-16" if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) else "utf-8"
        try:
            text = content.decode(coding)
        except UnicodeDecodeError:
            coding, text = "latin-1", content.decode("latin-1")
        clean = self.text(text)
        return content if clean == text else clean.encode(coding, "replace")

    def identity(self, name: str, *keys: str) -> str:
        """A name that things are found by, without secrets: two names stay two, and one stays one.

        Where a secret is taken out, its marker carries a digest of the whole name, `[redacted:card.1f0c...]`. The
        digest is made slowly (some 10 ms, then remembered), so that a card number cannot be found by trying all.

        Args:
            name: Whose request, which conversation, which idempotency key.
            keys: What the name is called; if that is a secret key, all of the name is secret.
        """
        rule = next((found for key in keys if (found := self._rule_of(key))), None)
        clean = f"[redacted:{rule}]" if rule and not _IDENTITY.fullmatch(name) else self.text(name)
        if clean == name:
            return name
        digest = _slow_digest(name)
        return _MARKER.sub(lambda marker: f"{marker[0][:-1]}.{digest}]", clean)

    def value(self, value: Json) -> Json:
        """The data without secrets: values of secret keys whole, other strings and numbers by pattern.

        A provider's signed fields stay as they are.
        """
        return self._walk(value, "")

    def suspects(self, text: str) -> bool:
        """Whether serialised data may hold a secret. Cheap; a `False` is certain."""
        raw = text.encode("utf-8", "replace")
        flat = raw.translate(_FLAT, _GONE)
        return (
            self._key_ends.search(raw.translate(_KEYS, _NO_KEY)) is not None
            or _TOKEN_LIKE.search(flat) is not None
            or b"bearer" in flat
            or ("B" in text and "-----BEGIN" in text)
            or ("A" in text and _UPPER_TOKEN_LIKE.search(text) is not None)
            or ("x" in text and "xox" in text)
            or ("J" in text and "eyJ" in text)
            or ("@" in text and _URL_LIKE.search(text) is not None)
            or (_CARD_DIGITS in raw.translate(_DIGITS, b" -") and _CARD_LIKE.search(text) is not None)
            or bool(self.patterns)
        )

    def _walk(self, value: Json, key: str) -> Json:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(k): self._member(k, v, key) for k, v in value.items()}
        if isinstance(value, Sequence):
            return [self._walk(item, key) for item in value]
        if isinstance(value, int) and value > 10**12 and is_card(str(value)):
            return "[redacted:card]"
        return value

    def _member(self, key: str, value: Json, parent: str) -> Json:
        if key in SIGNED_KEYS:
            return value
        name = self._rule_of(key)
        if name is None or value is None or isinstance(value, bool) or value in ("", [], {}):
            return self._walk(value, key)
        if parent == "tools" and isinstance(value, str) and _SHA256.fullmatch(value):
            return value  # the pinned schema hash of a tool that is called, say, `reset_password`
        if isinstance(value, str) and _IDENTITY.fullmatch(value):
            return value
        return f"[redacted:{name}]"

    def _rule_of(self, key: str) -> str | None:
        if key not in self._known:
            if len(self._known) >= 4_096:
                self._known.clear()
            # A marker is no name: what was looked at once must look the same to a second look.
            self._known[key] = _secret_name(_words(_MARKER.sub("0", key)), self._names)
        return self._known.get(key)


@lru_cache(maxsize=1_024)
def _slow_digest(name: str) -> str:
    return scrypt(name.encode("utf-8", "replace"), salt=b"holdfast", n=2**12, r=8, p=1, dklen=16).hex()


def _secret_name(words: str, names: frozenset[str]) -> str | None:
    """The longest end of a key that is a secret's name."""
    if words == "token":
        return words
    while words and words not in names:
        words = words.partition("_")[2]
    return words or None


def _words(key: str) -> str:
    return _NOT_WORD.sub("_", _CAMEL.sub("_", key).lower()).strip("_")


def _assignments(names: frozenset[str]) -> re.Pattern[str]:
    """`name=value`, `"name": "value"` and `name: value` inside a text.

    After a bare colon only what looks like a secret counts (six characters or more with a digit): "password:
    please reset it" is a sentence.
    """
    keys = "|".join(name.replace("_", "[_-]?") for name in sorted(names, key=lambda name: (-len(name), name)))
    return re.compile(
        rf"""(?P<key>(?i:{keys}|(?<![A-Za-z0-9_-])token))(?:
        (?<!\\)["']\s{{0,3}}[:=]\s{{0,3}}(?:"(?P<double>(?:[^"\\]|\\.)++)|'(?P<single>(?:[^'\\]|\\.)++))
        |\\*["']\s{{0,3}}[:=]\s{{0,3}}(?:\\+"(?P<escaped>(?:[^"\\]|\\{{2,}}[^\\])++)|(?P<number>[0-9][^\s,}}\]]*))
        |\s{{0,3}}=\s{{0,3}}\\*["']?(?P<plain>[^\s"'&;,\\{{}}()<>]+)
        |\s{{0,3}}:\s{{0,3}}\\*["']?(?P<typed>(?=[^\s0-9]{{0,200}}[0-9])[^\s"'&;,\\{{}}()<>]{{6,}}))""",
        re.VERBOSE | re.DOTALL,
    )


def _ends_of(names: frozenset[str]) -> re.Pattern[bytes]:
    spellings = sorted({name.replace("_", "") for name in [*names, "token"]})
    width = min(3, *(len(s) for s in spellings))
    ends = b"|".join(sorted({re.escape(s[-width:].encode()) for s in spellings}))
    whole = b"|".join(rb"(?<=%b:)" % re.escape(s.encode()) for s in spellings)
    return re.compile(rb":(?<=(?:%b):)(?:%b)" % (ends, whole))


def _user_key(key: str) -> str:
    if len(words := _words(key)) < 2:
        raise UsageError(f"redact_keys: {key!r} is too short to tell; use a name of two letters or digits at least")
    return words


def _user_rule(name: str, pattern: str) -> _Rule:
    if not _RULE_NAME.fullmatch(name):
        raise UsageError(f"redact_patterns: {name!r} cannot name a rule; use letters, digits, '_', '-' and '.'")
    try:
        return _rule(name, pattern)
    except re.error as error:
        raise UsageError(f"redact_patterns.{name}: {pattern!r} is no regular expression: {error}") from error


def _has_digits(text: str) -> bool:
    return _CARD_DIGITS in text.encode("utf-8", "replace").translate(_DIGITS, b" -")


def _apply(pattern: re.Pattern[str], text: str, replace: Callable[[re.Match[str]], str]) -> str:
    if "[redacted:" not in text:
        return pattern.sub(replace, text)
    markers = [marker.span() for marker in _MARKER.finditer(text)]

    def outside(match: re.Match[str]) -> str:
        place = bisect_right(markers, match.start(), key=itemgetter(0)) - 1
        return match[0] if place >= 0 and match.end() <= markers[place][1] else replace(match)

    return pattern.sub(outside, text)


def _named(name: str) -> Callable[[re.Match[str]], str]:
    def replace(match: re.Match[str]) -> str:
        return _swap(match, name)

    return replace


def _swap(match: re.Match[str], name: str) -> str:
    """The match with its named group, if one took part, replaced; else all of it."""
    for group, found in match.groupdict().items():
        if found is not None and group != "key":
            if _IDENTITY.fullmatch(found):
                return match[0]
            start, end = match.start(group) - match.start(), match.end(group) - match.start()
            return f"{match[0][:start]}[redacted:{name}]{match[0][end:]}"
    return f"[redacted:{name}]"


def _assigned(match: re.Match[str]) -> str:
    return _swap(match, _words(match["key"]))


def _without_cards(text: str) -> str:
    """A number that looked like decimals of the one before is one of its own once that is gone."""
    for _ in range(CARDS_IN_A_CHAIN):
        clean = _apply(CARD_RUN, text, without_cards)
        if clean == text:
            break
        text = clean
    return text


def redact_log(
    redactor: Redactor,
) -> Callable[[object, str, MutableMapping[str, object]], Mapping[str, object]]:
    """A `structlog` processor that redacts each log record; put it after exceptions became text."""

    def process(_logger: object, _method: str, record: MutableMapping[str, object]) -> Mapping[str, object]:
        plain = {key: _plain(value) for key, value in record.items()}
        return cast("Mapping[str, object]", redactor.value(plain))

    return process


def _plain(value: object) -> Json:
    """A logged value as data: containers and scalars as they are, anything else as its text."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in cast("Mapping[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in cast("Sequence[object]", value)]
    return str(value)


DEFAULT = Redactor()
"""The rules that hold when nothing is configured."""
