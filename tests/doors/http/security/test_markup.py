"""Whatever a model or a customer writes is text on every page: no element, no attribute and no address comes of it."""

import asyncio
import json
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import pytest
from starlette.types import Message, Scope

from holdfast import Agent, Call, Conversation, Say, ToolError, tool
from tests.doors.http.security.conftest import Site, opened
from tests.doors.http.security.test_routes import RULES

MARK = "zqx"
EVIL = (
    f"</textarea></script></title>--><script>{MARK}()</script><img src=x onerror={MARK}()>"
    f'<svg/onload={MARK}()><a href="javascript:{MARK}()">x</a><style>*{{color:red}}</style>'
    f'<form action="https://{MARK}.example"><input name=csrf></form><meta http-equiv=refresh content="0;url=//{MARK}">'
)
QUOTED = f"\" onmouseover=\"{MARK}()\" x=' onfocus='{MARK}()' autofocus `"
TEMPLATE = "{{ 1234 * 5678 }}{% raw %}${1234*5678}"
SNEAKY = f"{QUOTED}{EVIL}{TEMPLATE}\u202e\u2028\x07"
NAME = f'x"><img src=x onerror={MARK}()>'
"""Short enough, and without what names may not have."""


@tool(effect="read")
def look(words: str) -> dict[str, str]:
    """Look."""
    return {SNEAKY[:200]: words}


@tool(effect="read")
def fail(words: str) -> str:
    """Fail."""
    raise ToolError(words)


@tool(effect="irreversible")
def pay(to: str, amount: int) -> str:
    """Pay."""
    return to


def evil(conversation: Conversation) -> Call | Say:
    script = [Call("look", {"words": SNEAKY}), Call("fail", {"words": SNEAKY}), Call(NAME, {NAME: SNEAKY})]
    done = len(conversation.calls)
    return script[done] if done < len(script) else Say(SNEAKY)


def asks(conversation: Conversation) -> Call | Say:
    return Say("done") if conversation.calls else Call("ask_person", {"question": SNEAKY})


def pays(conversation: Conversation) -> Call | Say:
    return Say("done") if conversation.calls else Call("pay", {"to": SNEAKY, "amount": 1})


def breaks(conversation: Conversation) -> Say:
    raise RuntimeError(SNEAKY)


@dataclass
class Seen(HTMLParser):
    """What a browser would make of a page."""

    wrong: list[str] = field(default_factory=list)
    _inside: str = ""

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._inside = tag
        if tag in {"style", "iframe", "object", "embed", "base"}:
            self.wrong.append(tag)
        if tag == "script" and not given.get("src", "").startswith("/static/"):
            self.wrong.append(f"script {given}")
        if tag == "meta" and given.get("http-equiv"):
            self.wrong.append("meta")
        for name, value in given.items():
            if name.startswith("on") or name == "style":
                self.wrong.append(f"{tag} {name}={value}")
            if name in {"href", "src", "action", "formaction", "srcset"} and not value.startswith(("/", "?", "#")):
                self.wrong.append(f"{tag} {name}={value}")
            if name in {"href", "src", "action", "formaction"} and value.startswith("//"):
                self.wrong.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        if self._inside == "script" and data.strip():
            self.wrong.append(f"inline script {data[:80]}")


def wrong_in(html: str) -> list[str]:
    seen = Seen()
    seen.feed(html)
    if "7006652" in html:
        seen.wrong.append("a template was evaluated")
    if any(sign in html for sign in "\u202e\x07"):
        seen.wrong.append("what changes how text is read came through")
    return seen.wrong


@dataclass
class Soiled:
    site: Site
    ids: dict[str, list[str]]


@pytest.fixture(scope="module")
def soiled(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Soiled]:
    database = shutil.copy(migrated_file, tmp_path_factory.mktemp("soiled") / "trail.db")
    agents = [
        Agent(name="evil", models=[evil], tools=[look, fail]),
        Agent(name="asks", models=[asks]),
        Agent(name="pays", models=[pays], tools=[pay]),
        Agent(name="breaks", models=[breaks]),
    ]
    for site in opened(str(database), agents=agents):
        app = site.app
        ran = [site.started(name, SNEAKY, user=NAME, thread=NAME) for name in ("evil", "asks", "pays", "breaks")]
        ran.append(site.started("pays", {SNEAKY[:300]: [SNEAKY]}, user=SNEAKY[:150], thread=SNEAKY[:150]))
        site.run(app.cancel(ran[4].id, by=NAME))
        site.run(app.grant("pay", by=NAME, why=SNEAKY, for_s=900, uses=1, agent="pays", bounds={"to": {"in": [NAME]}}))
        site.run(app.control.pause("tool", NAME, by=NAME, why=SNEAKY))
        site.run(app.control.open_breaker("model", NAME, by=NAME, why=SNEAKY))
        site.run(app.access.create_key(NAME, role="viewer", user=NAME, agents=[NAME], by=NAME))
        waiting = site.run(app.approvals(None))
        decided = site.started("pays", SNEAKY)
        (asked,) = site.run(app.approvals(execution_id=decided.id))
        site.run(app.decide(asked.id, "reject", by=NAME, note=SNEAKY))
        executions = [one.id for one in [*ran, decided]]
        yield Soiled(site, {"execution": executions, "approval": [*(one.id for one in waiting), asked.id]})


PAGES = [
    path.split(" ", 1)[1]
    for path, rule in RULES.items()
    if path.startswith("GET /") and rule != "anyone" and not re.match(r"GET /(v1|live|a2a|metrics)", path)
    and "blobs" not in path
]  # fmt: skip


def filled(path: str, ids: dict[str, list[str]]) -> list[str]:
    """Addresses of a page, one for each thing that it can show."""
    if "{" not in path:
        return [path]
    noun = "approval" if path.startswith("/approvals") else "execution"
    values = ["evil", "pays", "breaks"] if path.startswith("/agents") else ids[noun]
    return [re.sub(r"{\w+}", value, path) for value in values]


VARIANTS = {
    "/": [""],
    "/executions": ["", "?user={evil}", "?thread={evil}&agent={evil}&status={evil}&q={evil}&after={evil}&since={evil}"],
    "/approvals": ["", "?tab=history", "?tab=grants", "?tab={evil}&tool={evil}&agent={evil}&group={evil}&after={evil}"],
    "/approvals/bulk": ["?alike={approval}", "?id={approval}", "?id={evil}"],
    "/costs": ["", "?days={evil}", "?days=7"],
    "/agents": ["", "?days={evil}"],
    "/settings": ["", "?tab={evil}", "?tab=record", "?tab=keys"],
}


@pytest.mark.parametrize("careless", [EVIL, f'<p title="{QUOTED}">', f"<input value='{QUOTED}'>", TEMPLATE, SNEAKY])
def test_a_careless_page_would_be_seen(careless: str) -> None:
    """What this file looks with finds what it looks for."""
    assert wrong_in(careless.replace("{{ 1234 * 5678 }}", "7006652"))


@pytest.mark.parametrize("path", PAGES)
def test_no_page_has_markup_of_a_model_or_a_customer(soiled: Soiled, path: str) -> None:
    """With everything on record that they can write, and in every part of the address."""
    key, seen = soiled.site.keys["admin"], 0
    for address in filled(path, soiled.ids):
        for variant in VARIANTS.get(path, ["", "?step={evil}&view={evil}&tab={evil}&call={evil}&seq={evil}"]):
            query = variant.replace("{approval}", soiled.ids["approval"][0])
            parts = dict(part.partition("=")[::2] for part in query.lstrip("?").split("&") if part)
            params = {name: SNEAKY if value == "{evil}" else value for name, value in parts.items()}
            answer = soiled.site.request("GET", address, key=key, params=params, headers={"accept": "text/html"})
            assert answer.status_code < 500, (address, variant)
            if "html" in answer.headers.get("content-type", ""):
                assert not wrong_in(answer.text), (address, variant)
                seen += MARK in answer.text
    assert seen or path in {"/costs", "/executions/new", "/"}, "the page shows nothing of it: is it the right one?"


@pytest.mark.parametrize("address", ["/nothing/{evil}", "/executions/{evil}", "/approvals/{evil}", "/agents/{evil}"])
def test_what_is_not_there_is_said_without_its_markup(soiled: Soiled, address: str) -> None:
    """The address stands on the page as text, if at all."""
    from urllib.parse import quote

    path = address.replace("{evil}", quote(SNEAKY, safe=""))
    for headers in ({"accept": "text/html"}, {"accept": "*/*"}):
        answer = soiled.site.request("GET", path, key=soiled.site.keys["admin"], headers=headers)
        assert answer.status_code in {400, 404, 422}
        if "html" in answer.headers["content-type"]:
            assert not wrong_in(answer.text)
        else:
            assert answer.headers["content-type"] in {"application/problem+json", "application/json"}


def test_the_login_page_shows_nothing_of_the_address(soiled: Soiled) -> None:
    """Anybody can send anybody there."""
    browser = soiled.site.browser()
    for path, params in [
        ("/login", {"next": SNEAKY}),
        (f"/login/{NAME.replace('/', '')}", {}),
        ("/login", {"x": EVIL}),
    ]:
        assert not wrong_in(browser.get(path, params=params).text)
    assert not wrong_in(browser.post("/login", {"key": SNEAKY, "next": SNEAKY}).text)


@pytest.mark.parametrize(
    "path", ["/live/overview", "/live/executions", "/live/executions/{id_}", "/live/approvals", "/live/health"]
)
def test_live_updates_have_no_markup_of_theirs(soiled: Soiled, path: str) -> None:
    """They go into the page as HTML."""
    for address in filled(path, soiled.ids)[:3]:
        messages = soiled.site.run(first_words(soiled.site, address))
        for data in re.findall(r"^data: (.+)$", messages, re.MULTILINE):
            for piece in strings(json.loads(data)):
                assert not wrong_in(piece), address


def strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from strings(one)


async def first_words(site: Site, path: str) -> str:
    """What a stream says first, for a client that goes then."""
    said, enough, asked = [b""], asyncio.Event(), [{"type": "http.request", "body": b""}]

    async def receive() -> Message:
        if asked:
            return asked.pop()
        with suppress(TimeoutError):  # it may have nothing to say yet
            await asyncio.wait_for(enough.wait(), 0.5)
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        said.append(message.get("body", b""))
        if b"data:" in said[-1]:
            enough.set()

    key = site.keys["admin"].encode()
    scope: Scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), (b"authorization", b"Bearer " + key)],
        "client": ("192.0.2.3", 4711), "server": ("127.0.0.1", 80),
    }  # fmt: skip
    await site.asgi(scope, receive, send)
    return b"".join(said).decode()


def test_what_a_program_downloads_is_no_page(soiled: Soiled) -> None:
    """A payload or an answer of the API that is opened in a browser is shown as what it is, or saved."""
    key, execution = soiled.site.keys["admin"], soiled.ids["execution"][0]
    for path in (f"/v1/executions/{execution}", f"/v1/executions/{execution}/events", "/v1/audit", "/v1/keys"):
        answer = soiled.site.request("GET", path, key=key, headers={"accept": "text/html"})
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.headers["x-content-type-options"] == "nosniff"
