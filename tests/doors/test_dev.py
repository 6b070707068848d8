"""`holdfast dev`: worker, API and console in one process, fresh after each change of the code."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.doors.conftest import COMMAND, Cli

AGENT = """
from holdfast import Agent, Final

def answer(conversation):
    return Final("{word}")

support = Agent(name="support", models=[answer], instructions="Say it.")
"""


@pytest.fixture
def code(cli: Cli) -> Path:
    file = cli.folder / "support.py"
    file.write_text(AGENT.format(word="first"))
    return file


@pytest.fixture
def dev(cli: Cli, code: Path) -> Iterator[subprocess.Popen[str]]:
    running = subprocess.Popen(
        [*COMMAND, "dev", "support.py", "--port", "0", "--json"],
        cwd=cli.folder,
        env=dict(cli.env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield running
    running.kill()
    running.wait()


def told(dev: subprocess.Popen[str]) -> dict[str, Any]:
    """The next thing that it says for programs."""
    assert dev.stdout is not None
    line = dev.stdout.readline()
    assert line, dev.stderr.read() if dev.stderr else ""
    return json.loads(line)


def result(up: dict[str, Any], key: str) -> Any:
    """What the agent answers, asked over HTTP."""
    asked = {"agent": "support", "input": "say it"}
    head = {"authorization": f"Bearer {key}", "prefer": "wait=20"}
    answer = httpx2.post(f"{up['url']}/v1/executions", json=asked, headers=head, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.json()["result"]


def test_a_change_of_the_code_is_taken_up_and_a_mistake_waits_to_be_mended(
    cli: Cli, dev: subprocess.Popen[str], code: Path
) -> None:
    """The page in the browser never meets a closed door, and the next execution runs the new code."""
    up = told(dev)
    key = cli("keys", "create", "me", "--role", "admin", "--json").row["secret"]
    assert result(up, key) == "first"
    code.write_text("a mistake (")
    assert dev.stderr is not None
    while "waiting for a change" not in dev.stderr.readline():
        pass
    code.write_text(AGENT.format(word="second"))
    assert told(dev)["dev"] == "reloaded"
    assert result(up, key) == "second"
    dev.send_signal(signal.SIGTERM)
    assert dev.wait(20) == 0


def test_the_link_that_it_prints_logs_in_once(dev: subprocess.Popen[str]) -> None:
    """Whoever started it is an admin of the console, without making a key first."""
    up = told(dev)
    with httpx2.Client(follow_redirects=True) as browser:
        assert "holdfast_session" not in browser.cookies
        browser.get(up["login"])
        entered = browser.post(up["login"], headers={"origin": up["url"]})
        assert (entered.status_code, "holdfast_session" in browser.cookies) == (200, True)
    with httpx2.Client(follow_redirects=True) as other:
        other.post(up["login"], headers={"origin": up["url"]})
        assert "holdfast_session" not in other.cookies


def test_nothing_stays_behind_when_it_is_killed(dev: subprocess.Popen[str]) -> None:
    """The process that works ends when the one that watches is gone."""
    up = told(dev)
    dev.kill()
    dev.wait()
    assert dev.stderr is not None
    dev.stderr.read()  # ends when the last process that writes there has ended
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(f"{up['url']}/healthz")


def test_without_reload_it_is_one_process(cli: Cli, code: Path) -> None:
    """`--no-reload` works, serves and ends as asked."""
    running = subprocess.Popen(
        [*COMMAND, "dev", "support.py", "--port", "0", "--json", "--no-reload"],
        cwd=cli.folder,
        env=dict(cli.env),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert httpx2.get(f"{told(running)['url']}/healthz").status_code == 200
    os.kill(running.pid, signal.SIGINT)
    assert running.wait(20) == 0


def test_a_file_that_is_not_there_is_named(cli: Cli) -> None:
    """A mistyped target ends at once instead of waiting for a change."""
    ran = cli("dev", "suport.py")
    assert (ran.status, "there is no file suport.py" in ran.err) == (2, True)


def test_a_port_that_is_taken_is_named(cli: Cli, dev: subprocess.Popen[str]) -> None:
    """The error says which, and what to do."""
    port = told(dev)["url"].rpartition(":")[2]
    ran = cli("dev", "support.py", "--port", port)
    assert (ran.status, f"cannot listen on 127.0.0.1:{port}" in ran.err) == (2, True)
