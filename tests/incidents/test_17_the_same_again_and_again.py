"""Incident 17: the model calls a tool that does not exist, or the same call again and again."""

import pytest

from holdfast import App, Conversation, Limits
from holdfast.testing import Call, Say
from holdfast.types import Reply
from tests.incidents.desk import call, clerk
from tests.incidents.place import Place


def ends(place: Place, model: object, **options: object) -> tuple:
    """One execution with this model."""
    agent = clerk(place.folder, models=[model], **{"limits": Limits(), **options})
    return place.play(lambda app: app.run("clerk", "go"), place.app(agent))


def test_it_is_told_which_tools_there_are(place: Place):
    """The model calls a tool that does not exist: it is told which do, with the nearest name, and goes on."""

    def model(conversation: Conversation) -> Reply:
        turns = [Call("lok", {"order": "7"}), call("look"), Say("done")]
        return turns[len(conversation.calls)]

    ended = ends(place, model)
    told = ended.tool_calls[0]
    assert (ended.status, told.status, place.did()) == ("completed", "failed", ["look"])
    assert "Did you mean 'look'?" in told.error
    assert "look, move, pay, send, ship" in told.error


@pytest.mark.parametrize(
    ("cycle", "named"),
    [(["look"], "look(order='7'"), (["look", "move"], "look("), (["fly"], "fly(")],
    ids=["the same call", "two in turn", "one that does not exist"],
)
@pytest.mark.parametrize("repeats", [2, 3])
def test_a_circle_is_named_and_ended(place: Place, cycle: list[str], named: str, repeats: int):
    """The model makes the same call again and again: detected, named, and bounded."""

    def model(conversation: Conversation) -> Reply:
        return call(cycle[len(conversation.calls) % len(cycle)])

    ended = ends(place, model, limits=Limits(repeats=repeats, steps=100))
    assert (ended.status, ended.status_reason) == ("failed", "LOOP_DETECTED")
    assert named in ended.error
    assert f"{repeats} times" in ended.error
    assert ended.step_count == repeats * len(cycle)
    assert len(place.did()) == (0 if cycle == ["fly"] else repeats * len(cycle))


def test_a_person_may_be_asked_instead(place: Place):
    """The model makes the same call again and again: where the agent says so a person breaks the circle."""

    def model(conversation: Conversation) -> Reply:
        return Say("I stop.") if "stop it" in conversation.notes else call("look")

    async def story(app: App) -> None:
        parked = await app.run("clerk", "go")
        assert (parked.status, parked.status_reason) == ("awaiting_review", "LOOP_DETECTED")
        [asked] = await app.approvals()
        await app.decide(asked.id, "approve", by="Ada", note="stop it")
        assert (await app.resume(parked.id)).result == "I stop."

    agent = clerk(place.folder, models=[model], on_failure="review", limits=Limits())
    place.play(story, place.app(agent))
    assert len(place.did()) == 3
