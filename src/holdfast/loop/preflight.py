"""Before a deploy: which executions that have not ended would meet a changed tool, and what would happen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from holdfast.agent import Agent
from holdfast.ports import Tool
from holdfast.trail import events as kinds
from holdfast.trail.follow import Record
from holdfast.types import Event, Execution, Json, Status

PAGE = 500
WAITING: tuple[Status, ...] = ("awaiting_review", "pending", "running")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One execution that would notice the deploy."""

    execution_id: str
    agent: str
    status: Status
    tool: str | None
    """The changed tool; `None`: the agent itself is not in this app."""
    pinned: str | None
    """Schema hash the execution was started with."""
    present: str | None
    """Schema hash now; `None`: the tool is gone."""
    outcome: str
    """`continue`, `review`, `fail`, or `unserved`."""
    version: str | None = None
    """The version of its agent that it is pinned to, where this code has another one."""


async def preflight(record: Record, agents: Mapping[str, Agent[object]]) -> Sequence[Finding]:
    """Every finding, for executions that have not ended. Reads only."""
    found: list[Finding] = []
    for status in WAITING:
        after: str | None = None
        while page := await record.list(status=status, limit=PAGE, after=after):
            for execution in page:
                found += await findings(record, execution, agents.get(execution.agent_type))
            after = page[-1].id
    return found


async def findings(record: Record, execution: Execution, agent: Agent[object] | None) -> Sequence[Finding]:
    """What one execution would meet."""
    if agent is None:
        return [finding(execution, None, None, None, "unserved")]
    if execution.pinned_to not in {None, agent.version}:
        return [replace(finding(execution, None, None, None, "unserved"), version=execution.pinned_to)]
    tools = {tool.name: tool for tool in agent.tools}
    pins = pins_of(await record.events(execution.id))
    return [
        finding(execution, name, pinned, present_hash(tools.get(name)), outcome(tools.get(name)))
        for name, pinned in pins.items()
        if present_hash(tools.get(name)) != pinned
    ]


def finding(execution: Execution, tool: str | None, pinned: str | None, present: str | None, what: str) -> Finding:
    """One finding."""
    return Finding(
        execution_id=execution.id,
        agent=execution.agent_type,
        status=execution.status,
        tool=tool,
        pinned=pinned,
        present=present,
        outcome=what,
    )


def pins_of(events: Sequence[Event]) -> Mapping[str, str]:
    """Schema hash of each tool as the execution knows it."""
    pins: dict[str, str] = {}
    for event in events:
        if event.kind in {kinds.STARTED, kinds.TOOLS_CHANGED}:
            pins = {name: str(value) for name, value in as_mapping(event.data["tools"]).items()}
    return pins


def as_mapping(value: Json) -> Mapping[str, Json]:
    """A JSON object; our own events hold nothing else here."""
    return value if isinstance(value, Mapping) else {}


def present_hash(tool: Tool | None) -> str | None:
    """The schema hash now, if the tool is still there."""
    return tool.schema_hash if tool else None


def outcome(tool: Tool | None) -> str:
    """What the execution would do."""
    return tool.on_change if tool else "review"
