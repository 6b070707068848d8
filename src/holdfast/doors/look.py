"""Commands that only look: executions, show, tail, approvals."""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Final, cast

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.text import Text

from holdfast.app import App
from holdfast.doors import exits, family
from holdfast.doors.desk import find_execution, looking
from holdfast.doors.options import COMMON, Common, Id
from holdfast.doors.screen import (
    STYLES,
    call_words,
    clean,
    console,
    draw,
    emit,
    line,
    note,
    plain,
    say,
    shorten,
    table,
    words,
)
from holdfast.doors.show_plan import show_plan
from holdfast.doors.story import Story, raw
from holdfast.types import Approval, Event, Execution, Json, Status


async def executions(  # noqa: PLR0913 - one filter each
    *,
    status: Status | None = None,
    agent: str | None = None,
    user: str | None = None,
    thread: str | None = None,
    limit: Annotated[int, Parameter(validator=Number(gte=1))] = 20,
    after: str | None = None,
    common: Common = COMMON,
) -> int:
    """List executions, newest first.

    Args:
        status: Only those with this status.
        agent: Only those of this agent.
        user: Only those of this user.
        thread: Only those of this conversation.
        limit: How many at most.
        after: The id of the last one seen: the next page.
        common: What every command takes.
    """
    async with looking(common) as app:
        last = (await find_execution(app, after)).id if after else None
        found = await app.list(status=status, agent=agent, user=user, thread=thread, limit=limit, after=last)
    if common.json:
        for execution in found:
            emit(execution)
        return exits.OK
    if not found:
        note("no executions")
        return exits.OK
    _draw_executions(found)
    if len(found) == limit:
        note(f"more: holdfast executions --after {found[-1].id}{common.where}")
    return exits.OK


def _draw_executions(found: Sequence[Execution]) -> None:
    columns = [name for name in _COLUMNS if console().width >= 140 or name not in {"agent", "user", "tokens", "cost"}]
    draw(table(columns, [[_COLUMNS[name](it) for name in columns] for it in found], widest="input"))


_COLUMNS: Final[Mapping[str, Callable[[Execution], str | Text]]] = {
    "id": lambda it: it.id,
    "status": lambda it: line((it.status, STYLES[it.status])),
    "agent": lambda it: shorten(it.agent_type, 20),
    "user": lambda it: shorten(it.user_id or "", 24),
    "steps": lambda it: str(it.step_count),
    "tokens": lambda it: f"{it.token_count:,}",
    "cost": lambda it: f"${it.cost_usd:.4f}",
    "age": lambda it: _age(it.created_at),
    "input": lambda it: shorten(f"{_why(it)}{words(it.input_data)}", 120),
}


def _why(it: Execution) -> str:
    """Why it has its status, where that needs words."""
    return f"[{it.status_reason}] " if it.status_reason and it.status != "completed" else ""


def _age(then: datetime) -> str:
    seconds = max(0, int((datetime.now(UTC) - then).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


async def show(
    id_: Id,
    /,
    *,
    events: Annotated[bool, Parameter(negative=())] = False,
    plan: Annotated[bool, Parameter(negative=())] = False,
    common: Common = COMMON,
) -> int:
    """Tell the whole story of one execution.

    Args:
        id_: Its id, or at least 6 characters of its start or end.
        events: Print the raw journal instead, row by row.
        plan: Draw a planner's plan, or a workflow's path, as it stands now.
        common: What every command takes.
    """
    async with looking(common) as app:
        execution = await find_execution(app, id_)
        if events:
            async for event in _journal(app, execution):
                emit(event) if common.json else say(raw(event))
            return exits.OK
        if plan:
            return await show_plan(app, execution, json=common.json)
        asked = await app.approvals(status=None, execution_id=execution.id)
        children = await app.children(execution.id)
        if common.json:
            whole = {**cast("dict[str, object]", plain(execution)), "approvals": asked}
            emit({**whole, "children": children} if children else whole)
            return exits.OK
        await _tell(app, execution)
        say(*family.below(execution, children))
        say(*_sum_up(execution, asked, common.where))
    return exits.OK


async def _journal(app: App, execution: Execution) -> AsyncIterator[Event]:
    """All of it, or what pruning left."""
    if execution.pruned_at is None:
        async for event in app.events(execution.id, follow=False):
            yield event
        return
    for event in await app.remains(execution.id):
        yield event


async def _tell(app: App, execution: Execution) -> None:
    story = Story(whole=True)
    say(line((execution.id, "bold"), "  ", (execution.status, STYLES[execution.status]), _because(execution)))
    if execution.pruned_at is not None:
        said = f"{execution.pruned_at:%Y-%m-%d %H:%M} UTC: what it read, said and did is gone; who decided what stays"
        say(line(("pruned ", "yellow"), said))
    async for event in _journal(app, execution):
        say(*story.tell(event))
    say("", line(("spent   ", "dim"), f"{execution.step_count} steps, {story.spent()}"))


def _sum_up(execution: Execution, asked: Sequence[Approval], where: str) -> Iterator[str | Text]:
    yield line(("calls   ", "dim"), _calls(execution))
    for approval in asked:
        yield from approval_lines(approval)
        yield from how_to_answer(approval, where)
    if execution.result is not None:
        yield line(("result  ", "dim"), words(execution.result))
    yield from _answered_by(execution.state)
    if execution.error:
        yield line(("error   ", "dim"), execution.error)
    if execution.status == "failed" and execution.pruned_at is None:
        yield f"to go on after its last durable step: holdfast retry {execution.id}{where}"


def _answered_by(state: Json) -> Iterator[Text]:
    """Which model gave the newest answer, and that it was not the first choice."""
    if isinstance(state, Mapping) and state.get("model"):
        rung = state.get("rung")
        place = f"  degraded: rung {rung + 1} of the chain" if isinstance(rung, int) and state.get("degraded") else ""
        yield line(("model   ", "dim"), str(state["model"]), (place, "yellow"))


def _because(execution: Execution) -> str:
    return f" ({execution.status_reason})" if execution.status_reason else ""


def _calls(execution: Execution) -> str:
    counts: dict[str, int] = {}
    for call in execution.tool_calls:
        counts[call.status] = counts.get(call.status, 0) + 1
    return ", ".join(f"{count} {status}" for status, count in counts.items()) or "none"


async def tail(id_: Id, /, *, common: Common = COMMON) -> int:
    """Follow an execution until it ends; Ctrl-C stops looking and changes nothing.

    Args:
        id_: Its id, or at least 6 characters of its start or end.
        common: What every command takes.
    """
    async with looking(common) as app:
        execution = await find_execution(app, id_)
        story = Story()
        async for event in app.events(execution.id):
            if common.json:
                emit(event)
            else:
                say(*story.tell(event))
        execution = await app.get(execution.id)
    return exits.OF_STATUS[execution.status]


async def approvals(
    *,
    all_: Annotated[bool, Parameter(name="--all", negative=())] = False,
    common: Common = COMMON,
) -> int:
    """List what waits for a person, and how to answer it.

    Args:
        all_: Answered, expired and withdrawn ones too.
        common: What every command takes.
    """
    async with looking(common) as app:
        found = await app.approvals(status=None if all_ else "open")
    for approval in found:
        if common.json:
            emit(approval)
        else:
            say(*approval_lines(approval), *how_to_answer(approval, common.where), "")
    if not found and not common.json:
        note("nothing waits for a person")
    return exits.OK


def approval_lines(approval: Approval) -> list[str | Text]:
    """An approval as a person needs it: what would happen, who asks, why, until when, or who decided what."""
    head = line((approval.id, "bold"), f"  {approval.kind}  ", (approval.status, "yellow"))
    lines: list[str | Text] = [head, line(clean(approval.question), indent=2)]
    if approval.tool_name:
        lines.append(line((call_words(approval.tool_name, approval.arguments), "bold"), indent=2))
    elif approval.kind == "result":
        lines.append(line((shorten(words(approval.arguments), 1_000), "bold"), indent=2))
    lines.append(line(("because ", "dim"), f"{approval.reason} ({approval.gate}, risk {approval.risk:g})", indent=2))
    lines.append(line(("execution ", "dim"), f"{approval.execution_id} of {approval.agent_type}", indent=2))
    lines += [line((f"{label} ", "dim"), text, indent=2) for label, text in _people(approval)]
    if approval.status == "open":
        lines.append(line(("expires ", "dim"), f"{approval.expires_at:%Y-%m-%d %H:%M %Z}", indent=2))
    elif approval.decided_at:
        lines.append(line((f"{approval.answer} ", "bold"), _by(approval), indent=2))
    return lines


def _people(approval: Approval) -> Iterator[tuple[str, str]]:
    """Whom it is put to, how many of them must agree, who said what, and what comes next."""
    if approval.groups:
        yield "asked", " and ".join(approval.groups)
    if approval.quorum > 1:
        said = ", ".join(f"{vote.by} {vote.answer} at {vote.at:%H:%M}" for vote in approval.votes)
        yield "agreed", f"{most_agreed(approval)} of {approval.quorum}{f' ({said})' if said else ''}"
    upcoming = next((due for due in approval.ladder if not due.done), None)
    if upcoming and approval.status == "open":
        what = f"goes to {upcoming.to} too" if upcoming.to else "reminds those who are asked"
        yield "then", f"{upcoming.at:%Y-%m-%d %H:%M %Z} {what}"


def most_agreed(approval: Approval) -> int:
    """How many people said yes to the same wording."""
    counts = Counter(vote.digest for vote in approval.votes if vote.answer == "approve")
    return max(counts.values(), default=0)


def _by(approval: Approval) -> str:
    edit = f", changed to {words(approval.edit)}" if approval.edit is not None else ""
    remark = f": {approval.note}" if approval.note else ""
    return f"by {approval.decided_by} at {approval.decided_at:%Y-%m-%d %H:%M:%S %Z}{edit}{remark}"


def how_to_answer(approval: Approval, where: str = "") -> list[str]:
    """The commands that answer an open approval; `where` names the database if they must."""
    if approval.status != "open":
        return []
    no = f"  holdfast reject {approval.id} --note 'WHY'{where}"
    match approval.kind:
        case "question":
            return [f"  holdfast answer {approval.id} 'TEXT'{where}", no]
        case "doubt":
            return [f"  holdfast resolve {approval.id} {said}{where}" for said in ("happened", "run", "skip")]
        case "call" | "result" | "change":
            return [f"  holdfast approve {approval.id}{where}", no]
        case "escalation":
            return [f"  holdfast approve {approval.id} --note 'HOW TO GO ON'{where}", no]
