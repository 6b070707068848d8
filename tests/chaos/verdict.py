"""What must be true after a round: each promise against what tools, models and people wrote down, and the numbers."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.chaos.books import MODELS, WRITES, Books
from tests.chaos.trade import (
    CREW_TOKENS,
    DIGGERS,
    PURSE,
    TEAM_TOKENS,
    clerks_plan,
    leads_plan,
    number_of,
    receipts_of,
    who_does,
)
from tests.crash.fleet import bought_again
from tests.crash.shop import IRREVERSIBLE
from tests.crash.verdict import effects
from tests.crash.witness import Note

Told = Mapping[str, Any]
SPENT = "BUDGET_EXHAUSTED"
OUT_OF_TOKENS = "MAX_TOKENS_EXCEEDED"


def violations(told: Told, books: Books, *, executions: int) -> list[str]:
    """Everything that is wrong.

    Args:
        told: What the product's own record says.
        books: What the world has seen.
        executions: How many were asked for, without those below them.
    """
    if "executions" not in told:
        return list(told["wrong"])
    bills, found = list(books.of(MODELS)), told["executions"]
    return [
        *told["wrong"],
        *(f"record: {told['audit']}" for _ in told["audit"][:1]),
        *_all_there(found, executions),
        *(line for one in found for line in _ended_rightly(one)),
        *(line for one in found for line in _recorded(one)),
        *(line for one in found for line in bought_again(one, bills)),
        *effects(books.notes()),
        *_budgets(told["accounts"], found, bills),
        *_families(found, bills),
        *_answers(told, found),
    ]


def summary(told: Told, books: Books, came: Counter[str]) -> dict[str, int]:
    """How often what happened."""
    found, notes = told.get("executions", []), books.notes()
    times = Counter((note.key, note.name) for note in notes if note.what == "effect")
    return {
        "executions": len(found),
        "children": sum(one["parent"] is not None for one in found),
        "writes": books.beats,
        **{name: came[name] for name in ("killed", "frozen", "stop", "crash", "cut", "not reached")},
        "take-overs": sum(one["taken_over"] for one in found),
        "stale writes refused": sum(note.name == "stale_fence" for note in books.of(WRITES)),
        "effects": len(times),
        "calls in doubt": sum(one["doubts"] for one in found),
        "found not to have happened": sum(note.what == "no" for note in notes),
        "served again under the same key": sum(note.what == "known" for note in notes),
        "answers": sum(name.startswith("taken ") for name in told.get("answered", {})),
        "second answers told so": told.get("answered", {}).get("told that it was decided", 0),
        "out of tokens, as they must": sum(one["reason"] in {SPENT, OUT_OF_TOKENS} for one in found),
        "duplicates": sum(n > 1 for (_, name), n in times.items() if name in IRREVERSIBLE),
    }


# --- how each ended --------------------------------------------------------------------------------------


def _all_there(found: Sequence[Told], executions: int) -> Iterator[str]:
    asked = Counter(one["input"] for one in found)
    yield from (f"outcome: {job} was worked by {times} executions" for job, times in asked.items() if times > 1)
    missing = {job for number in range(executions) for job in _jobs(number)} - set(asked)
    yield from (f"outcome: nobody worked {job}" for job in sorted(missing))


def _jobs(number: int) -> Iterator[str]:
    """A job and those that must come of it."""
    yield f"job {number}"
    if who_does(number) == "lead":
        yield from (f"job {number}/{part}" for part in "ab")
    if who_does(number) == "foreman":
        yield from (f"job {number}/{n}" for n in range(DIGGERS))


def _ended_rightly(one: Told) -> Iterator[str]:
    """As it would have if nothing had happened; where tokens do not suffice, with the reason."""
    how, job = (one["status"], one["reason"]), one["input"]
    if one["status"] not in {"completed", "failed", "cancelled"} or one["lease"] or one["waits_for"]:
        yield f"stuck: {job} is {how}, held by {one['lease']}, waits for {one['waits_for']}"
        return
    allowed = {
        "spender": [("completed", None), ("failed", SPENT)],
        "digger": [("completed", None), ("failed", OUT_OF_TOKENS)],
    }.get(one["agent"], [("completed", None)])
    if one["unknown"]:  # a bill that nobody knows counts at its worst, and may leave too little
        allowed.append(("failed", OUT_OF_TOKENS))
    if how not in allowed:
        yield f"outcome: {job} of {one['agent']} is {how}: {one['error']}"
    plan = {"clerk": clerks_plan, "lead": leads_plan}.get(one["agent"])
    if plan and one["status"] == "completed" and one["result"] != {"receipts": receipts_of(plan(job))}:
        yield f"outcome: {job} came to {one['result']}"


def _recorded(one: Told) -> Iterator[str]:
    if one["seqs"] != list(range(1, len(one["seqs"]) + 1)):
        yield f"record: gaps in {one['seqs']}"
    ends = [kind for kind in one["kinds"] if kind in {"execution.completed", "execution.failed"}]
    if len(ends) != 1 or one["kinds"][-1] != ends[0]:
        yield f"record: {one['input']} ended {len(ends)} times, and last came {one['kinds'][-1]}"


def _answers(told: Told, found: Sequence[Told]) -> Iterator[str]:
    """P4: each question is decided once, and one of those who answered was told that it counted."""
    yield from (f"P5: {one} is still open" for one in told["open"])
    decided = Counter(one for execution in found for one in execution["decided"])
    yield from (f"P4: {one} was decided {times} times" for one, times in decided.items() if times != 1)
    taken = {name.removeprefix("taken "): n for name, n in told["answered"].items() if name.startswith("taken ")}
    yield from (f"P4: {one} was taken {taken.get(one, 0)} times" for one in decided if taken.get(one, 0) != 1)


# --- money -----------------------------------------------------------------------------------------------


def _budgets(accounts: Sequence[Told], found: Sequence[Told], bills: Sequence[Note]) -> Iterator[str]:
    """P3: what was billed is within the ceiling, accounts and executions tell the same, nothing stays held."""
    billed = Counter[str]()
    for note in bills:
        billed[note.key] += int(note.args)
    for account in accounts:
        mine = [one for one in found if _is_charged(account, one)]
        used, paid = sum(one["tokens"] + one["unknown"] for one in mine), sum(billed[one["input"]] for one in mine)
        name = f"{account['name']} {account['subject']}".strip()
        if account["reserved"]:
            yield f"P3: {account['reserved']} stay reserved in {name}"
        if not paid <= account["spent"] <= account["amount"]:
            yield f"P3: of {account['amount']} in {name} {account['spent']} were spent, and {paid} were billed"
        if account["spent"] != used:
            yield f"P3: {account['spent']} were spent in {name}, and {used} by its executions"


def _is_charged(account: Told, one: Told) -> bool:
    return {"all": True, "each": account["subject"] == one["user"], PURSE: one["agent"] == "spender"}[account["name"]]


def _families(found: Sequence[Told], bills: Sequence[Note]) -> Iterator[str]:
    """Whoever has children stays within its own limit with all of them."""
    billed = defaultdict[int, int](int)
    for note in bills:
        billed[number_of(note.key)] += int(note.args)
    for one in found:
        ceiling = {"lead": TEAM_TOKENS, "foreman": CREW_TOKENS}.get(one["agent"])
        if ceiling is None:
            continue
        below = [child for child in found if child["parent"] == one["id"]]
        used = sum(child["tokens"] + child["unknown"] for child in below)
        if used != one["family_tokens"]:
            yield f"P3: the children of {one['input']} had {used} tokens, and it knows of {one['family_tokens']}"
        if not billed[number_of(one["input"])] <= one["tokens"] + one["unknown"] + used <= ceiling:
            yield f"P3: {one['input']} and its children had {used + one['tokens']} tokens of {ceiling}"
