"""Signals to workflows over HTTP: the same as `app.send`, for callers who reach the execution."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast import Agent, App, Flow, Say, workflow
from holdfast.config import Settings
from holdfast.doors.http.options import HttpOptions
from holdfast.types import Execution
from tests.doors.http.api.conftest import Api
from tests.doors.http.here import Here


@workflow
async def contract(flow: Flow) -> object:
    return await flow.wait_for("docs.signed", timeout_s=86_400)


class Office(Api):
    """The API of an app with a workflow that waits for a signature."""

    def __init__(self, database: str) -> None:
        greeter = Agent(name="greeter", models=[lambda _: Say("hello")])
        Here.__init__(
            self,
            App([contract, greeter], database, settings=Settings()),
            HttpOptions(requests_per_minute=10_000_000, console=False),
        )

    def begun(self, user: str | None = None) -> Execution:
        return self.run(self.app.start("contract", None, user=user))

    def result(self, execution: Execution) -> object:
        return self.run(self.app.resume(execution.id)).result


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Office]:
    made = Office(str(shutil.copy(migrated_file, tmp_path_factory.mktemp("signals") / "trail.db")))
    yield made
    made.close()


def test_a_signal_is_what_the_workflow_waits_for(office: Office) -> None:
    """What it brings is what the workflow goes on with."""
    execution = office.begun()
    sent = office.post(f"/v1/executions/{execution.id}/signals", {"name": "docs.signed", "data": {"by": "mia"}})
    assert sent.json() == {"execution": execution.id, "signal": "docs.signed", "new": True}
    assert office.result(execution) == {"by": "mia"}


def test_the_same_idempotency_key_sends_once(office: Office) -> None:
    """In the header or as `id`; two that differ are refused."""
    path = f"/v1/executions/{office.begun().id}/signals"
    signal, headers = {"name": "docs.signed", "data": 1}, {"idempotency-key": "mail-1"}
    assert office.post(path, signal, headers=headers).json()["new"] is True
    assert office.post(path, {**signal, "id": "mail-1"}).json()["new"] is False
    assert office.post(path, {**signal, "id": "mail-2"}, headers=headers).json()["code"] == "usage"


def test_a_runner_sends_to_executions_of_its_own_user_only(office: Office) -> None:
    """Another's is as if it were not there; a viewer sends nothing."""
    mia, theirs = office.begun("mia"), office.begun("bob")
    key = office.key("shop", "runner", user="mia")
    statuses = [
        office.post(f"/v1/executions/{id_}/signals", {"name": "docs.signed"}, as_=who).status_code
        for id_, who in [(mia.id, key), (theirs.id, key), ("nothing", "operator"), (mia.id, "viewer")]
    ]
    assert statuses == [200, 404, 404, 403]
    assert office.result(mia) is None


def test_what_cannot_take_a_signal_says_so(office: Office) -> None:
    """An agent waits for none, an execution that ended takes none, and a signal has a name."""
    agents = office.run(office.app.run("greeter", "hi"))
    over = office.begun()
    office.run(office.app.cancel(over.id, by="test"))
    answers = [
        office.post(f"/v1/executions/{execution.id}/signals", {"name": name, "data": None})
        for execution, name in [(agents, "docs.signed"), (over, "docs.signed"), (over, "")]
    ]
    assert [(it.status_code, it.json()["code"]) for it in answers] == [
        (422, "usage"),
        (409, "illegal_transition"),
        (422, "invalid_request"),
    ]
