"""What the demo came to: counted in the journal, and checked against the shop's own ledger."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from holdfast.doors import exits
from holdfast.doors.example import Ledger
from holdfast.doors.look import how_to_answer
from holdfast.doors.options import activating
from holdfast.doors.screen import call_words, line, shorten
from holdfast.types import Approval, Execution

_SHOWN = 3
"""Approvals printed in full; the rest is a command away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What only the one who played the demo knows."""

    tickets: int
    worked_by: str
    seconds: float
    kills: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """How to reach what the demo left: ` --database ...`, a worker for it, and one with the console."""

    where: str
    worker: str
    dev: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The demo in numbers: what `--json` prints."""

    tickets: int
    worked_by: str
    status: Mapping[str, int]
    tool_calls: int
    effects: Mapping[str, int]
    """By tool, as the shop's ledger has them."""
    duplicates: int
    """Irreversible effects that the ledger has more than once."""
    reruns: int
    """Idempotent calls repeated with the same key, which changed nothing."""
    lost: int
    """Tickets without an execution, and completed irreversible calls that the ledger does not have."""
    stuck: int
    """Executions that neither ended nor wait for a person."""
    turns: int
    turns_per_second: float
    cost_usd: float
    kills: int
    seconds: float
    approvals: tuple[Approval, ...]
    """What waits for a person."""

    @property
    def exit_status(self) -> int:
        """Failed when anything was lost, done twice or is stuck."""
        return exits.FAILED if self.duplicates or self.lost or self.stuck else exits.OK


def summarise(facts: Facts, executions: Sequence[Execution], approvals: Sequence[Approval], ledger: Ledger) -> Summary:
    """Count it all. `executions` come with their tool calls."""
    status = Counter(execution.status for execution in executions)
    turns = sum(execution.step_count for execution in executions)
    mine = {execution.id for execution in executions}
    return Summary(
        tickets=facts.tickets,
        worked_by=facts.worked_by,
        status=dict(status),
        tool_calls=sum(len(execution.tool_calls) for execution in executions),
        effects=dict(ledger.effects),
        duplicates=ledger.duplicates,
        reruns=ledger.reruns,
        lost=facts.tickets - len(executions) + _unrecorded(executions, ledger),
        stuck=status["pending"] + status["running"],
        turns=turns,
        turns_per_second=round(turns / facts.seconds, 1),
        cost_usd=float(sum(execution.cost_usd for execution in executions)),
        kills=facts.kills,
        seconds=round(facts.seconds, 2),
        approvals=tuple(approval for approval in approvals if approval.execution_id in mine),
    )


def _unrecorded(executions: Sequence[Execution], ledger: Ledger) -> int:
    """Irreversible calls that the journal calls completed and the shop never saw."""
    completed = Counter(
        call.tool_name
        for execution in executions
        for call in execution.tool_calls
        if call.effect == "irreversible" and call.status == "completed"
    )
    return sum(max(0, count - ledger.effects.get(tool, 0)) for tool, count in completed.items())


def tell(summary: Summary, commands: Commands) -> Iterator[str | Text]:
    """The summary for a person."""
    statuses = ", ".join(f"{count} {status}" for status, count in sorted(summary.status.items()))
    effects = ", ".join(f"{tool} {count}" for tool, count in sorted(summary.effects.items())) or "none"
    verdict = "bold red" if summary.exit_status else "bold green"
    yield ""
    yield line((f"{summary.tickets} tickets: {statuses}", "bold"), f" (worked by {summary.worked_by})")
    yield (
        f"{summary.turns} turns and {summary.tool_calls} tool calls in {summary.seconds:g} s, "
        f"${summary.cost_usd:.4f}; {summary.kills} worker killed with SIGKILL on the way"
    )
    yield f"effects in the shop's own ledger: {effects}"
    yield line((f"duplicates {summary.duplicates}, lost {summary.lost}, stuck {summary.stuck}", verdict))
    yield from _waiting(summary.approvals, commands)


def _waiting(approvals: Sequence[Approval], commands: Commands) -> Iterator[str | Text]:
    if not approvals:
        return
    yield ""
    yield line((f"{len(approvals)} wait for a person. For example:", "bold"))
    yield from activating()
    for approval in _calls_first(approvals)[:_SHOWN]:
        call = f"{call_words(approval.tool_name, approval.arguments)} " if approval.tool_name else ""
        yield shorten(f"{call}{approval.question} {approval.reason}", 160)
        yield from how_to_answer(approval, commands.where)
    yield f"all of them:        holdfast approvals{commands.where}"
    yield f"a worker goes on:   {commands.worker}{commands.where}"
    yield f"in a browser:       {commands.dev}{commands.where}"


def how_to_play(approvals: Sequence[Approval], where: str) -> list[str]:
    """What somebody who watches the table may do in another terminal, about the first call that waits."""
    waiting = [approval for approval in _calls_first(approvals) if approval.kind == "call"][:1]
    said = [f"In another terminal, in this folder ({len(approvals)} wait for a person):", *activating()]
    said.append(f"  holdfast approvals{where}")
    # Ids begin with the time: their ends differ soonest, and short ones fit a narrow terminal.
    said += [f"  holdfast approve {it.id[-8:]}{where}   # {it.tool_name}" for it in waiting]
    return said if approvals else []


def _calls_first(approvals: Sequence[Approval]) -> list[Approval]:
    return sorted(approvals, key=lambda it: it.kind != "call")
