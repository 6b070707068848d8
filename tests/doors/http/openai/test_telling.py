"""Responses are a fold over the journal: the same events tell the same, whatever happened."""

import asyncio
from collections.abc import Sequence

from holdfast import Agent, App
from holdfast.doors.http.openai.telling import Telling
from holdfast.types import Event
from tests.doors.http.openai.conftest import fails, look, pay, pays


async def journal(app: App, execution_id: str) -> Sequence[Event]:
    return [event async for event in app.events(execution_id, follow=False)]


def heard(events: Sequence[Event]) -> Telling:
    telling = Telling(events[0].execution_id)
    for event in events:
        telling.hear(event)
    return telling


def test_an_execution_that_is_cancelled_while_it_waits_is_a_cancelled_response(sqlite_database: str) -> None:
    """No second response begins, and the stream of the first had ended already."""

    async def story() -> Sequence[Event]:
        async with App([Agent(name="payer", models=[pays], tools=[pay])], sqlite_database) as app:
            execution = await app.run("payer", "pay")
            await app.cancel(execution.id)
            return await journal(app, execution.id)

    telling = heard(asyncio.run(story()))
    assert [leg.status for leg in telling.legs] == ["cancelled"]
    assert telling.response(telling.now)["usage"] is not None


def test_a_retried_execution_is_a_further_response(sqlite_database: str) -> None:
    """The failed one stays as it was."""

    async def story() -> Sequence[Event]:
        async with App([Agent(name="failer", models=[fails], tools=[look])], sqlite_database) as app:
            execution = await app.run("failer", "x")
            await app.retry(execution.id)
            await app.resume(execution.id)
            return await journal(app, execution.id)

    telling = heard(asyncio.run(story()))
    assert [leg.status for leg in telling.legs] == ["failed", "failed"]
    assert telling.name(2) == f"{telling.name(1)}.2"


def test_numbers_have_no_gaps_and_end_with_the_end(sqlite_database: str) -> None:
    """In every response of an execution."""

    async def story() -> Sequence[Event]:
        async with App([Agent(name="payer", models=[pays], tools=[pay])], sqlite_database) as app:
            execution = await app.run("payer", "pay")
            (approval,) = await app.approvals()
            await app.decide(approval.id, "approve", by="Ada")
            await app.resume(execution.id)
            return await journal(app, execution.id)

    events = asyncio.run(story())
    telling = Telling(events[0].execution_id)
    told = [one for event in events for one in telling.hear(event)]
    for leg in (1, 2):
        said = [one for one in told if one.leg == leg]
        assert [one.data["sequence_number"] for one in said] == list(range(len(said)))
        assert said[-1].data["type"] == "response.completed"
