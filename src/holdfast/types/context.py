"""What a tool may know about the call it serves."""

from dataclasses import dataclass
from typing import Generic

from typing_extensions import TypeVar

from holdfast.types.execution import Execution

DepsT_co = TypeVar("DepsT_co", default=None, covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context(Generic[DepsT_co]):
    """What a tool may know about the call it serves. Ask for it with a first parameter of this type."""

    deps: DepsT_co
    """What `Agent(deps=...)` was given: connections, clients, settings."""
    execution: Execution
    """As it was when this activation began; `id`, `agent_type`, `thread_id` never change."""
    call_id: str
    step: int
    idempotency_key: str
    """Give it to the service you call: every attempt of this call has the same one."""
    attempt: int
    """1 for the first attempt of this call, also after a restart counted on."""
    user: str | None
