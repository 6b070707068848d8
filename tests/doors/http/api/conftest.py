"""The API of one app with work of two users, called in this process; one server for a file of tests."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from holdfast import Agent, App, Call, Conversation, Limits, Say, tool
from holdfast.config import Settings
from holdfast.doors.http.options import HttpOptions
from holdfast.types import Execution, Role
from tests.doors.http.here import Here


@tool(effect="irreversible")
def pay(amount: int) -> str:
    """Pay somebody."""
    return f"paid {amount}"


@tool(effect="read")
def look(what: str) -> str:
    """Look something up."""
    return f"{what} is fine"


def pays(conversation: Conversation) -> Call | Say:
    return Say("done") if conversation.calls else Call("pay", {"amount": 120})


def answers(conversation: Conversation) -> Call | Say:
    return Say("It is on its way.") if conversation.calls else Call("look", {"what": "it"})


def fails(conversation: Conversation) -> Call:
    return Call("look", {"what": "again"})


def agents() -> list[Agent[str]]:
    return [
        Agent(name="payer", models=[pays], tools=[pay], version="3"),
        Agent(name="helper", models=[answers], tools=[look]),
        Agent(name="failer", models=[fails], tools=[look], limits=Limits(steps=2)),
    ]


class Api(Here):
    """The application, and a key for each role."""

    def __init__(self, database: str, options: HttpOptions | None = None) -> None:
        app = App(agents(), database, settings=Settings(people={"approver": {}, "lead": {}}))
        super().__init__(app, options or HttpOptions(requests_per_minute=10_000_000, console=False))

    def key(self, name: str, role: Role, **bound: object) -> str:
        """A key of one's own; said as `as_` from then on."""
        if name not in self.keys:
            self.keys[name] = self.run(self.app.access.create_key(name, role=role, by="test", **bound))[1]
        return name

    def done(self, agent: str = "helper", *, user: str | None = None, thread: str | None = None) -> Execution:
        """An execution that was worked until it ended or waits."""
        return self.run(self.app.run(agent, "please", user=user, thread=thread))

    def waiting(self, **given: object) -> str:
        """An approval that waits."""
        execution = self.done("payer", **given)
        (approval,) = self.run(self.app.approvals(execution_id=execution.id))
        return approval.id

    def call(self, method: str, path: str, *, as_: str | None = "operator", **given) -> httpx2.Response:
        return self.run(self.called(method, path, as_=as_, **given))

    async def called(self, method: str, path: str, *, as_: str | None = "operator", **given) -> httpx2.Response:
        transport = httpx2.ASGITransport(app=self.asgi, raise_app_exceptions=False)
        headers = dict(given.pop("headers", {}))
        if as_ is not None:
            headers.setdefault("authorization", f"Bearer {self.keys[as_]}")
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
            return await http.request(method, path, headers=headers, **given)

    def get(self, path: str, *, as_: str | None = "operator", **given) -> httpx2.Response:
        return self.call("GET", path, as_=as_, **given)

    def post(self, path: str, body: object = None, *, as_: str | None = "operator", **given) -> httpx2.Response:
        return self.call("POST", path, as_=as_, json=body, **given)

    def pages(self, path: str, *, as_: str = "operator") -> list[list[dict[str, object]]]:
        """All pages of a list, by following `next`."""
        found, place = [], path
        while place:
            answer = self.get(place, as_=as_)
            assert answer.status_code == 200, answer.text
            found.append(answer.json()["items"])
            place = answer.json()["next"]
        return found


def opened(database: str, options: HttpOptions | None = None) -> Iterator[Api]:
    api = Api(database, options)
    yield api
    api.close()


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Api]:
    yield from opened(str(shutil.copy(migrated_file, tmp_path_factory.mktemp("api") / "trail.db")))
