"""Incident 10: a deploy changes a tool's schema while executions are parked."""

import asyncio
import json
import runpy
import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from holdfast import App
from holdfast.types import Execution
from tests.incidents.place import Place, until

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


EACH = 4
CHANGED = "TOOL_CHANGED"
DONE = [(policy, "completed", None) for policy in ("continue", "review", "fail")]
REFUSED = ("fail", "failed", CHANGED)


def test_workers_of_both_versions_are_at_work(
    postgres_place: Place, before: str, after: str, monkeypatch: pytest.MonkeyPatch
):
    """A deploy changes a tool's schema while executions are parked: whichever version takes one up does as declared."""
    place = postgres_place

    async def story(app: App) -> None:
        ids = {one: [(await app.start(one, "go")).id for _ in range(EACH)] for one in POLICIES}
        mine = [one for each in ids.values() for one in each]
        with ExitStack() as stack:
            old = stack.enter_context(place.worker(before, HOLDFAST_CONCURRENCY=1))
            for one in mine:
                assert (await app.wait(one, 30)).status == "awaiting_review"
            new = stack.enter_context(place.worker(after, HOLDFAST_CONCURRENCY=1))
            await until(lambda: "worker_started" in new.said)
            for asked in await app.approvals():
                await app.decide(asked.id, "answer", by="Ada", note="now")
            stands = [await app.wait(one, 30) for one in mine]
            old.signal(signal.SIGTERM)
            assert await asyncio.to_thread(old.wait) == 0
            for asked in await app.approvals():
                assert asked.kind == "change"
                await app.decide(asked.id, "approve", by="Ada")
            ended = [await app.wait(one, 30) for one in mine]
            assert new.code is None
        assert {_how(one) for one in stands} <= {*DONE, ("review", "awaiting_review", CHANGED), REFUSED}
        assert {_how(one) for one in ended} <= {*DONE, REFUSED}
        assert {_how(one) for one in ended} >= {DONE[0], DONE[1]}
        completed = [one for one in ended if one.status == "completed"]
        effects = {effect.key.partition(":")[0]: effect.tool for effect in place.ledger.effects()}
        assert effects == {one.id: f"ship-{one.agent_type}" for one in completed}
        assert len(place.did()) == len(completed)

    monkeypatch.setenv("INCIDENT_FOLDER", str(place.folder))
    agents = list(runpy.run_path(before)["app"].agents.values())
    place.play(story, App(agents, place.database), within_s=90)


def _how(one: Execution) -> tuple[str, str, str | None]:
    return one.agent_type, one.status, one.status_reason
