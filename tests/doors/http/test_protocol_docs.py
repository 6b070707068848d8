"""What docs/protocols.md shows is run, against a real server: the page's programs and its curl lines."""

import asyncio
import inspect
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
from tests.doors.http.live import Live

PAGE = Path(__file__).parents[3] / "docs" / "protocols.md"
TEXT = PAGE.read_text(encoding="utf-8")
PROGRAMS = dict(re.findall(r'^```python title="([\w.]+)"\n(.*?)^```$', TEXT, re.MULTILINE | re.DOTALL))
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
    served = Live([agent], str(tmp_path_factory.mktemp("docs") / "holdfast.db"))
    yield served
    served.close()


def here(live: Live, text: str) -> str:
    return text.replace("http://127.0.0.1:8321", live.url).replace("hf_...", live.keys["operator"])


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ask.py", ["['support']", "Done: order 1042 is on its way"]),
        ("follow.py", ["Done: order 1042 is on its way"]),
        ("approve.py", ['support wants to run refund({"order": 1042})', "Done: order 1042 is refunded"]),
        ("delegate.py", ["May support run refund?", "Done: order 1042 is refunded"]),
    ],
)
def test_a_program_of_the_page_works(
    live: Live, name: str, said: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """As a reader copies it, with their own address and key."""
    page: dict[str, Any] = {"__name__": "page"}
    exec(compile(here(live, PROGRAMS[name]), name, "exec"), page)
    done = page["main"]()
    if inspect.iscoroutine(done):
        asyncio.run(done)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in said if line not in lines] == []


def test_every_program_of_the_page_is_tested() -> None:
    """A new example needs a line above."""
    assert set(PROGRAMS) == {"ask.py", "follow.py", "approve.py", "delegate.py"}


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("line", CURLS, ids=["openai", "a2a"])
def test_a_curl_line_of_the_page_works(live: Live, line: str) -> None:
    """One line, one answer."""
    told = subprocess.run(shlex.split(here(live, line)), capture_output=True, text=True, timeout=30, check=True)
    assert "Done: order 1042 is on its way" in json.dumps(json.loads(told.stdout))
