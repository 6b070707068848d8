"""What docs/protocols.md shows is run, against a real server: the page's programs and its curl lines."""

import json
import shutil
from collections.abc import Iterator

import pytest

from tests.doors.http.live import Live
from tests.doors.http.shown import SUPPORT, Page, run_curl, run_program

PAGE = Page("protocols.md")


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    served = Live([SUPPORT], str(tmp_path_factory.mktemp("docs") / "holdfast.db"))
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
    run_program(here(live, PAGE.programs[name]), name)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in said if line not in lines] == []


def test_every_program_of_the_page_is_tested() -> None:
    """A new example needs a line above."""
    assert set(PAGE.programs) == {"ask.py", "follow.py", "approve.py", "delegate.py"}


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("line", PAGE.curls, ids=["openai", "a2a"])
def test_a_curl_line_of_the_page_works(live: Live, line: str) -> None:
    """One line, one answer."""
    told = run_curl(here(live, line))
    assert "Done: order 1042 is on its way" in json.dumps(json.loads(told))
