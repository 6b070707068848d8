"""Reads a ticket: language, wishes, order numbers, addresses, amounts. Pure, and quick on long pastes."""

# ruff: noqa: E501, RUF001 - patterns stay in one piece; customers type curly apostrophes

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches

from records import Address
from words import (
    ENGLISH_TO_SPELL,
    HEDGES,
    ORDER_WORD,
    POLICY_TOPICS,
    PRODUCT_WORDS,
    STOP_WORDS,
    WISHES,
    Language,
    Wish,
)

from holdfast.types import Json

MOST_READ = 4_000
"""Characters of a ticket that are read, after quoted mail is cut away: people say what they want first."""

_QUOTED_MAIL = re.compile(
    r"^(?:-{2,}\s*Original Message|>|On .{5,80} wrote:|Am .{5,80} schrieb|Le .{5,80} écrit)", re.MULTILINE
)
_NAMED_ORDER = re.compile(
    rf"(?:\b{ORDER_WORD}\b|\#)[\s:.#-]*(?:(?:no|nr|num|number|nummer|numéro|número|n°|nº)[\s.:#]*)?(\d{{4,6}})\b",
    re.IGNORECASE,
)
_LOOSE_NUMBER = re.compile(r"(?<![\d.,:/-])(1\d{3})(?![\d.,]*\d)\b")
_MONEY = re.compile(r"(?:€\s*(\d{1,5}(?:[.,]\d{2})?)|(\d{1,5}(?:[.,]\d{2})?)\s*(?:€|euros?\b|eur\b))", re.IGNORECASE)
_CLAUSES = re.compile(r"[.,;:!?\n]+(?=\s|$)")
EMAIL = re.compile(r"\b[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,2}")
_NAME = r"[^\W\d_][\w .'’-]{1,40}?"
_CONTINENTAL = re.compile(
    rf"(?P<street>{_NAME} \d{{1,4}}\w?|\d{{1,4}}\w?,? {_NAME}),\s*(?P<postcode>\d{{4,5}})[ \t]+(?P<city>{_NAME})\s*(?=[\n,.;]|$)"
)
_BRITISH = re.compile(
    rf"(?P<street>\d{{1,4}}\w? {_NAME}),\s*(?P<city>{_NAME}),?\s+(?P<postcode>[A-Z]{{1,2}}\d[A-Z\d]? \d[A-Z]{{2}})\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAddress:
    """An address as written; the country is seldom said."""

    street: str
    postcode: str
    city: str

    def in_country(self, country: str) -> Address:
        """Complete it."""
        return Address(street=self.street, postcode=self.postcode, city=self.city, country=country)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a ticket says, as far as plain code can tell."""

    text: str
    """Subject and body without quoted mail, spelling mended."""
    language: Language | None
    """`None`: none of the five."""
    wishes: frozenset[Wish]
    order_ids: tuple[str, ...]
    """In the order of mention."""
    address: NewAddress | None
    amounts: tuple[Decimal, ...]
    emails: tuple[str, ...]
    policy_topics: tuple[str, ...]

    def hedges(self, wish: Wish) -> bool:
        """Whether a clause with this wish denies it or only supposes it."""
        clauses = (clause for clause in _CLAUSES.split(self.text) if WISHES[wish].search(clause))
        return any(HEDGES.search(clause) for clause in clauses)

    def calls_faulty(self, product: str) -> bool:
        """Whether a clause that speaks of damage names this product: "the lamp is broken, the bowls are fine"."""
        return any(_names(clause, product) for clause in _CLAUSES.split(self.text) if WISHES["faulty"].search(clause))


def read_ticket(asked: Json) -> Reading:
    """Read a ticket: a mapping with `subject` and `body`, or a bare question."""
    if isinstance(asked, Mapping):
        subject, body = str(asked.get("subject", "")), str(asked.get("body", ""))
    else:
        subject, body = "", str(asked or "")
    text = _mend_spelling(f"{subject}\n{_without_quotes(body)}"[:MOST_READ])
    address = find_address(text)
    return Reading(
        text=text,
        language=find_language(text),
        wishes=frozenset(_find_wishes(text)),
        order_ids=find_order_ids(text),
        address=address,
        amounts=tuple(_find_amounts(text)),
        emails=tuple(dict.fromkeys(EMAIL.findall(text))),
        policy_topics=tuple(words for words, topic in POLICY_TOPICS.items() if topic.search(text)),
    )


def _without_quotes(body: str) -> str:
    quote = _QUOTED_MAIL.search(body)
    return body[: quote.start()] if quote else body


def _mend_spelling(text: str) -> str:
    return re.sub(r"[^\W\d_]{6,12}", _nearest_word, text)


def _nearest_word(match: re.Match[str]) -> str:
    near = get_close_matches(match[0].lower(), ENGLISH_TO_SPELL, n=1, cutoff=0.82)
    return near[0] if near else match[0]


def find_language(text: str) -> Language | None:
    """The language whose small words are most frequent, or `None` when too few are known."""
    words = re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", text.casefold())
    hits: dict[Language, int] = {
        language: sum(word in known for word in words) for language, known in STOP_WORDS.items()
    }
    best = max(hits, key=lambda language: hits[language])
    share = hits[best] / max(1, len(words))
    return best if hits[best] >= 1 and share >= 0.12 else None


def _find_wishes(text: str) -> Iterator[Wish]:
    for wish, pattern in WISHES.items():
        if pattern.search(text):
            yield wish


def find_order_ids(text: str) -> tuple[str, ...]:
    """Order numbers: those after a word for order, else loose numbers that look like one."""
    named = _NAMED_ORDER.findall(text)
    if not named:
        named = _LOOSE_NUMBER.findall(_BRITISH.sub(" ", _CONTINENTAL.sub(" ", text)))
    return tuple(dict.fromkeys(named))


def find_address(text: str) -> NewAddress | None:
    """A complete postal address, continental or British, if there is one."""
    found = _BRITISH.search(text) or _CONTINENTAL.search(text)
    if found is None:
        return None
    return NewAddress(street=found["street"].strip(), postcode=found["postcode"].strip(), city=found["city"].strip())


def _find_amounts(text: str) -> Iterator[Decimal]:
    for before, after in _MONEY.findall(text):
        yield Decimal((before or after).replace(",", "."))


def _names(clause: str, product: str) -> bool:
    last = product.casefold().split()[-1]
    words = PRODUCT_WORDS.get(last, re.escape(last))
    return re.search(rf"\b(?:{words})s?\b", clause, re.IGNORECASE) is not None
