"""The people beside the fleet: a process that asks for everything, answers what is asked, and testifies in the end."""

import asyncio
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from holdfast import App
from holdfast.errors import AlreadyDecided, StoreError
from holdfast.trail import events as kinds
from holdfast.trail.audit import verify_database
from holdfast.types import Approval, Execution
from tests.chaos.books import Books
from tests.chaos.trade import budgets, who_does
from tests.crash.fleet import asked_model
from tests.crash.shop import receipt

LOOK_S = 0.1
USERS = 5


async def see_through(app: App, books: Books, *, executions: int, within_s: float) -> dict[str, Any]:
    """Ask for everything, answer until all of it has ended, and say how it ended."""
    answered: Counter[str] = Counter()
    async with app:
        for budget in budgets():
            await app.control.set_budget(budget, by="ada")
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(_ask(app, number) for number in range(executions)))
                while await _unended(app):
                    await _answer_all(app, books, answered)
                    await asyncio.sleep(LOOK_S)
        while True:
            with suppress(StoreError):  # the last blow may come now
                return {"answered": answered, **await testimony(app)}
            await asyncio.sleep(LOOK_S)


async def _ask(app: App, number: int) -> None:
    who, user = who_does(number), f"user-{number % USERS}"
    await app.start(who, f"job {number}", user=user, idempotency_key=f"job {number}")


async def _unended(app: App) -> bool:
    with suppress(StoreError):
        found = [await app.list(status=status, limit=1) for status in ("pending", "running", "awaiting_review")]
        return any(found)
    return True


async def _answer_all(app: App, books: Books, answered: Counter[str]) -> None:
    with suppress(StoreError):
        for question in await app.approvals():
            await _answer(app, books, question, answered)


async def _answer(app: App, books: Books, question: Approval, answered: Counter[str]) -> None:
    """Mostly once; by one person twice, or by two at the same instant, of every three one."""
    if question.kind == "doubt":
        await _say(app, question, "Ada", answered, *_truth(books, question))
        return
    match zlib.crc32(question.id.encode()) % 3:
        case 0:
            await _say(app, question, "Ada", answered)
            await _say(app, question, "Ada", answered)
        case 1:
            await asyncio.gather(*(_say(app, question, name, answered) for name in ("Ada", "Bob")))
        case _:
            await _say(app, question, "Bob", answered)


async def _say(
    app: App, question: Approval, by: str, answered: Counter[str], answer: Any = "approve", edit: Any = None
) -> None:
    try:
        await app.decide(question.id, answer, by=by, edit=edit)
        answered[f"taken {question.id}"] += 1
    except AlreadyDecided:
        answered["told that it was decided"] += 1


def _truth(books: Books, question: Approval) -> tuple[str, Any]:
    """Of a doubt, what the world has seen."""
    key, tool = str(question.call_id), str(question.tool_name)
    if not books.has("effect", key):
        books.note("no", tool, key=key)
        return "run", None
    assert isinstance(question.arguments, Mapping)
    return "happened", receipt(tool, str(question.arguments["order"]))


# --- what the record says in the end ---------------------------------------------------------------------


async def testimony(app: App) -> dict[str, Any]:
    """Executions, accounts and open questions as the product has them."""
    broken = (await verify_database(app.database)).first
    accounts = await app.control.budgets()
    return {
        "audit": str(broken or ""),
        "open": [question.id for question in await app.approvals()],
        "accounts": [
            {
                "name": one.budget.name,
                "subject": one.subject,
                "amount": int(one.amount),
                "spent": int(one.spent),
                "reserved": int(one.reserved),
            }
            for one in accounts
        ],
        "executions": [await _told(app, each) for each in await app.list(limit=10_000)],
    }


async def _told(app: App, execution: Execution) -> dict[str, Any]:
    events = [event async for event in app.events(execution.id, follow=False)]
    decided = [e.data["approval_id"] for e in events if e.kind == kinds.APPROVAL_DECIDED]
    return {
        "id": execution.id,
        "parent": execution.parent_id,
        "agent": execution.agent_type,
        "user": execution.user_id,
        "input": execution.input_data,
        "status": execution.status,
        "reason": execution.status_reason,
        "error": execution.error,
        "result": execution.result,
        "tokens": execution.token_count,
        "unknown": execution.unknown_tokens,
        "family_tokens": execution.family_tokens,
        "lease": execution.lease_owner,
        "waits_for": execution.waits_for,
        "seqs": [event.seq for event in events],
        "kinds": [event.kind for event in events],
        "decided": decided,
        "audit": "",
        "asked_model": await asked_model(app, execution.id),
        "taken_over": _taken_over([event.kind for event in events]),
        "doubts": sum(e.kind == kinds.CALL_ENDED and e.data["status"] == "in_doubt" for e in events),
    }


def _taken_over(happened: Sequence[str]) -> int:
    """Claims of what a worker held that never gave it back."""
    held, times = False, 0
    for kind in happened:
        times += held and kind == kinds.CLAIMED
        held = kind != kinds.PARKED and (held or kind == kinds.CLAIMED)
    return times
