"""Incident 10: a deploy changes a tool's schema while executions are parked."""

import json
from pathlib import Path

import pytest

from tests.incidents.place import Place

FILE = '''
import os
from pathlib import Path
from holdfast import Agent, App, Context, never_ask, tool
from holdfast.testing import Call, Ledger, Say

FOLDER = Path(os.environ["INCIDENT_FOLDER"])

def agent(policy):
    @tool(effect="irreversible", review=never_ask, on_change=policy)
    def ship(ctx: Context, {parameters}) -> str:
        """Ship."""
        Ledger(FOLDER / "ledger.jsonl").record(ctx.idempotency_key, f"ship-{{policy}}", dict({arguments}))
        return "shipped"

    def follow(conversation):
        turns = [Call("ask_person", {{"question": "Now?"}}), Call("ship", {{"order": "7"}}), Say("done")]
        return turns[len(conversation.calls)]

    return Agent(name=policy, models=[follow], tools=[ship])

app = App([agent("continue"), agent("review"), agent("fail")])
'''
POLICIES = ("continue", "review", "fail")


@pytest.fixture
def before(tmp_path: Path) -> str:
    """The file as it was when the executions were started."""
    path = tmp_path / "before.py"
    path.write_text(FILE.format(parameters="order: str", arguments="order=order"))
    return str(path)


@pytest.fixture
def after(tmp_path: Path) -> str:
    """The file of the deploy: the tool has got another parameter."""
    path = tmp_path / "after.py"
    path.write_text(
        FILE.format(parameters="order: str, express: bool = False", arguments="order=order, express=express")
    )
    return str(path)


def parked(place: Place, before: str) -> dict[str, str]:
    """An execution of each agent that waits for a person."""
    found = {}
    for policy in POLICIES:
        ran = place.holdfast("run", before, "go", "--agent", policy, "--json")
        assert ran.code == 3, ran.said
        found[policy] = json.loads(ran.out.read_text())["id"]
    return found


def test_the_preflight_lists_them_and_each_goes_its_way(place: Place, before: str, after: str):
    """A deploy changes a tool's schema while executions are parked: each is listed, then does as declared."""
    mine = parked(place, before)
    doctor = place.holdfast("doctor", after, "--json")
    findings = [json.loads(line) for line in doctor.out.read_text().splitlines()]
    assert {f["execution_id"]: (f["tool"], f["outcome"]) for f in findings} == {
        mine[policy]: ("ship", policy) for policy in POLICIES
    }
    assert doctor.code == 1  # one of them would fail

    for asked in place.play(lambda app: app.approvals()):
        assert place.holdfast("answer", asked.id, "yes").code == 0
    assert place.drain(after) == 0
    stand = {policy: place.get(mine[policy]) for policy in POLICIES}
    assert {p: (e.status, e.status_reason) for p, e in stand.items()} == {
        "continue": ("completed", None),
        "review": ("awaiting_review", "TOOL_CHANGED"),
        "fail": ("failed", "TOOL_CHANGED"),
    }
    assert place.did() == ["ship-continue"]

    [change] = place.play(lambda app: app.approvals())
    assert (change.kind, change.execution_id) == ("change", mine["review"])
    assert place.holdfast("approve", change.id).code == 0
    assert place.drain(after) == 0
    assert place.get(mine["review"]).status == "completed"
    assert place.did() == ["ship-continue", "ship-review"]


def test_without_a_change_there_is_nothing_to_list(place: Place, before: str):
    """A deploy that changes no schema touches no execution: the same file again is no finding."""
    parked(place, before)
    doctor = place.holdfast("doctor", before, "--json")
    assert (doctor.code, doctor.out.read_text()) == (0, "")
