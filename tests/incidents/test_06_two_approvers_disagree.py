"""Incident 6: two approvers disagree."""

from pathlib import Path

from holdfast import App
from tests.incidents.desk import call
from tests.incidents.place import Place, kinds, until
from tests.incidents.reviewed import begin, reviewed

TARGET = str(Path(__file__).with_name("reviewed.py"))


def asked_about(place: Place, *messages: object) -> tuple[str, str]:
    """An execution that waits, worked by a process, and its question."""
    identity = begin(place, *messages)
    assert place.drain(TARGET) == 0
    [asked] = place.play(lambda app: app.approvals())
    return identity, asked.id


def test_one_yes_and_one_no_is_no(place: Place):
    """Two approvers disagree: of a quorum of two one yes counts nothing beside a no, and the model hears the no."""
    identity, asked = asked_about(place, call("wire"))
    assert place.holdfast("approve", asked, "--by", "ada").code == 0
    assert place.holdfast("reject", asked, "--by", "bob", "--note", "wrong account").code == 0
    assert place.drain(TARGET) == 0
    ended = place.get(identity)
    assert (ended.status, ended.tool_calls[0].status, place.did()) == ("completed", "denied", [])
    assert "bob said no: wrong account" in str(place.events(identity)[-4:])


def test_two_yes_and_a_later_no_is_no(place: Place):
    """Two approvers agree, a third says no before it began: the no wins, in the store and at dispatch."""
    identity, asked = asked_about(place, call("wire"))
    for by in ("ada", "bob"):
        assert place.holdfast("approve", asked, "--by", by).code == 0
    assert place.get(identity).status == "pending"
    assert place.holdfast("reject", asked, "--by", "eve", "--note", "stop").code == 0
    assert place.drain(TARGET) == 0
    assert place.did() == []
    assert place.get(identity).status == "completed"


def test_a_no_that_comes_while_a_worker_is_on_its_way_to_the_call(place: Place):
    """A worker holds the execution, with the yes it read, and runs something before: the no is seen at dispatch."""
    identity, asked = asked_about(place, [call("look", trouble="wait"), call("wire")])
    for by in ("ada", "bob"):
        assert place.holdfast("approve", asked, "--by", by).code == 0

    async def story(app: App) -> None:
        await until(lambda: place.did() == ["look"])
        await app.decide(asked, "reject", by="eve", note="stop")
        place.go()
        assert (await app.wait(identity)).status == "completed"
        ended = await app.get(identity)
        assert [it.status for it in ended.tool_calls] == ["completed", "denied"]
        told = [e.data["content"] async for e in app.events(identity, follow=False) if e.kind == "call.ended"]
        assert told[-1] == "Not run. eve said no: stop"

    with place.worker(TARGET):
        place.play(story)
    assert place.did() == ["look"]


def test_the_same_person_twice_is_one_yes(place: Place):
    """One approver who says yes twice is no quorum, and is told so; the second person makes it one."""
    identity, asked = asked_about(place, call("wire"))
    assert place.holdfast("approve", asked, "--by", "ada").code == 0
    again = place.holdfast("approve", asked, "--by", "Ada")
    assert (again.code, "counts once" in again.said) == (1, True)
    assert place.drain(TARGET) == 0
    assert (place.get(identity).status, place.did()) == ("awaiting_review", [])
    assert place.holdfast("approve", asked, "--by", "bob").code == 0
    assert place.drain(TARGET) == 0
    assert place.did() == ["wire"]
    assert kinds(place.events(identity)).count("approval.voted") == 1


def test_people_who_edit_differently_have_not_agreed(place: Place):
    """Two approvers say yes to different arguments: nothing runs until two agree to the same."""
    identity, asked = asked_about(place, call("wire"))

    async def story(app: App) -> None:
        await app.decide(asked, "approve", by="ada")
        await app.decide(asked, "approve", by="bob", edit={"order": "8", "trouble": ""})
        assert [item.id for item in await app.approvals()] == [asked]
        decided = await app.decide(asked, "approve", by="ada", edit={"order": "8", "trouble": ""})
        assert decided.status == "approved"

    place.play(story, place.app(reviewed(place.folder)))
    assert place.drain(TARGET) == 0
    assert [effect.args for effect in place.ledger.effects("wire")] == [{"order": "8"}]
    assert place.get(identity).status == "completed"
