"""Incident 5: an approval is answered twice at the same instant."""

import asyncio

from holdfast import App
from holdfast.errors import AlreadyDecided
from tests.incidents.desk import call, to_do
from tests.incidents.place import Place


def test_two_people_at_two_terminals(place: Place):
    """An approval is answered twice at the same instant: one counts, the others are told who was first and when."""
    identity = place.start(to_do(call("send")))
    assert place.drain() == 0
    [asked] = place.play(lambda app: app.approvals())
    terminals = [place.begin("approve", asked.id, "--by", f"person-{number}") for number in range(4)]
    won = [number for number, terminal in enumerate(terminals) if terminal.wait() == 0]
    assert len(won) == 1, [terminal.said for terminal in terminals]
    assert all(f"person-{won[0]}" in terminal.said for terminal in terminals)
    assert place.drain() == 0
    assert place.get(identity).status == "completed"
    assert place.did() == ["send"]


def test_fifty_answers_and_four_workers(place: Place):
    """An approval is answered twice at the same instant: it is consumed once, whoever takes the execution up."""
    identity = place.start(to_do(call("send")))
    assert place.drain() == 0

    async def story(app: App) -> None:
        async with place.app() as other:
            [asked] = await app.approvals()
            came = await asyncio.gather(
                *(a.decide(asked.id, "approve", by=f"p{n}") for n in range(25) for a in (app, other)),
                return_exceptions=True,
            )
            lost = [answer for answer in came if isinstance(answer, AlreadyDecided)]
            [won] = [answer for answer in came if answer not in lost]
            assert all(won.decided_by in str(answer) for answer in lost)
            async with app.worker(), app.worker(), other.worker(), other.worker():
                assert (await app.wait(identity)).status == "completed"
            [answer] = await app.approvals(None)
            assert (answer.decided_by, answer.consumed_at is not None) == (won.decided_by, True)
            events = [event async for event in app.events(identity, follow=False)]
            assert sum(event.kind == "approval.decided" for event in events) == 1

    place.play(story)
    assert place.did() == ["send"]
