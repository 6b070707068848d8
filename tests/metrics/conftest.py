"""A shop whose agent does a little of everything, and what Prometheus is told of it."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from holdfast import Agent, App, Call, Calls, Say, tool
from holdfast.testing import Fail, ScriptedModel
from holdfast.types import Budget, Limits, Price, Rate

PRICE = Price(input_usd_per_mtok=Decimal(10), output_usd_per_mtok=Decimal(20))


@tool(effect="read")
def find(order_id: str) -> str:
    """Look up an order."""
    return f"order {order_id} is on its way"


@tool(effect="read")
def weigh(order_id: str) -> str:
    """Weigh a parcel."""
    raise ValueError("the scale is broken")


@tool(effect="irreversible")
def refund(order_id: str) -> str:
    """Refund an order."""
    return "refunded"


def clerk(*steps, name: str = "clerk") -> Agent:
    model = ScriptedModel(list(steps), name="small", price=PRICE)
    return Agent(name=name, models=[model], tools=[find, weigh, refund], limits=Limits(steps=8))


BUSY = (
    Fail("overload"),
    Calls([Call("find", {"order_id": "1"}), Call("weigh", {"order_id": "1"})]),
    Call("rm_rf_SECRET_7", {"path": "/"}),
    Say("It is on its way."),
)


def play(app: App, story: Callable[[App], Awaitable[object]]) -> object:
    async def whole() -> object:
        async with app:
            return await asyncio.wait_for(story(app), 30)

    return asyncio.run(whole())


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """A command that runs in this process sends logs to a stderr which ends with its test."""
    yield
    structlog.reset_defaults()


@dataclass(frozen=True)
class Exposed:
    """A scrape, taken apart."""

    text: str

    @property
    def names(self) -> set[str]:
        """Of every series that could be; those of histograms with their endings."""
        found: set[str] = set()
        for family in text_string_to_metric_families(self.text):
            ends = {"histogram": ("_bucket", "_count", "_sum"), "counter": ("_total",)}.get(family.type, ("",))
            found |= {f"{family.name}{end}" for end in ends} | {sample.name for sample in family.samples}
        return found

    @property
    def labels(self) -> Mapping[str, set[str]]:
        """Names of the labels that each series has."""
        found: dict[str, set[str]] = {}
        for family in text_string_to_metric_families(self.text):
            for sample in family.samples:
                found.setdefault(sample.name, set()).update(sample.labels)
        return found

    def values(self, name: str, /, **labels: str) -> Sequence[float]:
        return [
            sample.value
            for family in text_string_to_metric_families(self.text)
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        ]

    def value(self, name: str, /, **labels: str) -> float:
        (only,) = self.values(name, **labels)
        return only


async def scrape(app: App) -> Exposed:
    body, _ = await app.control.metrics_text()
    return Exposed(body.decode())


async def a_day(app: App) -> Exposed:
    """One completes after a failed attempt, one asks a person, one waits for a worker; controls are in force."""
    await scrape(app)
    await app.control.set_budget(Budget(name="daily", scope="global", usd=Decimal(5)), by="ann")
    await app.control.set_rate(Rate(name="pace", scope="global", unit="model_calls", limit=1_000, per_s=1), by="ann")
    await app.run("clerk", "Where is order 1?", user="mia@post.example")
    await app.run("payer", "Refund order 2, please.", user="mia@post.example")
    await app.control.open_breaker("model", "openai:gpt-5.2", by="ann", why="wrong answers")
    await app.start("clerk", "And order 3?", user="leo@post.example")
    app.control._parts._metrics.__self__._seen = None  # the next scrape looks at the database again, at once
    return await scrape(app)


@pytest.fixture(scope="module")
def exposed(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Exposed:
    """What a scrape says after that day."""
    path = tmp_path_factory.mktemp("metrics") / "trail.db"
    path.write_bytes(migrated_file.read_bytes())
    agents = [clerk(*BUSY), clerk(Call("refund", {"order_id": "2"}), Say("Done."), name="payer")]
    found = play(App(agents, str(path)), a_day)
    assert isinstance(found, Exposed)
    return found
