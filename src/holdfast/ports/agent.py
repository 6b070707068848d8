"""What an agent is declared with: models, rules, tools, review rules."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol, TypeAlias

from holdfast.types import (
    Cached,
    Context,
    Conversation,
    Decision,
    Default,
    Effect,
    Json,
    OnChange,
    Proposal,
    Reply,
)

Rule: TypeAlias = Callable[[Conversation], Reply | Awaitable[Reply]]
"""A rule-based model: plain code that sees the conversation and answers like a model."""


ReviewRule: TypeAlias = Callable[[Proposal], Decision]
"""Says of one call whether it may run, needs a person, or may not run. Pure."""


Rank: TypeAlias = Callable[[Conversation, Sequence["Tool"]], Sequence[str] | Awaitable[Sequence[str]]]
"""Orders an agent's tools by how much they are needed now: names, best first."""


Embed: TypeAlias = Callable[[Sequence[str]], Sequence[Sequence[float]] | Awaitable[Sequence[Sequence[float]]]]
"""Turns texts into vectors, one each."""


class Embeddings(Protocol):
    """What an embedding model of the model library answers."""

    @property
    def embeddings(self) -> Sequence[Sequence[float]]: ...


class EmbeddingModel(Protocol):
    """An `Embedder` of the model library (pydantic-ai)."""

    async def embed_query(self, query: str | Sequence[str], /) -> Embeddings:
        """The vector of what is looked for."""
        ...

    async def embed_documents(self, documents: str | Sequence[str], /) -> Embeddings:
        """The vectors of what is looked through."""
        ...


class LanguageModel(Protocol):
    """A model instance of the model library (pydantic-ai), e.g. one with a base URL of your own."""

    @property
    def model_name(self) -> str:
        """The provider's name for it."""
        ...

    @property
    def system(self) -> str:
        """The provider."""
        ...


class Runnable(Protocol):
    """What can be run to an outcome: a tool, or a step of a workflow."""

    @property
    def name(self) -> str: ...
    @property
    def effect(self) -> Effect: ...
    @property
    def retries(self) -> int:
        """Further attempts after a failed one, of what is `read` or `idempotent`."""
        ...

    @property
    def has_probe(self) -> bool: ...

    async def run(self, context: Context[object], arguments: Mapping[str, Json]) -> object:
        """Run it once."""
        ...

    async def ask_probe(self, context: Context[object], arguments: Mapping[str, Json]) -> object | None:
        """Ask whether an effect of unknown outcome happened: its result, or `None` if it did not."""
        ...

    def difference(self, value: object) -> str | None:
        """How a result is not of the type that is declared; `None`: it is, or none is declared."""
        ...


class Tool(Runnable, Protocol):
    """A declared tool. Made by `holdfast.tool`; the arguments of a run have passed `validate`."""

    @property
    def description(self) -> str: ...
    @property
    def timeout_s(self) -> float | None:
        """Seconds one attempt may take; `None`: the agent's `step_timeout_s`."""
        ...

    @property
    def on_change(self) -> OnChange: ...
    @property
    def parameters(self) -> Mapping[str, Json]:
        """JSON schema of the arguments."""
        ...

    @property
    def schema_hash(self) -> str:
        """SHA-256 over name, effect and parameters: changes when a recorded call could mean another thing."""
        ...

    @property
    def review(self) -> ReviewRule | None:
        """The declared review rule; `None`: undeclared, so an irreversible call is asked every time."""
        ...

    @property
    def fallback(self) -> "Fallback | None":
        """What stands in for it when it failed for good and did not happen."""
        ...

    @property
    def personal(self) -> bool:
        """Whether its results may depend on who asks: kept ones are then nobody else's."""
        ...

    def validate(self, arguments: Mapping[str, Json]) -> Mapping[str, Json]:
        """The arguments, checked and completed with defaults, as JSON.

        Raises:
            InvalidArguments: They do not fit; the message says which and why.
        """
        ...

    def typed(self, arguments: Mapping[str, Json]) -> object:
        """Validated arguments as the function gets them: attributes with Python values (`args.amount > 100`)."""
        ...


Fallback: TypeAlias = Tool | Cached | Default
"""What may stand in for a tool."""
