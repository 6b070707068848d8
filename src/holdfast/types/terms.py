"""What an author may bound and ask for: limits, prices, what a change or a failure leads to."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

OnChange = Literal["continue", "review", "fail"]
OnFailure = Literal["fail", "review"]
OnRateLimit = Literal["wait", "next"]
"""What an execution does when a provider has too many requests: wait behind its gate with all the others, or ask the
next model of the chain."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Hard bounds on one execution.

    Args:
        steps: Model responses at most. Default: 25.
        tokens: Input plus output tokens at most, over all model calls. Default: 50,000.
        cost_usd: US dollars at most; needs a known price for every model. Default: no bound.
        tool_calls: Tool calls at most. Default: no bound.
        step_timeout_s: Seconds for one model call, and for each attempt of a tool that declares no
            `timeout_s` of its own. Default: 30.
        total_timeout_s: Seconds of activity at most. Time parked (for a person, for a later retry, with
            no worker alive) does not count. Default: 300.
        repeats: The same call, or the same cycle of calls, with unchanged results this many times is a
            loop. Default: 3.
        tool_failures: Calls that failed for good, and whose tool had no fallback that helped, after which a
            person is asked. Mistakes of the model do not count. Default: 3; `None`: never.
        children: Specialists at work at the same time, of an agent with a team. Default: 8.
        descendants: Executions that it starts, they start, and so on, at most. Default: 32.
        depth: Levels of executions below this one, at most. Default: 3.
    """

    steps: int = 25
    tokens: int = 50_000
    cost_usd: Decimal | float | None = None
    tool_calls: int | None = None
    step_timeout_s: float = 30
    total_timeout_s: float = 300
    repeats: int = 3
    tool_failures: int | None = 3
    children: int = 8
    descendants: int = 32
    depth: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars for a million tokens of a model.

    Args:
        input_usd_per_mtok: For input.
        output_usd_per_mtok: For output, reasoning included.
        cache_read_usd_per_mtok: For input that came from the provider's cache. Default: as other input.
        cache_write_usd_per_mtok: For input written to the provider's cache. Default: as other input.
    """

    input_usd_per_mtok: Decimal
    output_usd_per_mtok: Decimal
    cache_read_usd_per_mtok: Decimal | None = None
    cache_write_usd_per_mtok: Decimal | None = None
