"""Ranks tools by the words that they share with what is said: BM25 over name, description and argument names. Pure.

It is what a router does by itself: no model, no network, no dependency, and the same order each time.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from math import log
from typing import Final, cast

from holdfast.ports import Tool
from holdfast.tools.router_synonyms import SYNONYMS

_WORD: Final = re.compile(r"[^\W\d_]+|\d+")
_HUMP: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")
"""Words of prose, `snake_case` and `camelCase` alike, of any alphabet."""
_LONGEST: Final = 4_000
"""Characters of a text that are looked at."""

_SATURATION: Final = 1.2
_LENGTH: Final = 0.3
"""How much a long description is held against a tool: BM25's `k1` and `b`, the latter low as all are short."""
_NAME: Final = 2.0
_DESCRIPTION: Final = 1.0
_ARGUMENT: Final = 0.5
"""What a word counts where it stands."""
_ALIKE: Final = 0.5
"""What a word counts that is only like one of those said."""

_SAY_NOTHING: Final = """
a about after all also am an and any are as at be been but by can could did do does done for from get give had has
have he her here him his how i if in into is it its just let like me more my need no not now of off on one or our
out please s she should so some somebody something t than that the their them then there these they thing this to
today tomorrow too up us use want was we well were what when where which while who whom whose why will with would
yes yet you your
"""
_EMPTY_WORDS: Final = frozenset(_SAY_NOTHING.split())
_ENDINGS: Final = ("ations", "ation", "ings", "ing", "ied", "ies", "ers", "ed", "es", "er", "ly", "s", "e")
_SHORTEST_STEM: Final = 3


class Words:
    """Tools by their words.

    Args:
        tools: What is ranked.
    """

    def __init__(self, tools: Sequence[Tool]) -> None:
        counts = {tool.name: _counted(tool) for tool in tools}
        mean = sum(sum(count.values()) for count in counts.values()) / (len(counts) or 1)
        self._order = {name: place for place, name in enumerate(counts)}
        self._postings: dict[str, list[tuple[str, float]]] = {}
        for name, count in counts.items():
            norm = _SATURATION * (1 - _LENGTH + _LENGTH * sum(count.values()) / mean)
            for stem, times in count.items():
                weight = times * (_SATURATION + 1) / (times + norm)
                self._postings.setdefault(stem, []).append((name, weight))
        for found in self._postings.values():
            rarity = log(1 + (len(counts) - len(found) + 0.5) / (len(found) + 0.5))
            found[:] = [(name, weight * rarity) for name, weight in found]

    def ranked(self, *texts: str) -> Sequence[str]:
        """Names of the tools that share a word with these texts, the best first.

        Args:
            texts: The earlier ones count less: each half as much as the one behind it.
        """
        scores: dict[str, float] = {}
        for age, text in enumerate(reversed(texts)):
            for stem, share in _meant(text).items():
                for name, weight in self._postings.get(stem, ()):
                    scores[name] = scores.get(name, 0.0) + weight * share / 2**age
        return sorted(scores, key=lambda name: (-scores[name], self._order[name]))


def stems(text: str) -> Iterator[str]:
    """The words of a text that mean something, without their endings, each as often as it stands there."""
    return filter(None, map(_stem, _words(text)))


def _words(text: str) -> Sequence[str]:
    return cast("Sequence[str]", _WORD.findall(_HUMP.sub(" ", text[:_LONGEST])))


def _meant(text: str) -> Mapping[str, float]:
    """What is said, and what is like it."""
    said = {stem: 1.0 for word in dict.fromkeys(_words(text)) if (stem := _stem(word))}
    return {near: _ALIKE for stem in said for near in _NEAR.get(stem, ())} | said


@lru_cache(maxsize=10_000)
def _stem(word: str) -> str:
    """A word without its ending; nothing of one that says nothing."""
    word = word.lower()
    if word in _EMPTY_WORDS:
        return ""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word[: -len(ending)]
    return word


def _counted(tool: Tool) -> Mapping[str, float]:
    counts: dict[str, float] = {}
    properties = cast("Mapping[str, object]", tool.parameters.get("properties") or {})
    for text, weight in ((tool.name, _NAME), (tool.description, _DESCRIPTION), (" ".join(properties), _ARGUMENT)):
        for stem in stems(text):
            counts[stem] = counts.get(stem, 0.0) + weight
    return counts


def _near() -> Mapping[str, Sequence[str]]:
    groups = [frozenset(map(_stem, line.split())) for line in SYNONYMS.strip().splitlines()]
    near: dict[str, set[str]] = {}
    for group in groups:
        for stem in group:
            near.setdefault(stem, set()).update(group)
    # In order: sums of fractions depend on it, and every process is to come to the same list.
    return {stem: sorted(found) for stem, found in near.items()}


_NEAR: Final = _near()
