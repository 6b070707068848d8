"""What gates judge, and what they answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from holdfast.types.call import Effect
from holdfast.types.frozen import frozen
from holdfast.types.routing import Routing
from holdfast.types.value import Json

Verdict = Literal["allow", "review", "deny", "rewrite"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a gate answered, and why. Always journaled."""

    verdict: Verdict
    gate: str
    """Which gate decided, e.g. `review_rule`."""
    reason: str = ""
    risk: float = 0.0
    """0 (harmless) to 1."""
    rewritten: Mapping[str, Json] | None = None
    """The arguments to use instead; only with `rewrite`."""
    routing: Routing | None = None
    """Whom to ask; only with `review`. `None`: everybody."""


@frozen
class Proposal:
    """One tool call as it would run: what gates and people judge."""

    call_id: str
    execution_id: str
    step: int
    tool: str
    effect: Effect
    arguments: Mapping[str, Json]
    """Validated, defaults filled in, as JSON. What a person is shown and what runs."""
    args: object
    """The same as Python values, by attribute: what a review rule reads. `None` where the tool has no rule."""
    digest: str
    """SHA-256 of tool name and canonical arguments: what an approval is bound to."""
    schema_hash: str
    agent: str
    user: str | None
