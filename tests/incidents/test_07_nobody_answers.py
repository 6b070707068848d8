"""Incident 7: nobody answers."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from holdfast import App
from holdfast.trail import events
from tests.incidents.desk import call
from tests.incidents.place import Place, kinds, until
from tests.incidents.reviewed import begin

TARGET = str(Path(__file__).with_name("reviewed.py"))
PEOPLE = (events.APPROVAL_OPENED, events.APPROVAL_REMINDED, events.APPROVAL_ESCALATED, events.APPROVAL_EXPIRED)


def test_it_reminds_escalates_along_the_ladder_and_counts_as_no(place: Place):
    """Nobody answers: a reminder, the lead, on-call, then no; the execution goes on and the model is told so."""
    identity = begin(place, call("hurry"))
    with place.worker(TARGET):
        place.play(lambda app: until_done(app, identity))
    ended, found = place.get(identity), place.events(identity)
    assert (ended.status, ended.result, place.did()) == ("completed", "done", [])
    people = [event for event in found if event.kind in PEOPLE]
    assert kinds(people) == [PEOPLE[0], PEOPLE[1], PEOPLE[2], PEOPLE[2], PEOPLE[3]]
    assert [event.data["to"] for event in people[2:4]] == ["lead", "on-call"]
    [told] = [event.data["content"] for event in found if event.kind == events.CALL_ENDED]
    assert told == (
        "Not run. Nobody answered in time (finance and lead and on-call were asked; 0 of 2 had agreed),"
        " which counts as no."
    )


def test_it_costs_no_worker_and_comes_in_time_after_a_restart(place: Place):
    """Nobody answers and no worker runs: when one comes back, the question is closed at once, and once."""
    identity = begin(place, call("hurry"))

    async def wait_out(app: App) -> None:
        await until_asked(app, "finance")
        worker.end()
        [asked] = await app.approvals()
        await until(lambda: datetime.now(UTC) >= asked.expires_at)

    with place.worker(TARGET) as worker:
        place.play(wait_out)
    with place.worker(TARGET):
        place.play(lambda app: until_done(app, identity))
    assert kinds(place.events(identity)).count(events.APPROVAL_EXPIRED) == 1


def test_an_answer_of_somebody_on_the_ladder_counts(place: Place):
    """Nobody of the first group answers; two of those it was escalated to do, and the call runs."""
    identity = begin(place, call("hurry"))

    async def story(app: App) -> None:
        await until_asked(app, "on-call")
        [asked] = await app.approvals()
        for by in ("lea", "otto"):
            await app.decide(asked.id, "approve", by=by)
        assert (await app.wait(identity)).status == "completed"

    people = {"ada": {"groups": ["finance"]}, "lea": {"groups": ["lead"]}, "otto": {"groups": ["on-call"]}}
    configured = {f"HOLDFAST_PEOPLE__{name}__GROUPS": ",".join(of["groups"]) for name, of in people.items()}
    with place.worker(TARGET, **configured):
        place.play(story, place.app(settings={"people": people}))
    assert place.did() == ["hurry"]


async def until_done(app: App, identity: str) -> None:
    """Wait over the parking until it has ended."""
    while not (await app.get(identity)).ended:  # noqa: ASYNC110 - only another process moves on here
        await asyncio.sleep(0.05)


async def until_asked(app: App, group: str) -> None:
    """Wait until a group is asked."""
    while not any(group in asked.groups for asked in await app.approvals()):  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.05)
