"""One server for a file of tests, called in this process: an app with work of two users, and a key for each role."""

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

import httpx2
import pytest
from starlette.types import ASGIApp, Message, Scope

from holdfast import Agent, App, Call, Conversation, Say, tool
from holdfast.config import Settings
from holdfast.doors.http.options import HttpOptions
from holdfast.types import Execution, Role
from tests.doors.http.here import Here


@tool(effect="irreversible")
def pay(amount: int, to: str) -> str:
    """Pay somebody."""
    return f"paid {amount} to {to}"


def pays(conversation: Conversation) -> Call | Say:
    return Say("done") if conversation.calls else Call("pay", {"amount": 120, "to": "Mia"})


def answers(conversation: Conversation) -> Say:
    return Say("It is on its way.")


class Site(Here):
    """The application, as a browser and as programs reach it."""

    def __init__(
        self, database: str, *, options: HttpOptions, agents: Sequence[Agent[object]] = (), **settings: object
    ) -> None:
        usual = [Agent(name="payer", models=[pays], tools=[pay]), Agent(name="helper", models=[answers])]
        super().__init__(App(agents or usual, database, settings=Settings(**settings)), options)

    def key(self, role: Role, **bound: object) -> str:
        """A further key."""
        name = f"{role}-{len(self.run(self.app.access.keys()))}"
        return self.run(self.app.access.create_key(name, role=role, by="test", **bound))[1]

    def started(
        self, agent: str, words: object = "please", *, user: str | None = None, thread: str | None = None
    ) -> Execution:
        return self.run(self.app.run(agent, words, user=user, thread=thread))

    def browser(self, url: str = "http://127.0.0.1", *, address: str = "192.0.2.1") -> "Browser":
        return Browser(self, url, address)

    def request(self, method: str, path: str, *, key: str | None = None, **given) -> httpx2.Response:
        """As a program sends it, from an address of its own."""
        headers = {"a2a-version": "1.0", **given.pop("headers", {})}
        if key is not None:
            headers["authorization"] = f"Bearer {key}"
        return self.browser().send(method, path, headers=headers, **given)

    def status(self, method: str, path: str, *, key: str | None, body: object) -> int:
        """What a route answers to a client that is gone once it has asked: streams end at once."""
        return self.run(self._raw(method, path, key, body))[0]

    def raw_get(self, path: str, *, key: str | None = None) -> tuple[int, bytes]:
        """What comes of a path exactly as it is written here: clients would tidy it."""
        return self.run(self._raw("GET", path, key, None))

    async def _raw(self, method: str, path: str, key: str | None, given: object) -> tuple[int, bytes]:
        as_json, sends = path.startswith(("/v1", "/a2a")), method not in {"GET", "DELETE"}
        body = json.dumps(given).encode() if sends and as_json else b""
        kind = b"application/json" if as_json else b"application/x-www-form-urlencoded"
        headers = [(b"host", b"127.0.0.1"), (b"a2a-version", b"1.0")]
        headers += [(b"content-type", kind), (b"content-length", str(len(body)).encode())] if sends else []
        headers += [(b"authorization", f"Bearer {key}".encode())] if key else []
        asked, came, said = [{"type": "http.request", "body": body}], [0], [b""]

        async def receive() -> Message:
            return asked.pop() if asked else {"type": "http.disconnect"}

        async def send(message: Message) -> None:
            came.append(message.get("status", came[-1]))
            said.append(message.get("body", b""))

        scope: Scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
            "path": unquote(path), "raw_path": path.encode(), "query_string": b"", "root_path": "",
            "headers": headers, "client": ("192.0.2.2", 4711), "server": ("127.0.0.1", 80),
        }  # fmt: skip
        await self.asgi(scope, receive, send)
        return came[-1], b"".join(said)


class Browser:
    """Keeps cookies, as browsers do, and says where a form came from."""

    def __init__(self, site: Site, url: str, address: str, app: ASGIApp | None = None) -> None:
        transport = httpx2.ASGITransport(app=app or site.asgi, client=(address, 4711), raise_app_exceptions=False)
        self._site, self._http = site, httpx2.AsyncClient(transport=transport, base_url=url)
        self.cookies = self._http.cookies

    def send(self, method: str, path: str, **given) -> httpx2.Response:
        return self._site.run(self._http.request(method, path, **given))

    def get(self, path: str, **given) -> httpx2.Response:
        return self.send("GET", path, **{"headers": {"accept": "text/html"}, **given})

    def post(self, path: str, data: dict[str, str] | None = None, *, site: str = "same-origin", **given):
        headers = {"accept": "text/html", "sec-fetch-site": site, **given.pop("headers", {})}
        return self.send("POST", path, data=data or {}, headers=headers, **given)

    def log_in(self, key: str, **given) -> httpx2.Response:
        return self.post("/login", {"key": key}, **given)

    @property
    def session(self) -> str | None:
        return self.cookies.get("holdfast_session")

    @property
    def csrf(self) -> str:
        import hmac
        from hashlib import sha256

        return hmac.new((self.session or "").encode(), b"holdfast csrf", sha256).hexdigest()


def opened(database: str, **given) -> Iterator[Site]:
    site = Site(database, options=given.pop("options", HttpOptions()), **given)
    yield site
    site.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Site]:
    yield from opened(str(shutil.copy(migrated_file, tmp_path_factory.mktemp("site") / "trail.db")))
