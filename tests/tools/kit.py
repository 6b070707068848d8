"""What the tests of tools share: a context, and a clock that notes sleeps instead of sleeping."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

from holdfast.tools.execute import Outcome, recover_call, run_call
from holdfast.types import Context, Execution

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)

EXECUTION = Execution(
    id="e1",
    parent_id=None,
    thread_id=None,
    user_id="ada",
    agent_type="support",
    agent_version="1",
    status="running",
    status_reason=None,
    priority=0,
    input_data="hi",
    state=None,
    result=None,
    error=None,
    step_count=1,
    token_count=0,
    cost_usd=Decimal(0),
    reserved_tokens=0,
    reserved_usd=Decimal(0),
    unknown_tokens=0,
    unknown_usd=Decimal(0),
    lease_owner="w1",
    fence=1,
    wake_at=None,
    deadline=None,
    cancel_requested_at=None,
    idempotency_key=None,
    last_seq=1,
    created_at=NOON,
    updated_at=NOON,
    completed_at=None,
)


@dataclass
class NotedClock:
    """Time that passes only when somebody sleeps."""

    slept: list[float] = field(default_factory=list)

    def now(self):
        return NOON

    def monotonic(self):
        return sum(self.slept)

    async def sleep(self, seconds):
        self.slept.append(seconds)


def context(attempt: int = 1) -> Context[object]:
    return Context(
        deps=None, execution=EXECUTION, call_id="e1:1:0", step=1, idempotency_key="e1:1:0", attempt=attempt, user="ada"
    )


async def run(tool, *, attempt=1, clock=None, timeout_s=5.0, random=lambda: 0.5, **more) -> Outcome:
    """Run a tool without arguments as the loop would."""
    clock = clock or NotedClock()
    return await run_call(tool, context(attempt), {}, timeout_s=timeout_s, clock=clock, random=random, **more)


async def recover(tool, *, attempt=2, clock=None, timeout_s=5.0, **more) -> Outcome:
    """Recover a call of a tool without arguments as the loop would."""
    clock = clock or NotedClock()
    return await recover_call(tool, context(attempt), {}, timeout_s=timeout_s, clock=clock, random=lambda: 0.5, **more)
