"""Every example in the docs runs: what a reader copies works.

On each page the blocks run in order, in one namespace and one empty folder, without a network:
```python blocks as they stand (with `title="name.py"` they are also written to that file), and the
`$ holdfast ...` lines of blocks marked ```console run; `# exits 3` behind a line names its exit status.
"""

import os
import re
import shlex
import socket
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from tests.processes import start

ROOT = Path(__file__).parent.parent
PAGES = [path for path in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))] if path.exists()]
FENCE = re.compile(r"^```(?P<info>[^\n`]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)
TITLE = re.compile(r'title="([\w./-]+)"')
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
EXITS = re.compile(r"#\s*exits (\d+)\s*$")


@dataclass(frozen=True, slots=True)
class Block:
    info: str
    code: str
    line: int


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(found["info"].strip(), found["code"], text.count("\n", 0, found.start("code")))
        for found in FENCE.finditer(text)
    ]


def runnable(page: Path) -> list[Block]:
    return [block for block in blocks(page) if block.info.split()[:1] == ["python"] or block.info == "console run"]


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def run_python(block: Block, page: Path, namespace: dict[str, object]) -> None:
    if title := TITLE.search(block.info):
        Path(title[1]).parent.mkdir(parents=True, exist_ok=True)
        Path(title[1]).write_text(block.code, encoding="utf-8")
    # Blank lines before it make a traceback name the line of the page.
    exec(compile("\n" * block.line + block.code, str(page), "exec"), namespace)


def run_console(block: Block, streams: Path) -> None:
    for line in block.code.splitlines():
        if not line.startswith("$ holdfast"):
            continue
        expected = int(found[1]) if (found := EXITS.search(line)) else 0
        words = shlex.split(line.removeprefix("$ holdfast"), comments=True)
        running = start(words, environment=os.environ, folder=streams, cwd=Path.cwd())
        try:
            assert running.wait() == expected, f"{line}\n{running.said}"
        finally:
            running.end()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    connect = socket.socket.connect

    def refuse(to: socket.socket, address: object) -> None:
        if to.family == socket.AF_UNIX:
            return connect(to, address)
        raise AssertionError(f"an example wants the network: {address}")

    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for variable in ("HOLDFAST_DATABASE", "OPENAI_API_KEY", "ANTHROPIC_API_KEY", "HOLDFAST_CRASH_AT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if runnable(page)], ids=name_of)
def test_examples_of_a_page_run(
    page: Path, folder: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader who copies the examples of a page, in order, sees what the page says."""
    module = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", module)
    before, streams = set(sys.modules), tmp_path_factory.mktemp("streams")
    for block in runnable(page):
        if block.info == "console run":
            run_console(block, streams)
        else:
            run_python(block, page, vars(module))
    for name in set(sys.modules) - before:
        file = getattr(sys.modules[name], "__file__", None)
        if file and Path(file).is_relative_to(folder):
            del sys.modules[name]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    """A link to another page or picture finds it."""
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    missing = [link for link in LINK.findall(prose) if not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_python_on_a_page_is_meant_to_run(page: Path) -> None:
    """Python is never hidden from this test by another name for it."""
    assert [block.info for block in blocks(page) if block.info.split()[:1] in (["py"], ["python3"], ["pycon"])] == []
