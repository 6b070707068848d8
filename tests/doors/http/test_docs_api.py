"""What docs/api.md shows is run, against a real server: its curl lines and its programs."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast import Agent, Call, Conversation, Say, tool
from holdfast.doors.http.problems import STATUS_OF
from tests.doors.http.live import Live

TEXT = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")
PROGRAMS = dict(re.findall(r'^```python title="([\w.]+)"\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL))
CURLED = ["irreversible", "Done: order 1042", "event: end", '"items":[', "Done: order 1042|completed", '"results":[]']
CURLS = re.findall(r"^\$ (curl .*)$", TEXT, re.MULTILINE)


@tool(effect="read")
def find_order(order: int) -> str:
    """Find an order."""
    return f"order {order} is on its way"


@tool(effect="irreversible")
def refund(order: int) -> str:
    """Refund an order."""
    return f"order {order} is refunded"


def supports(conversation: Conversation) -> Call | Say:
    if conversation.calls:
        return Say(f"Done: {conversation.calls[0].result}")
    return Call("refund" if "Refund" in str(conversation.input) else "find_order", {"order": 1042})


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    agent = Agent(name="support", models=[supports], tools=[find_order, refund])
    served = Live([agent], str(tmp_path_factory.mktemp("api-docs") / "holdfast.db"))
    yield served
    served.close()


def here(live: Live, text: str) -> str:
    done = live.do(live.app.list(limit=1, status="completed"))
    known = done[0].id if done else "none"
    address = text.replace("http://127.0.0.1:8321", live.url).replace("executions/ID", f"executions/{known}")
    return address.replace("hf_...", live.keys["operator"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ask.py", ["completed Done: order 1042 is on its way", "find_order {'order': 1042} completed"]),
        ("follow.py", ["execution.started", "execution.completed"]),
        ("decide.py", ["awaiting_review", "409 already_decided"]),
    ],
)
def test_a_program_of_the_page_works(
    live: Live, name: str, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """As a reader copies it, with their own address and key."""
    page: dict[str, Any] = {"__name__": "page"}
    exec(compile(here(live, PROGRAMS[name]), name, "exec"), page)
    page["main"]()
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in said if line not in lines] == []


def test_every_program_of_the_page_is_tested() -> None:
    """A new example needs a line above."""
    assert set(PROGRAMS) == {"ask.py", "follow.py", "decide.py"}


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize(
    ("line", "said"),
    [*zip(CURLS, CURLED, strict=True)],
    ids=["agents", "start", "follow", "approvals", "list", "bulk"],
)
def test_a_curl_line_of_the_page_works(live: Live, line: str, said: str) -> None:
    """One line, one answer."""
    told = subprocess.run(shlex.split(here(live, line)), capture_output=True, text=True, timeout=30, check=True)
    assert re.search(re.escape(said).replace(r"\|", "|"), told.stdout), told.stdout
    if said != "event: end":
        json.loads(told.stdout)


def test_the_page_names_codes_that_there_are() -> None:
    """A code in the table of errors is one that the server sends, with that status."""
    table = TEXT.partition("| status | codes | do |")[2].partition("## Limits")[0]
    for statuses, codes in re.findall(r"^\| ([\d, ]+) \| ([^|]+) \|", table, re.MULTILINE):
        for code in re.findall(r"`(\w+)`", codes):
            assert STATUS_OF.get(code, int(statuses.split(",")[0])) in map(int, statuses.split(", ")), code
