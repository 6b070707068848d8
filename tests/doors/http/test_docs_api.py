"""What docs/api.md shows is run, against a real server: its curl lines and its programs."""

import json
import re
import shutil
from collections.abc import Iterator

import pytest

from holdfast.doors.http.problems import STATUS_OF
from tests.doors.http.live import Live
from tests.doors.http.shown import SUPPORT, Page, run_curl, run_program

PAGE = Page("api.md")
CURLED = ["irreversible", "Done: order 1042", "event: end", '"items":[', "Done: order 1042|completed", '"results":[]']


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    served = Live([SUPPORT], str(tmp_path_factory.mktemp("api-docs") / "holdfast.db"))
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
    run_program(here(live, PAGE.programs[name]), name)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in said if line not in lines] == []


def test_every_program_of_the_page_is_tested() -> None:
    """A new example needs a line above."""
    assert set(PAGE.programs) == {"ask.py", "follow.py", "decide.py"}


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize(
    ("line", "said"),
    [*zip(PAGE.curls, CURLED, strict=True)],
    ids=["agents", "start", "follow", "approvals", "list", "bulk"],
)
def test_a_curl_line_of_the_page_works(live: Live, line: str, said: str) -> None:
    """One line, one answer."""
    told = run_curl(here(live, line))
    assert re.search(re.escape(said).replace(r"\|", "|"), told), told
    if said != "event: end":
        json.loads(told)


def test_the_page_names_codes_that_there_are() -> None:
    """A code in the table of errors is one that the server sends, with that status."""
    table = PAGE.text.partition("| status | codes | do |")[2].partition("## Limits")[0]
    for statuses, codes in re.findall(r"^\| ([\d, ]+) \| ([^|]+) \|", table, re.MULTILINE):
        for code in re.findall(r"`(\w+)`", codes):
            assert STATUS_OF.get(code, int(statuses.split(",")[0])) in map(int, statuses.split(", ")), code
