"""The work of the chaos tests: clerks, teams of them, and spenders who use all they may; and how each job must end."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel
from pydantic_ai.messages import ModelMessage

from holdfast import Agent, Context, Limits, ask_always, never_ask, tool
from holdfast.testing import Call, Calls, CrashingTool, Final, Metered, Say, ScriptedModel, crash_point
from holdfast.testing.script import Step
from holdfast.testing.scripted import step_number
from holdfast.types import Budget, Usage
from tests.chaos.books import MODELS, Books
from tests.crash.shop import asked, receipt

TEAM_TOKENS, CREW_TOKENS = 90_000, 30_000
"""Of a lead and of a foreman, for themselves and everybody below them."""
DIGGERS = 3
ALL_TOKENS, PURSE_TOKENS = 50_000_000, 20_000
"""Of the budget that all share, and of the small one that the spenders share."""
PURSE = "purse"
WORK_S = 0.01
"""Seconds that a tool goes on after its effect."""
READ = Usage(input_tokens=40, output_tokens=20)


class Outcome(BaseModel):
    receipts: list[str]


class Services:
    """The world behind the tools."""

    def __init__(self, books: Books) -> None:
        self.books = books

    async def read(self, ctx: Context[object], name: str, order: str) -> dict[str, str]:
        self.books.note("begun", name, key=ctx.idempotency_key, args=order)
        await asyncio.sleep(WORK_S)
        return receipt(name, order)

    async def act(self, ctx: Context[object], name: str, order: str, *, honours_keys: bool) -> dict[str, str]:
        """An effect. Nothing waits between its begin and itself: a frozen process has done both or neither."""
        key = ctx.idempotency_key
        self.books.note("begun", name, key=key, args=order)
        crash_point(f"begun-tool:{name}")
        known = honours_keys and self.books.has("effect", key)
        self.books.note("known" if known else "effect", name, key=key, args=order)
        crash_point(f"inside-tool:{name}")
        await asyncio.sleep(WORK_S)
        return receipt(name, order)

    def probe(self, ctx: Context[object], name: str, order: str) -> dict[str, str] | None:
        if self.books.has("effect", ctx.idempotency_key):
            return receipt(name, order)
        self.books.note("no", name, key=ctx.idempotency_key)
        return None


def tools(books: Books) -> list[Any]:
    """One to read, one that honours keys, and effects with a probe, without one, and with an approval."""
    services = Services(books)

    @tool(effect="read")
    async def find_order(ctx: Context, order: str) -> dict[str, str]:
        """Find an order."""
        return await services.read(ctx, "find_order", order)

    @tool(effect="idempotent")
    async def update_address(ctx: Context, order: str) -> dict[str, str]:
        """Correct an address."""
        return await services.act(ctx, "update_address", order, honours_keys=True)

    @tool(effect="irreversible", review=never_ask)
    async def charge(ctx: Context, order: str) -> dict[str, str]:
        """Charge the customer."""
        return await services.act(ctx, "charge", order, honours_keys=False)

    @charge.probe
    async def charged(ctx: Context, order: str) -> dict[str, str] | None:
        return services.probe(ctx, "charge", order)

    @tool(effect="irreversible", review=never_ask)
    async def send_letter(ctx: Context, order: str) -> dict[str, str]:
        """Send a letter."""
        return await services.act(ctx, "send_letter", order, honours_keys=False)

    @tool(effect="irreversible", review=ask_always)
    async def refund(ctx: Context, order: str) -> dict[str, str]:
        """Refund an order."""
        return await services.act(ctx, "refund", order, honours_keys=False)

    return [CrashingTool(each) for each in (find_order, update_address, charge, send_letter, refund)]


# --- what the models say ---------------------------------------------------------------------------------


def clerks_plan(job: str) -> list[Calls]:
    """A clerk's turns: reads at the same time, an effect of each class, and for some a question to a person."""

    def call(name: str, part: str = "") -> Call:
        return Call(name, {"order": f"{job}{part}"})

    plan = [
        Calls([call("find_order", ".1"), call("find_order", ".2")]),
        Calls([call("update_address"), call("charge")]),
        Calls([call("send_letter")]),
    ]
    return [*plan, Calls([call("refund")])] if asks_a_person(job) else plan


def asks_a_person(job: str) -> bool:
    """Every third job, and the first child of every team."""
    return job.endswith("/a") or (number_of(job) % 3 == 0 and "/" not in job)


def number_of(job: str) -> int:
    """`job 12/a` is of job 12."""
    return int(job.removeprefix("job ").partition("/")[0])


def leads_plan(job: str) -> list[Calls]:
    """Two clerks at the same time, then an effect of its own."""
    delegations = [Call("delegate_to_clerk", {"task": f"{job}/{part}"}) for part in "ab"]
    return [Calls(delegations), Calls([Call("charge", {"order": job})])]


def foremans_plan(job: str) -> list[Calls]:
    """More diggers than its tokens suffice for."""
    return [Calls([Call("delegate_to_digger", {"task": f"{job}/{n}"}) for n in range(DIGGERS)])]


def receipts_of(plan: Sequence[Calls]) -> list[str]:
    """What a job that was done whole has to show."""
    done = [call for turn in plan for call in turn.calls if not call.tool.startswith("delegate_to_")]
    return sorted(receipt(each.tool, str(each.args["order"]))["receipt"] for each in done)


def follower(books: Books, plan_of: Callable[[str], list[Calls]]) -> ScriptedModel:
    """A model that follows a plan, writes down each answer it is paid for, and shows what its tools said."""

    def say(messages: Sequence[ModelMessage]) -> Step:
        job, step = asked(messages), step_number(messages)
        plan = plan_of(job)
        bill(books, job, step, READ)
        said = str(messages)
        final = Outcome(receipts=[one for one in receipts_of(plan) if f"'{one}'" in said or f'"{one}"' in said])
        return Metered(plan[step] if step < len(plan) else Final(final), READ)

    return ScriptedModel(say)


def glutton(books: Books) -> ScriptedModel:
    """A model that writes as much as it is allowed to, for three turns."""

    def say(messages: Sequence[ModelMessage]) -> Step:
        job, step = asked(messages), step_number(messages)
        used = Usage(input_tokens=120, output_tokens=int((model.last_settings or {})["max_tokens"]))
        bill(books, job, step, used)
        return Metered(Call("find_order", {"order": f"{job}.{step}"}) if step < 2 else Say("done"), used)

    model = ScriptedModel(say)
    return model


def bill(books: Books, job: str, step: int, used: Usage) -> None:
    """What the provider charges, by its own account."""
    books.note("model", str(step + 1), key=job, args=str(used.input_tokens + used.output_tokens), book=MODELS)
    crash_point("inside-model")


# --- who does it -----------------------------------------------------------------------------------------


def agents(books: Books) -> list[Agent[Any]]:
    """Clerks, leads with clerks, spenders from the purse, and foremen with diggers."""
    declared = tools(books)
    more = {"max_output_tokens": 400, "context_window": 1_000_000}
    # Many interruptions make an execution long: its time is not what is tested.
    long = {"total_timeout_s": 10_000.0, "step_timeout_s": 120.0}
    clerk = Agent(
        name="clerk",
        models=[follower(books, clerks_plan)],
        tools=declared,
        output=Outcome,
        limits=Limits(tokens=5_000_000, **long),
        **more,
    )
    lead = Agent(
        name="lead",
        models=[follower(books, leads_plan)],
        tools=declared,
        team=[clerk],
        output=Outcome,
        limits=Limits(tokens=TEAM_TOKENS, **long),
        **more,
    )
    digger = _greedy("digger", books, declared)
    foreman = Agent(
        name="foreman",
        models=[follower(books, foremans_plan)],
        team=[digger],
        output=Outcome,
        limits=Limits(tokens=CREW_TOKENS, **long),
        **more,
    )
    return [lead, foreman, _greedy("spender", books, declared)]


def _greedy(name: str, books: Books, declared: Sequence[Any]) -> Agent[str]:
    return Agent(
        name=name,
        models=[glutton(books)],
        tools=declared[:1],
        max_output_tokens=4_000,
        limits=Limits(tokens=10**6, total_timeout_s=10_000, step_timeout_s=120),
    )


def who_does(number: int) -> str:
    """Of ten jobs: two for a team, one for a crew, one from the purse, six for a clerk."""
    return {1: "lead", 4: "lead", 7: "foreman", 8: "spender"}.get(number % 10, "clerk")


def budgets() -> list[Budget]:
    """One that has to add up, one for each user, and a small one that does not suffice."""
    return [
        Budget(name="all", scope="global", tokens=ALL_TOKENS, window="30d"),
        Budget(name="each", scope="user", tokens=ALL_TOKENS, window="30d"),
        Budget(name=PURSE, scope="agent", subject="spender", tokens=PURSE_TOKENS, window="30d", on_exhausted="fail"),
    ]
