"""How often a shortlist has the tool that is needed, and what it saves: `python -m bench.router`."""

import sys
import time
from collections.abc import Mapping, Sequence

from bench.company_tools import QUESTIONS, UNSEEN, tools
from holdfast.loop.prompt import tool_size
from holdfast.router import ToolRouter
from holdfast.tools.router import drawn_up, finder
from holdfast.tools.router_words import Words

MANY = tools()
WORDS = Words(MANY)
SIZES = {one.name: tool_size(one) for one in MANY}
TURNS = 2_000


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
    whole, own = sum(SIZES.values()), tool_size(finder(MANY, WORDS))
    shown = [sum(SIZES[name] for name in chosen(asked)) for asked in QUESTIONS]
    mean = sum(shown) / len(shown) + own
    told = f"{mean:,.0f} of 12 and find_tools ({own:,})"
    print(f"definitions: {whole:,} bytes of 100 tools, {told}: {1 - mean / whole:.0%} saved")
    asked = list(QUESTIONS)
    began = time.perf_counter()
    for turn in range(TURNS):
        WORDS.ranked(asked[turn % len(asked)])
    print(f"ranking: {(time.perf_counter() - began) / TURNS * 1e6:,.0f} µs a turn")
    began = time.perf_counter()
    Words(MANY)
    print(f"reading 100 tools: {(time.perf_counter() - began) * 1e3:,.1f} ms, once a process")
    return 0


if __name__ == "__main__":
    sys.exit(main())
