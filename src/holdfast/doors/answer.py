"""Commands by which people decide: approve, reject, answer, resolve, cancel, retry."""

import json
from typing import Annotated, Literal

from cyclopts import Parameter

from holdfast.doors import exits
from holdfast.doors.desk import find_approval, find_execution, looking
from holdfast.doors.look import most_agreed
from holdfast.doors.options import COMMON, Common, Id, os_user
from holdfast.doors.screen import call_words, emit, line, say, shorten, words
from holdfast.errors import UsageError
from holdfast.types import Answer, Approval, Json

By = Annotated[str | None, Parameter(show_default=False)]
Alike = Annotated[bool, Parameter(name="--alike", negative=(), show_default=False)]


async def approve(  # noqa: PLR0913 - one per option
    id_: Id,
    /,
    *,
    note: str | None = None,
    edit: str | None = None,
    alike: Alike = False,
    by: By = None,
    common: Common = COMMON,
) -> int:
    """Say yes to what waits.

    Args:
        id_: The approval's id or part of it, or the id of an execution with one open question.
        note: A remark, recorded and shown to the agent.
        edit: Other arguments to run it with, as a JSON object, or another result; recorded as your edit.
        alike: Also to all open questions of the same agent, tool, gate and sort of reason; each is decided singly.
        by: Who says so. Default: the user of this machine.
        common: What every command takes.
    """
    if alike and edit is not None:
        raise UsageError("--edit is for one call: leave out --alike")
    if alike:
        return await _decide_alike(id_, "approve", common, by=by, note=note)
    return await _decide(id_, "approve", common, by=by, note=note, edit=as_json(edit, "--edit"))


async def reject(id_: Id, /, *, note: str, alike: Alike = False, by: By = None, common: Common = COMMON) -> int:
    """Say no to what waits.

    Args:
        id_: The approval's id or part of it, or the id of an execution with one open question.
        note: Why; the agent is told.
        alike: Also to all open questions of the same agent, tool, gate and sort of reason; each is decided singly.
        by: Who says so. Default: the user of this machine.
        common: What every command takes.
    """
    if alike:
        return await _decide_alike(id_, "reject", common, by=by, note=note)
    return await _decide(id_, "reject", common, by=by, note=note)


async def answer(id_: Id, text: str, /, *, by: By = None, common: Common = COMMON) -> int:
    """Answer a question that an agent asked.

    Args:
        id_: The approval's id or part of it, or the id of an execution with one open question.
        text: The answer, in your words.
        by: Who says so. Default: the user of this machine.
        common: What every command takes.
    """
    return await _decide(id_, "answer", common, by=by, note=text)


async def resolve(  # noqa: PLR0913 - one per option
    id_: Id,
    outcome: Literal["happened", "run", "skip"],
    /,
    *,
    result: str | None = None,
    note: str | None = None,
    by: By = None,
    common: Common = COMMON,
) -> int:
    """Say what became of a call whose outcome is unknown.

    Args:
        id_: The approval's id or part of it, or the id of an execution with one open question.
        outcome: It happened; it did not, and may run; it did not, and must not.
        result: What the call returned, as JSON, where it happened.
        note: A remark, recorded and shown to the agent.
        by: Who says so. Default: the user of this machine.
        common: What every command takes.
    """
    if result is not None and outcome != "happened":
        raise UsageError(f"--result is what a call returned that happened: leave it out with {outcome!r}")
    return await _decide(id_, outcome, common, by=by, note=note, edit=as_json(result, "--result"))


async def _decide(  # noqa: PLR0913 - the parts of an answer
    given: str, said: Answer, common: Common, *, by: str | None, note: str | None, edit: Json = None
) -> int:
    async with looking(common) as app:
        found = await find_approval(app, given)
        refuse_misfit(found, said)
        decided = await app.decide(found.id, said, by=by or os_user(), note=note, edit=edit)
        execution = await app.get(decided.execution_id)
    if common.json:
        emit(decided)
        return exits.OK
    if decided.status == "open":
        say(line((f"{_status(decided)} ", "bold"), f"so far: {_what(decided)}; others have to say yes too"))
        return exits.OK
    say(line((f"{decided.status} ", "bold"), f"by {decided.decided_by}: {_what(decided)}"))
    if execution.status == "awaiting_review":
        say(f"{execution.id} still waits for another answer: holdfast approvals{common.where}")
    else:
        say(f"{execution.id} goes on as soon as a worker is free: holdfast tail {execution.id}{common.where}")
    return exits.OK


async def _decide_alike(id_: str, said: Answer, common: Common, *, by: str | None, note: str | None) -> int:
    async with looking(common) as app:
        found = await find_approval(app, id_)
        refuse_misfit(found, said)
        ids = [one.id for one in await app.alike(found.id)] or [found.id]
        settled = await app.decide_all(ids, said, by=by or os_user(), note=note)
    for one in settled:
        if common.json:
            emit(one)
        elif one.approval:
            say(line((f"{_status(one.approval)} ", "bold"), f"{one.approval_id}: {_what(one.approval)}"))
        else:
            say(line(("refused ", "red"), f"{one.approval_id}: {one.refused}"))
    return exits.OK if all(one.approval for one in settled) else exits.FAILED


def _status(approval: Approval) -> str:
    """What an answer has made of it: one vote of several leaves it open."""
    if approval.status != "open":
        return approval.status
    return f"{most_agreed(approval)} of {approval.quorum} agreed"


def _what(decided: Approval) -> str:
    """What was decided about: the call as it will run, or the question."""
    if decided.kind == "result":
        return shorten(words(decided.arguments if decided.edit is None else decided.edit), 200)
    if decided.tool_name is None:
        return decided.question
    edited = decided.kind == "call" and decided.edit is not None
    return call_words(decided.tool_name, decided.edit if edited else decided.arguments)


_FITTING: dict[str, tuple[frozenset[str], str]] = {
    "call": (frozenset({"approve", "reject"}), "holdfast approve or holdfast reject"),
    "result": (frozenset({"approve", "reject"}), "holdfast approve or holdfast reject"),
    "change": (frozenset({"approve", "reject"}), "holdfast approve or holdfast reject"),
    "escalation": (frozenset({"approve", "reject"}), "holdfast approve --note or holdfast reject --note"),
    "question": (frozenset({"answer", "reject"}), "holdfast answer or holdfast reject"),
    "doubt": (frozenset({"happened", "run", "skip"}), "holdfast resolve happened, run or skip"),
}


def refuse_misfit(approval: Approval, said: Answer) -> None:
    """Refuse an answer that is none to what is asked.

    Raises:
        UsageError: The message names the command that fits.
    """
    fitting, how = _FITTING[approval.kind]
    if said not in fitting:
        raise UsageError(f"{approval.id} asks about a {approval.kind}; {said!r} does not answer that: use {how}")


def as_json(given: str | None, option: str) -> Json:
    """An option's value as JSON.

    Raises:
        UsageError: It is none; the message says where it breaks.
    """
    if given is None:
        return None
    try:
        return json.loads(given)
    except ValueError as error:
        raise UsageError(f"{option} is not JSON ({error}): write it as '{{\"amount\": 80}}'") from error


async def cancel(id_: Id, /, *, by: By = None, common: Common = COMMON) -> int:
    """Cancel an execution; a call that runs now is recorded, no new one starts.

    Args:
        id_: Its id, or at least 6 characters of its start or end.
        by: Who says so. Default: the user of this machine.
        common: What every command takes.
    """
    async with looking(common) as app:
        execution = await app.cancel((await find_execution(app, id_)).id, by=by or os_user())
    if common.json:
        emit(execution)
    elif execution.status == "cancelled":
        say(f"{execution.id} is cancelled")
    else:
        say(f"{execution.id} is {execution.status}: its worker was asked to stop")
        say(f"  holdfast tail {execution.id}{common.where}")
    return exits.OK
