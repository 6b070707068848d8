"""A week at the support desk: tickets worked by its rules, with people who answer, failures, budgets and a crash."""

import asyncio
import json
import platform
import random
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from pydantic_ai import messages as lib

from holdfast import Agent, App, Call, Calls, Conversation, Limits, Say, ask_when, tool
from holdfast.config import Settings
from holdfast.doors import target
from holdfast.doors.example import SupportDesk
from holdfast.engine.clock import SystemClock
from holdfast.ports import Rule
from holdfast.testing import Fail, ScriptedModel
from holdfast.testing.script import Metered, Step
from holdfast.trail.events import CALL_DECIDED
from holdfast.types import Budget, CallRecord, Price, Rate, Reply, Usage

PRICE = Price(input_usd_per_mtok=Decimal(3), output_usd_per_mtok=Decimal(15))
SMALL = Price(input_usd_per_mtok=Decimal("0.8"), output_usd_per_mtok=Decimal(4))
PEOPLE = {
    "Grace Okafor": {"groups": ["leads"], "email": "grace@harbourandpine.example"},
    "Tom Lindqvist": {"email": "tom@harbourandpine.example"},
}
CHANCE = random.Random(7)  # noqa: S311 - the same pictures each time


class PastClock(SystemClock):
    """The system's clock, so many days ago."""

    def __init__(self, ago: timedelta) -> None:
        self._ago = ago

    def now(self) -> datetime:
        """Then."""
        return super().now() - self._ago


class PricedModel(ScriptedModel):
    """A rule behind the whole model layer, with tokens, a price and time that it takes."""

    def __init__(self, rule: Rule, *, name: str, price: Price, latency_s: float) -> None:
        super().__init__(lambda messages: _step(rule, messages), name=name, price=price, latency_s=latency_s)

    @property
    def system(self) -> str:
        """The name says it all."""
        return "desk"


def _step(rule: Rule, messages: Sequence[lib.ModelMessage]) -> Step:
    if CHANCE.random() < 0.015:
        return Fail("overload")
    conversation = _conversation(messages)
    reply: Any = rule(conversation)
    read = 900 + 320 * len(conversation.calls) + len(str(conversation.input)) // 4
    return Metered(reply, Usage(input_tokens=read, output_tokens=CHANCE.randint(60, 320), cache_read_tokens=read // 2))


def _conversation(messages: Sequence[lib.ModelMessage]) -> Conversation:
    parts = [part for message in messages for part in message.parts]
    told = [str(part.content) for part in parts if isinstance(part, lib.UserPromptPart)]
    results = {part.tool_call_id: part for part in parts if isinstance(part, lib.ToolReturnPart)}
    calls = [
        CallRecord(
            tool=part.tool_name,
            arguments=part.args_as_dict(),
            status="completed",
            result=_loaded(results[part.tool_call_id].content),
        )
        for part in parts
        if isinstance(part, lib.ToolCallPart) and part.tool_call_id in results
    ]
    asked = _loaded(told[0])
    user = asked.get("from") if isinstance(asked, Mapping) else None
    return Conversation(input=asked, calls=tuple(calls), notes=tuple(told[1:]), tools=(), user=user, closing=False)


def _loaded(content: object) -> Any:
    if not isinstance(content, str):
        return content
    try:
        return json.loads(content)
    except ValueError:
        return content


# --- two more agents, so that there is something to compare


@tool(effect="read")
async def read_invoice(number: str) -> dict[str, str]:
    """Read an invoice."""
    await asyncio.sleep(CHANCE.uniform(0.02, 0.1))
    return {"number": number, "supplier": "Nordlys Ceramics", "total": "1,284.50 EUR"}


@tool(effect="irreversible", review=ask_when(lambda args: args.amount > 1_000))
async def pay_invoice(number: str, amount: int) -> str:
    """Pay an invoice."""
    await asyncio.sleep(0.05)
    return f"paid {amount} for {number}"


@tool(effect="read", retries=0)
async def search_catalogue(words: str) -> list[str]:
    """Search the catalogues of suppliers."""
    HURRY["searches"] = HURRY.get("searches", 0) + 1
    hangs = HURRY["searches"] > HURRY.get("hang_at", 1e9)
    await asyncio.sleep(60 if hangs else HURRY.get("search_s", 0.05))
    return [f"{words} {size}" for size in ("small", "medium", "large")]


HURRY: dict[str, float] = {}
"""How long a search takes, and from which on it hangs: what is in a picture must be seen running, or crash."""
LEASE_S = 1.0


def clerk(conversation: Conversation) -> Reply:
    """Reads an invoice and pays it."""
    number, amount = str(conversation.input).split()[2], int(str(conversation.input).split()[-1])
    match len(conversation.calls):
        case 0:
            return Call("read_invoice", {"number": number})
        case 1:
            return Call("pay_invoice", {"number": number, "amount": amount})
    return Say(f"Invoice {number} is paid.")


def scout(conversation: Conversation) -> Reply:
    """Searches catalogues, word by word."""
    words = ["oak stool", "linen throw", "stoneware bowl", "brass lamp", "wool rug", "cedar box"]
    done = len(conversation.calls)
    if done >= 6:
        return Say("Six suppliers are worth a call; the list is in the sheet.")
    if done == 2:
        return Calls([Call("search_catalogue", {"words": words[done]}), Call("search_catalogue", {"words": "candle"})])
    return Call("search_catalogue", {"words": words[done]})


def broken(_: Conversation) -> Reply:
    """A rule that cannot work."""
    raise ValueError("the supplier's price list has no column 'net'")


def agents(folder: Path) -> list[Agent[Any]]:
    """The support desk of the example, and two more."""
    desk = SupportDesk.at(folder / "shop.db")
    if not desk.shop.exists():
        desk.seed()
    module = target.import_file(Path(desk.target))
    rules = import_module("rules").answer_by_rules
    support = module.support
    large = PricedModel(rules, name="large-2", price=PRICE, latency_s=0.12)
    return [
        Agent(**{**{name: getattr(support, name) for name in support.__dataclass_fields__}, "models": [large, rules]}),
        Agent(
            name="invoices",
            models=[PricedModel(clerk, name="small-1", price=SMALL, latency_s=0.08)],
            tools=[read_invoice, pay_invoice],
            limits=Limits(steps=10, cost_usd=0.25),
            instructions="Read invoices and pay them.",
        ),
        Agent(
            name="scout",
            models=[PricedModel(scout, name="large-2", price=PRICE, latency_s=0.15)],
            tools=[search_catalogue],
            limits=Limits(steps=20, cost_usd=0.5),
            instructions="Find suppliers.",
        ),
        Agent(name="price-list", models=[broken], tools=[search_catalogue], instructions="Read price lists."),
    ]


# --- the week


async def work_a_week(database: str, folder: Path) -> None:
    """Fill a database with six days, the last one today."""
    made = agents(folder)
    tickets = SupportDesk.at(folder / "shop.db").tickets()
    settings = Settings(people=PEOPLE)  # pyright: ignore[reportArgumentType] - pydantic reads them
    for day in range(6, -1, -1):
        clock = PastClock(timedelta(days=day, minutes=24))
        async with App(made, database, settings=settings, clock=clock) as app:
            if day == 6:
                await _open_up(app)
            async with app.worker():
                chosen = tickets if day == 0 else CHANCE.sample(list(tickets), 12)
                await _work(app, chosen, scouting=CHANCE.randint(2, 5), failing=0 if day % 3 else 2)
                await _answer(app, leave=day == 0)


async def _open_up(app: App) -> None:
    control = app.control
    await control.set_budget(Budget(name="house", scope="global", usd=Decimal("4.00"), window="day"), by="Ada Winter")
    await control.set_budget(
        Budget(name="each-agent", scope="agent", usd=Decimal("2.50"), window="day"), by="Ada Winter"
    )
    await control.set_budget(Budget(name="each-customer", scope="user", tokens=60_000, window="day"), by="Ada Winter")
    await control.set_rate(
        Rate(name="large-2", scope="model", subject="desk:large-2", unit="model_calls", limit=600, per_s=60),
        by="Ada Winter",
    )
    await app.access.create_key("warehouse-sync", role="runner", user="warehouse", by="Ada Winter")
    await app.access.create_key("grafana", role="viewer", by="Ada Winter")
    await app.access.create_key("night-shift", role="approver", agents=("support",), by="Ada Winter")


async def _work(app: App, tickets: Sequence[Any], *, scouting: int, failing: int) -> None:
    started = [
        app.start("support", ticket.as_input(), user=ticket.sender, thread=ticket.thread, idempotency_key=None)
        for ticket in tickets
    ]
    started += [
        app.start("invoices", f"Pay invoice 88{n}{CHANCE.randint(10, 99)} amount {amount}")
        for n, amount in enumerate((240, 1_284, 80, 3_150))
    ]
    started += [
        app.start("scout", f"Find suppliers for the {season} range")
        for season in ("spring", "summer", "autumn", "winter", "kitchen")[:scouting]
    ]
    started += [app.start("price-list", f"Read price list {n}") for n in range(failing)]
    executions = await asyncio.gather(*started)
    await asyncio.gather(*(app.wait(one.id, 120) for one in executions))


async def _answer(app: App, *, leave: bool) -> None:
    """People answer, most of them yes; with `leave` some questions stay open."""
    waiting = list(await app.approvals())
    if leave:
        calls = [one for one in waiting if one.kind == "call"]
        waiting = [one for one in waiting if one not in calls][3:] + calls[3:]
    for asked in waiting:
        person = CHANCE.choice(list(PEOPLE))
        agrees = CHANCE.random() < 0.75 and asked.kind == "call"
        note = None if agrees else "Not this one: call the customer first."
        await app.decide(asked.id, "approve" if agrees else "reject", by=person, note=note)
    await asyncio.gather(*(app.wait(asked.execution_id, 60) for asked in waiting))


def call_this_machine(name: str) -> None:
    """Let pictures tell nothing of the machine that they were taken on."""
    platform.node = lambda: name


def work_until_killed(database: str, folder: Path) -> None:
    """A worker in a process of its own, whose searches take long from the fourth on."""

    async def work() -> None:
        async with App(agents(folder), database, settings=Settings(lease_s=LEASE_S)) as app:
            await app.work(concurrency=1)

    call_this_machine("desk-2")
    HURRY["hang_at"] = 4
    asyncio.run(work())


async def crash(app: App, database: str, folder: Path) -> str:
    """An execution whose worker was killed in its fourth step: the next worker takes it over."""
    asked = "Find suppliers for garden furniture before Monday"
    execution = await app.start("scout", asked, user="nina.shaw@post.example")
    worker = get_context("spawn").Process(target=work_until_killed, args=(database, folder), daemon=True)
    worker.start()
    async for event in app.events(execution.id):
        if event.kind == CALL_DECIDED and event.data.get("step") == 4:
            break
    worker.kill()
    worker.join()
    return execution.id
