"""Texts as vectors: the model library's embeddings, or a function, behind one small door."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from inspect import isawaitable
from math import sqrt
from operator import mul
from typing import Any, cast

from holdfast.ports import Embed, EmbeddingModel

Vector = Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """Vectors, and what they cost as far as anybody knows."""

    vectors: Sequence[Vector]
    """Of length 1, one for each text."""
    tokens: int = 0
    cost_usd: Decimal = Decimal(0)


class Embedder:
    """Asks an embedding model, or a function.

    Args:
        spec: `"provider:model"`, an `Embedder` of pydantic-ai, or a function of texts.
    """

    def __init__(self, spec: str | EmbeddingModel | Embed) -> None:
        self._spec = spec
        self.name = spec if isinstance(spec, str) else _name_of(spec)
        """As the author wrote it, or as it calls itself."""

    async def documents(self, texts: Sequence[str]) -> Embedded:
        """Vectors of what is looked through.

        Raises:
            Exception: Whatever library, provider or function raise.
            ValueError: It is not a vector for each text.
        """
        return await self._embed(texts, query=False)

    async def query(self, text: str) -> Embedded:
        """The vector of what is looked for. Raises as `documents` does."""
        return await self._embed([text], query=True)

    async def _embed(self, texts: Sequence[str], *, query: bool) -> Embedded:
        if isinstance(self._spec, str):
            # Importing a provider's SDK takes a second or more: not on the event loop.
            self._spec = await asyncio.to_thread(_make, self._spec)
        if not hasattr(self._spec, "embed_query"):
            given = cast("Embed", self._spec)(texts)
            return Embedded(vectors=_sound(await given if isawaitable(given) else given, len(texts)))
        model = cast("EmbeddingModel", self._spec)
        came = await (model.embed_query(texts) if query else model.embed_documents(texts))
        usage: object = getattr(came, "usage", None)
        return Embedded(
            vectors=_sound(came.embeddings, len(texts)),
            tokens=int(getattr(usage, "input_tokens", 0) or 0),
            cost_usd=_cost(came),
        )


def likeness(one: Vector, other: Vector) -> float:
    """The cosine between two vectors of length 1."""
    return sum(map(mul, one, other))


def _sound(rows: Sequence[Vector], number: int) -> Sequence[Vector]:
    if len(rows) != number or len({len(row) for row in rows}) > 1:
        raise ValueError(f"the embedder gave {len(rows)} vectors for {number} texts, or of different lengths")
    return [_unit(row) for row in rows]


def _unit(row: Vector) -> Vector:
    length = sqrt(likeness(row, row)) or 1.0
    return [value / length for value in row]


def _cost(came: object) -> Decimal:
    try:
        return Decimal(cast("Any", came).cost().total_price)
    except (AttributeError, AssertionError, LookupError):  # no price is known
        return Decimal(0)


def _name_of(spec: object) -> str:
    model: object = getattr(spec, "model", spec)
    if isinstance(model, str):
        return model
    system, name = getattr(model, "system", ""), getattr(model, "model_name", "")
    return f"{system}:{name}" if name else str(getattr(spec, "__name__", type(spec).__name__))


def _make(name: str) -> EmbeddingModel:
    # The model library takes 0.7 s to import; who ranks by words never needs it.
    from pydantic_ai import Embedder as LibraryEmbedder  # noqa: PLC0415

    return LibraryEmbedder(name)
