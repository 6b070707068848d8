"""Incident 11: the budget runs out in mid-turn."""

from collections.abc import Callable
from decimal import Decimal

import pytest

from holdfast import App, Limits, Price
from holdfast.testing import Calls, Metered, ScriptedModel, Usage
from tests.incidents.desk import call, clerk
from tests.incidents.place import Place, events_of

PRICE = Price(input_usd_per_mtok=Decimal(3), output_usd_per_mtok=Decimal(15))


def greedy(place: Place, bought: list[Usage]) -> ScriptedModel:
    """A model that always calls three tools, bills every token that is reserved for it, and keeps the bill."""

    def script(messages: object) -> Metered:
        turn = len(bought)
        [(reserved,)] = place.sql("SELECT reserved_tokens FROM agent_executions")
        most = int(model.last_settings["max_tokens"])
        usage = Usage(input_tokens=reserved - most, output_tokens=most)
        bought.append(usage)
        return Metered(Calls([call(name, f"{turn}") for name in ("look", "move", "pay")]), usage)

    model = ScriptedModel(script, price=PRICE, closing="Three orders were paid.")
    return model


def dollars(usage: Usage) -> Decimal:
    return (3 * Decimal(usage.input_tokens) + 15 * Decimal(usage.output_tokens)) / 10**6


LIMITED: list[tuple[str, Limits, Callable[[Usage], object]]] = [
    ("MAX_TOKENS_EXCEEDED", Limits(tokens=40_000, steps=100), lambda u: u.input_tokens + u.output_tokens),
    ("MAX_COST_EXCEEDED", Limits(tokens=10**9, steps=100, cost_usd=Decimal("0.30")), dollars),
]


@pytest.mark.parametrize("appetite", [2_000, 1_000_000], ids=["in several turns", "all at once"])
@pytest.mark.parametrize(("reason", "limits", "bill"), LIMITED, ids=["tokens", "dollars"])
def test_the_turn_finishes_then_a_summary_closes_it(
    place: Place, reason: str, limits: Limits, bill: Callable, appetite: int
):
    """The budget runs out in mid-turn: what was reserved finishes, and a summary inside the budget ends it."""
    bought: list[Usage] = []
    app = place.app(clerk(place.folder, models=[greedy(place, bought)], limits=limits, max_output_tokens=appetite))

    async def story(app: App) -> tuple:
        ended = await app.run("clerk", "pay everything")
        return ended, await events_of(app, ended.id)

    ended, events = place.play(story, app)
    assert (ended.status, ended.status_reason, ended.result) == ("failed", reason, "Three orders were paid.")
    # Every call that was let in ran to its end, those of the last turn too.
    assert place.did() == ["look", "move", "pay"] * len(bought)
    assert {row.status for row in ended.tool_calls} == {"completed"}
    # The last word was the summary, and everything together was inside the budget, by the provider's own count.
    responses = [event.data for event in events if event.kind == "model.responded"]
    assert [data["purpose"] for data in responses] == ["turn"] * len(bought) + ["closing"]
    last = Usage(input_tokens=responses[-1]["gen_ai.usage.input_tokens"], output_tokens=10)
    total = sum(map(bill, bought)) + bill(last)
    limit = limits.cost_usd or limits.tokens
    assert limit * Decimal("0.5") < total <= limit
    assert total in (ended.token_count, ended.cost_usd)
    assert (ended.reserved_tokens, ended.reserved_usd) == (0, 0)


@pytest.mark.parametrize(("reason", "limits", "bill"), LIMITED, ids=["tokens", "dollars"])
def test_the_worst_case_is_held_before_every_request(place: Place, reason: str, limits: Limits, bill: Callable):
    """The budget runs out in mid-turn: at no moment were spent and reserved together more than there is."""
    app = place.app(clerk(place.folder, models=[greedy(place, [])], limits=limits, max_output_tokens=2_000))

    async def story(app: App) -> list:
        ended = await app.run("clerk", "pay everything")
        return await events_of(app, ended.id)

    spent_tokens, spent_usd = 0, Decimal(0)
    for event in place.play(story, app):
        if event.kind == "model.requested":
            held = spent_tokens + event.data["reserved_tokens"], spent_usd + Decimal(event.data["reserved_usd"])
            assert held[0] <= limits.tokens
            assert held[1] <= (limits.cost_usd or held[1])
        elif event.kind == "model.responded":
            spent_tokens += event.data["gen_ai.usage.input_tokens"] + event.data["gen_ai.usage.output_tokens"]
            spent_usd += Decimal(event.data["cost_usd"])
            assert spent_tokens <= held[0]
            assert spent_usd <= held[1]
