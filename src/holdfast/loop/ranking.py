"""An agent's tool router made ready: words, an author's function or an embedder order its tools."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Final, Literal, cast
from weakref import WeakKeyDictionary

from holdfast.agent import Agent
from holdfast.loop.failure import describe
from holdfast.loop.model import is_rule
from holdfast.memory.embed import Embedder, Vector, likeness
from holdfast.ports import Clock, Rank, Tool
from holdfast.router import ToolRouter, in_force
from holdfast.tools.router import arguments_of, finder
from holdfast.tools.router_words import Words
from holdfast.types import Conversation, Json

LEFT_ALONE_S: Final = 30.0
"""A function or an embedder that failed is not asked again for so long, so that not every turn waits for it."""
LONGEST_QUESTION: Final = 2_000
"""Characters of what was heard that an embedder is given."""

By = Literal["words", "rank", "embedding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Tools in the order in which they seem to be needed, and who says so."""

    names: Sequence[str]
    by: By
    fell_back: str | None = None
    """Why the words decide although something else was to."""
    embedded: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """Which embedder was asked, and what that cost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """What is new since the model's last message."""

    texts: Sequence[str]
    in_users_place: bool
    """Whether any of it is more than tools' results."""


class Routing:
    """An agent's router made ready: built once a process, shared by its executions.

    Args:
        router: As declared.
        tools: The agent's own.
        clock: Time.
    """

    def __init__(self, router: ToolRouter, tools: Sequence[Tool], *, clock: Clock) -> None:
        self.router, self._clock = router, clock
        self.tools = {tool.name: tool for tool in tools}
        self.words = Words(tools)
        self.finder = finder(tools, self.words)
        self._embedder = Embedder(router.embed) if router.embed is not None else None
        self._vectors: dict[str, Vector] = {}
        self._left_alone_until = 0.0
        self._one_at_a_time = WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock]()

    @classmethod
    def of(cls, agent: Agent[object], *, clock: Clock) -> "Routing | None":
        """The agent's router, or its default; `None`: its models are shown every tool.

        Raises:
            DeclarationError: There is no such provider of embeddings.
            MissingExtra: It needs a package that is not installed.
        """
        router = in_force(agent.router, len(agent.tools), rules=all(map(is_rule, agent.models)))
        if router is None:
            return None
        if isinstance(router.embed, str):
            # Who is shown a shortlist is asked through the model library, so that it is imported already.
            from holdfast.loop.library import check_name  # noqa: PLC0415

            check_name(router.embed)
        return cls(router, agent.tools, clock=clock)

    def ranked_by_words(self, texts: Sequence[str], fell_back: str | None = None) -> Ranking:
        """What no service is needed for; tools that share no word come last, as they are declared."""
        found = self.words.ranked(*texts)
        rest = self.tools.keys() - set(found)
        return Ranking(names=[*found, *(name for name in self.tools if name in rest)], by="words", fell_back=fell_back)

    async def ranked(self, heard: Heard, conversation: Callable[[], Conversation], *, embeds: bool) -> Ranking:
        """Tools by how well they fit what was heard; by their words when nothing better answers.

        Args:
            heard: What is new.
            conversation: All of it, for an author's function.
            embeds: Whether an embedder may be asked: there is room in the limits, and it was not for this turn.
        """
        rank, embedder = self.router.rank, self._embedder
        if rank is None and (embedder is None or not embeds or not heard.in_users_place):
            return self.ranked_by_words(heard.texts)
        if self._clock.monotonic() < self._left_alone_until:
            return self.ranked_by_words(heard.texts, "it failed a moment ago")
        try:
            async with asyncio.timeout(self.router.timeout_s):
                if rank is not None:
                    return await self._by_rule(rank, conversation())
                return await self._by_meaning(cast("Embedder", embedder), heard)
        except Exception as error:  # noqa: BLE001 - whatever an author's function or a service raises
            self._left_alone_until = self._clock.monotonic() + LEFT_ALONE_S
            return self.ranked_by_words(heard.texts, describe(error))

    async def _by_rule(self, rank: Rank, conversation: Conversation) -> Ranking:
        given: object = rank(conversation, tuple(self.tools.values()))
        names = cast("object", await cast("Awaitable[object]", given) if isawaitable(given) else given)
        if isinstance(names, str) or not isinstance(names, Sequence):
            raise TypeError(f"rank returned {names!r}: return names of tools, best first")
        known = [name for name in cast("Sequence[object]", names) if name in self.tools]
        return Ranking(names=[str(name) for name in dict.fromkeys(known)], by="rank")

    async def _by_meaning(self, embedder: Embedder, heard: Heard) -> Ranking:
        began = self._clock.monotonic()
        vectors = await self._of_tools(embedder)
        asked = await embedder.query("\n".join(heard.texts)[-LONGEST_QUESTION:])
        wanted = asked.vectors[0]
        # Of equal likeness as they are declared: the sort keeps the order.
        names = sorted(self.tools, key=lambda name: -round(likeness(wanted, vectors[name]), 9))
        cost: dict[str, Json] = {
            "gen_ai.request.model": embedder.name,
            "gen_ai.provider.name": embedder.name.partition(":")[0],
            "gen_ai.usage.input_tokens": asked.tokens,
            "cost_usd": str(asked.cost_usd),
            "latency_ms": round((self._clock.monotonic() - began) * 1_000, 3),
        }
        return Ranking(names=names, by="embedding", embedded=cost)

    async def _of_tools(self, embedder: Embedder) -> Mapping[str, Vector]:
        """Asked once a process, also where many executions begin at once."""
        lock = self._one_at_a_time.setdefault(asyncio.get_running_loop(), asyncio.Lock())
        async with lock:
            if not self._vectors:
                texts = [described(tool) for tool in self.tools.values()]
                came = await embedder.documents(texts)
                self._vectors = dict(zip(self.tools, came.vectors, strict=True))
        return self._vectors


def described(tool: Tool) -> str:
    """A tool in words, as an embedder gets it."""
    return f"{tool.name.replace('_', ' ')}: {tool.description} ({', '.join(arguments_of(tool))})"
