"""Asks the person at this terminal about an open approval."""

import asyncio
import os
import sys
from typing import Final

from holdfast.app import App
from holdfast.doors.answer import as_json
from holdfast.doors.look import approval_lines
from holdfast.doors.screen import console, line, say
from holdfast.errors import AlreadyDecided, InvalidArguments, NotEntitled, UsageError
from holdfast.types import Answer, Approval, ApprovalKind, Json

_CHOICES: Final[dict[ApprovalKind, str]] = {
    "call": "[a]pprove  [r]eject  [e]dit the arguments  [l]eave it",
    "result": "[a]pprove  [r]eject  [e]dit the result  [l]eave it",
    "change": "[a]ccept  [r]eject  [l]eave it",
    "question": "your answer (empty: leave it)",
    "doubt": "it [h]appened  did not: r[u]n it  did not: [s]kip it  [l]eave it",
    "escalation": "[a]dvise it and go on  [r]eject  [l]eave it",
}
_LETTERS: Final[dict[ApprovalKind, dict[str, Answer]]] = {
    "call": {"a": "approve", "r": "reject", "e": "approve"},
    "result": {"a": "approve", "r": "reject", "e": "approve"},
    "change": {"a": "approve", "r": "reject"},
    "doubt": {"h": "happened", "u": "run", "s": "skip"},
    "escalation": {"a": "approve", "r": "reject"},
    "question": {},
}


async def ask(app: App, approval: Approval, *, by: str) -> bool:
    """Ask until there is a usable answer; `False` when it is left to somebody else."""
    say(*approval_lines(approval))
    while True:
        said = await _prompt(_CHOICES[approval.kind])
        if said is None or said in {"", "l"}:
            return False
        try:
            if await _decide(app, approval, said, by=by):
                return True
        except AlreadyDecided as error:
            say(str(error))
            return True
        except (UsageError, InvalidArguments, NotEntitled) as error:
            say(line((str(error), "red")))


async def _decide(app: App, approval: Approval, said: str, *, by: str) -> bool:
    """Record what was typed; `False` when it was none of the choices, or was taken back."""
    if approval.kind == "question":
        await app.decide(approval.id, "answer", by=by, note=said)
        return True
    letter = said[0].lower()
    answer = _LETTERS[approval.kind].get(letter)
    if answer is None:
        say(f"{said!r} is none of these")
        return False
    note, edit = await _details(approval.kind, letter)
    if letter in "re" and note is None and edit is None and answer != "run":
        say("taken back: it needs words")
        return False
    await app.decide(approval.id, answer, by=by, note=note, edit=edit)
    return True


async def _details(kind: ApprovalKind, letter: str) -> tuple[str | None, Json]:
    """The note or the JSON that goes with a choice."""
    match kind, letter:
        case _, "r":
            return await _prompt("why not (the agent is told)") or None, None
        case "escalation", "a":
            return await _prompt("how it goes on (the agent is told)") or None, None
        case "call", "e":
            return None, as_json(await _prompt("the arguments, as JSON") or None, "what you typed")
        case "result", "e":
            return None, as_json(await _prompt("the result, as JSON") or None, "what you typed")
        case "doubt", "h":
            return None, as_json(await _prompt("what the call returned, as JSON (empty: nothing)") or None, "it")
        case _:
            return None, None


async def _prompt(text: str) -> str | None:
    """One line from the terminal, or `None` at its end. Waiting holds up nothing else in this process."""
    console().print(line((f"{text} > ", "bold yellow")), end="", soft_wrap=True)
    loop, typed = asyncio.get_running_loop(), asyncio.Event()
    # A reader on the descriptor, not a thread in input(): a thread could not be let go on Ctrl-C.
    loop.add_reader(sys.stdin.fileno(), typed.set)
    try:
        await typed.wait()
    finally:
        loop.remove_reader(sys.stdin.fileno())
    content = os.read(sys.stdin.fileno(), 65_536)
    return content.decode(errors="replace").strip() if content else None
