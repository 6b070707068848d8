"""One question to a model, and what a rung of the fallback chain makes of it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol, TypeAlias

from holdfast.loop.prices import Tariff
from holdfast.loop.prompt import Prompt
from holdfast.loop.transcript import Entry
from holdfast.ports import Tool
from holdfast.types import Conversation, Json, Usage
from holdfast.types.frozen import frozen

OnToken: TypeAlias = Callable[[str], None]
"""Gets text as it is made. Live only: an attempt that fails half-way was heard as well."""


@frozen
class Request:
    """What a model is asked this turn."""

    instructions: str
    entries: Sequence[Entry]
    tools: Sequence[Tool]
    conversation: Callable[[], Conversation]
    """The same for rules, made when one is asked."""
    max_tokens: int
    timeout_s: float
    """Seconds for one attempt at one rung."""
    closing: bool
    """Plain text is wanted; no tool may be called, and none need be given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A rung's answer."""

    json: Mapping[str, Json]
    usage: Usage
    cost_usd: Decimal
    provider: str
    model: str


class Rung(Protocol):
    """One model, or rule, of the chain."""

    @property
    def name(self) -> str:
        """As the author wrote it."""
        ...

    @property
    def provider(self) -> str:
        """Who serves it, as far as its name tells; `rules` for a rule."""
        ...

    @property
    def tariff(self) -> Tariff | None:
        """How it is priced; `None`: unknown."""
        ...

    @property
    def tokens(self) -> bool:
        """Whether it counts tokens at all: rules do not."""
        ...

    @property
    def caches(self) -> bool:
        """Whether it may write a provider's prompt cache."""
        ...

    @property
    def context_window(self) -> int | None: ...

    @property
    def request_timeout_s(self) -> float | None:
        """Seconds for one attempt, where the author gave it some of its own."""
        ...

    @property
    def max_output_tokens(self) -> int | None:
        """Asked of it for one response, where the author gave it a number of its own."""
        ...

    @property
    def counts_input(self) -> bool:
        """Whether `count` is to be asked before room is reserved."""
        ...

    async def count(self, request: Request, prompt: Prompt) -> int | None:
        """Tokens of a request as the provider counts them; `None` when it does not say. Raises nothing."""
        ...

    async def ask(self, request: Request, prompt: Prompt, on_token: OnToken | None) -> Reading:
        """Ask once. Raises whatever goes wrong; `failure.classify` knows what it means."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
