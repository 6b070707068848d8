"""The seams: what the core asks of the world, each one small Protocol or function type."""

from holdfast.ports.agent import (
    Embed,
    EmbeddingModel,
    Embeddings,
    Fallback,
    LanguageModel,
    Rank,
    ReviewRule,
    Rule,
    Runnable,
    Tool,
)
from holdfast.ports.delivery import AlertDesk, Channel, Outbox, PruneDesk, UsedAnswers
from holdfast.ports.queue import Queue
from holdfast.ports.record import Journal, Store
from holdfast.ports.time import Clock, NewId
from holdfast.ports.trace import During

__all__ = [
    "AlertDesk",
    "Channel",
    "Clock",
    "During",
    "Embed",
    "EmbeddingModel",
    "Embeddings",
    "Fallback",
    "Journal",
    "LanguageModel",
    "NewId",
    "Outbox",
    "PruneDesk",
    "Queue",
    "Rank",
    "ReviewRule",
    "Rule",
    "Runnable",
    "Store",
    "Tool",
    "UsedAnswers",
]
