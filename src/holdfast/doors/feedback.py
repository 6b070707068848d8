"""The command about what people corrected: list it, or make evaluation cases of it."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter
from cyclopts.validators import Number

from holdfast.doors import exits
from holdfast.doors.desk import looking
from holdfast.doors.options import COMMON, Common
from holdfast.doors.screen import clean, emit, line, note, plain, say, shorten, words
from holdfast.errors import UsageError
from holdfast.types import Feedback, Json

_SUFFIXES: Final = (".yaml", ".yml", ".json")


async def feedback(
    *,
    agent: str | None = None,
    limit: Annotated[int, Parameter(validator=Number(gte=1))] = 100,
    export: Path | None = None,
    common: Common = COMMON,
) -> int:
    """List what people corrected, newest first: edited arguments, corrected results, reasons for a no.

    Args:
        agent: Only of this agent.
        limit: How many at most.
        export: Write them as evaluation cases to this file, .yaml or .json, that pydantic-evals reads.
        common: What every command takes.
    """
    if export and export.suffix not in _SUFFIXES:
        raise UsageError(f"--export {export}: name a file that ends in {', '.join(_SUFFIXES)}")
    async with looking(common) as app:
        found = await app.feedback(agent=agent, limit=limit)
    if export:
        write_cases(export, found, name=agent or "feedback")
    if common.json:
        for row in found:
            emit(row)
    elif export:
        say(f"{len(found)} cases in {export}")
    elif not found:
        note("nobody corrected anything yet")
    else:
        for row in found:
            _tell(row)
    return exits.OK


def _tell(row: Feedback) -> None:
    about = row.tool_name or "result"
    head = f"{row.agent_type}  {about}  by {row.given_by} at {row.created_at:%Y-%m-%d %H:%M %Z}"
    say(line((f"{row.kind}  ", "bold"), clean(head)))
    say(line(("asked      ", "dim"), shorten(words(row.asked), 160), indent=2))
    say(line(("was        ", "dim"), shorten(words(row.was), 160), indent=2))
    if row.kind != "rejection":
        say(line(("should be  ", "dim"), shorten(words(row.should_be), 160), indent=2))
    if row.why:
        say(line(("why        ", "dim"), clean(row.why), indent=2))


def write_cases(path: Path, rows: Sequence[Feedback], *, name: str) -> None:
    """Write corrections as a data set in the file format of pydantic-evals: YAML or JSON by the file's name.

    Every JSON text is YAML too, so both are written by the same hand.
    """
    dataset = {"name": name, "cases": [case_of(row) for row in reversed(rows)], "evaluators": []}
    path.write_text(json.dumps(dataset, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def case_of(row: Feedback) -> Mapping[str, object]:
    """One correction as a case: what was asked, what should have come of it, and where it is from."""
    metadata: dict[str, Json] = {
        "kind": row.kind,
        "agent": row.agent_type,
        "tool": row.tool_name,
        "execution": row.execution_id,
        "step": row.step_number,
        "was": row.was,
        "why": row.why,
        "given_by": row.given_by,
        "created_at": row.created_at.isoformat(),
    }
    return {
        "name": row.id,
        "inputs": plain(row.asked),
        "expected_output": plain(row.should_be),
        "metadata": metadata,
    }
