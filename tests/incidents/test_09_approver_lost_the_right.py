"""Incident 9: the approver lost the right to approve meanwhile."""

from pathlib import Path

from holdfast import App
from tests.incidents.desk import call
from tests.incidents.place import Place, until
from tests.incidents.reviewed import begin

TARGET = str(Path(__file__).with_name("reviewed.py"))
BOTH = '[people.ada]\ngroups = ["finance"]\n[people.bob]\ngroups = ["finance"]\n'
BOB_ALONE = '[people.ada]\ngroups = []\n[people.bob]\ngroups = ["finance"]\n'


def configured(place: Place, text: str) -> dict[str, str]:
    """The environment of processes that read this configuration."""
    path = place.folder / "holdfast.toml"
    path.write_text(text)
    return {"HOLDFAST_CONFIG": str(path)}


def test_a_yes_of_somebody_who_may_not_decide_is_refused(place: Place):
    """Who is not in the group that is asked is told who is, at the terminal."""
    with_people = configured(place, BOTH)
    begin(place, call("note"))
    assert place.drain(TARGET, **with_people) == 0
    [asked] = place.play(lambda app: app.approvals())
    refused = place.holdfast("approve", asked.id, "--by", "mallory", **with_people)
    assert (refused.code, "ada or bob may decide" in refused.said) == (1, True)
    assert place.holdfast("approve", asked.id, "--by", "ada", **with_people).code == 0


def test_rights_are_checked_again_when_the_approval_is_used(place: Place):
    """The approver lost the right meanwhile: nothing runs on it, people are asked again, and who may decides."""
    with_people = configured(place, BOTH)
    identity = begin(place, call("note"))
    assert place.drain(TARGET, **with_people) == 0
    [asked] = place.play(lambda app: app.approvals())
    assert place.holdfast("approve", asked.id, "--by", "ada", **with_people).code == 0
    configured(place, BOB_ALONE)
    assert place.drain(TARGET, **with_people) == 0
    assert (place.get(identity).status, place.did()) == ("awaiting_review", [])
    [again] = place.play(lambda app: app.approvals())
    assert (again.id != asked.id, again.reviewers) == (True, "finance")
    assert "ada is not in finance" in again.reason
    assert place.holdfast("approve", again.id, "--by", "ada", **with_people).code == 1
    assert place.holdfast("approve", again.id, "--by", "bob", **with_people).code == 0
    assert place.drain(TARGET, **with_people) == 0
    assert place.did() == ["note"]


def test_a_running_worker_needs_no_restart_to_see_it(place: Place):
    """The approver lost the right while a worker was on its way to the call: it is seen at dispatch."""
    with_people = configured(place, BOTH)
    identity = begin(place, [call("look", trouble="wait"), call("note")])
    assert place.drain(TARGET, **with_people) == 0
    [asked] = place.play(lambda app: app.approvals())
    assert place.holdfast("approve", asked.id, "--by", "ada", **with_people).code == 0

    async def story(app: App) -> None:
        await until(lambda: place.did() == ["look"])
        configured(place, BOB_ALONE)
        place.go()
        assert (await app.wait(identity)).status == "awaiting_review"

    with place.worker(TARGET, **with_people):
        place.play(story)
    assert place.did() == ["look"]
