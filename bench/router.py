"""How often a shortlist has the tool that is needed, and what it saves: `python -m bench.router`."""

import json
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence

from bench.company_tools import QUESTIONS, UNSEEN, tools
from holdfast.engine.clock import SystemClock
from holdfast.loop.ranking import Routing
from holdfast.ports import Tool
from holdfast.router import ToolRouter
from holdfast.tools.router import drawn_up, finder, grown
from holdfast.tools.router_words import Words

MANY = tools()
WORDS = Words(MANY)
RESULT = ("order 1042: two lamps, paid by card, shipped on Monday, the parcel is in Leipzig; " * 30)[:2_000]


def size(one: Tool) -> int:
    """Characters of a definition, as providers are sent it."""
    return len(json.dumps({"name": one.name, "description": one.description, "parameters": dict(one.parameters)}))


SIZES = {one.name: size(one) for one in MANY}


def median(what: Callable[[], object], times: int) -> float:
    """Seconds that it takes."""
    took: list[float] = []
    for _ in range(times):
        began = time.perf_counter()
        what()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def chosen(question: str, most: int = ToolRouter().most) -> Sequence[str]:
    """What a model is shown for a question, by the words alone."""
    found = WORDS.ranked(question)
    rest = [one.name for one in MANY if one.name not in found]
    return drawn_up(most, {}, [*found, *rest]).names


def recall(questions: Mapping[str, Sequence[str]], most: int = ToolRouter().most) -> float:
    """The part of the questions whose tool is among those."""
    return sum(any(name in needed for name in chosen(asked, most)) for asked, needed in questions.items()) / len(
        questions
    )


def main() -> int:
    for most in (4, 8, 12, 16):
        print(f"recall@{most}: {recall(QUESTIONS, most):.2f} of {len(QUESTIONS)}, unseen {recall(UNSEEN, most):.2f}"
              f" of {len(UNSEEN)}")  # fmt: skip
    whole, own = sum(SIZES.values()), size(finder(MANY, WORDS))
    shown = [sum(SIZES[name] for name in chosen(asked)) for asked in QUESTIONS]
    mean = sum(shown) / len(shown) + own
    told = f"{mean:,.0f} of 12 and find_tools ({own:,})"
    print(f"definitions: {whole:,} characters of 100 tools, {told}: {1 - mean / whole:.0%} saved")
    routing = Routing(ToolRouter(), MANY, clock=SystemClock())
    reading = median(lambda: Routing(ToolRouter(), MANY, clock=SystemClock()), 20)
    print(f"reading 100 tools: {reading * 1e3:,.1f} ms, once a process")
    turn = median(lambda: grown(routing.ranked_by_words(["Where is it?", RESULT]).names[:12], 12, {}, []), 500)
    print(f"a turn's ranking: {turn * 1e6:,.0f} µs, with a result of {len(RESULT):,} characters")
    return 0


if __name__ == "__main__":
    sys.exit(main())
