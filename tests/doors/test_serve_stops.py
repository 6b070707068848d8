"""`holdfast serve` and `dev` under load, while they are stopped, killed and started again."""

import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import httpx2
import pytest

from tests.doors.conftest import COMMAND, Cli

AGENT = """
import time
from holdfast import Agent, Call, Final, tool

@tool(effect="read", timeout_s=30)
def nap(seconds: float) -> str:
    "Sleep."
    time.sleep(seconds)
    return "slept"

def rules(conversation):
    return Final("rested") if conversation.calls else Call("nap", {"seconds": conversation.input["nap_s"]})

sleeper = Agent(name="sleeper", models=[rules], instructions="Rest.", tools=[nap])
"""


class Served:
    """A command that serves on a port that stays the same when it is started again."""

    def __init__(self, cli: Cli, *words: str) -> None:
        self.cli, self.words = cli, words
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, *self.words, "--port", str(self.port), "--json"],
            cwd=self.cli.folder,
            env=dict(self.cli.env),
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline()

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def key(cli: Cli) -> dict[str, str]:
    (cli.folder / "sleeper.py").write_text(AGENT)
    cli("migrate")
    return {"authorization": f"Bearer {cli('keys', 'create', 'me', '--role', 'admin', '--json').row['secret']}"}


@pytest.fixture
def serve(cli: Cli, key: dict[str, str]) -> Iterator[Served]:
    served = Served(cli, "serve", "sleeper.py")
    served.start()
    yield served
    served.end(signal.SIGKILL)


def begin(url: str, key: dict[str, str], nap_s: float, **head: str) -> httpx2.Response:
    asked = {"agent": "sleeper", "input": {"nap_s": nap_s}}
    return httpx2.post(f"{url}/v1/executions", json=asked, headers={**key, **head}, timeout=20)


def lines(url: str, path: str, key: dict[str, str], seen: list[str], begun: threading.Event) -> None:
    """Read a stream to its end."""
    head = {**key, "accept": "text/event-stream"}
    with httpx2.stream("GET", url + path, headers=head, timeout=30) as stream:
        for line in stream.iter_lines():
            seen.append(line)
            begun.set()


def test_sigterm_ends_open_streams_and_lets_running_executions_reach_their_commit(
    cli: Cli, key: dict[str, str]
) -> None:
    """Readers are told that the server closes, the call under way is kept, and nothing is lost."""
    dev = Served(cli, "dev", "sleeper.py", "--no-reload")
    dev.start()
    try:
        started = begin(dev.url, key, 2).json()["id"]
        seen: list[str] = []
        begun = threading.Event()
        args = (dev.url, f"/v1/executions/{started}/events", key, seen, begun)
        reader = threading.Thread(target=lines, args=args)
        reader.start()
        assert begun.wait(20)
        assert dev.end() == 0
        reader.join(5)
        assert not reader.is_alive()
        assert "event: closing" in seen
    finally:
        dev.end(signal.SIGKILL)
    cli("worker", "sleeper.py", "--drain")
    story = cli("show", started, "--json").row
    assert (story["status"], story["tool_calls"][0]["attempt"]) == ("completed", 1)


def test_a_restart_under_load_loses_nothing_and_starts_nothing_twice(
    cli: Cli, key: dict[str, str], serve: Served
) -> None:
    """Clients that ask again with the same idempotency key get exactly one execution for each of their requests."""
    numbers, stop, answered = count(), threading.Event(), threading.Semaphore(0)

    def ask(number: int) -> str:
        while True:
            try:
                answer = begin(serve.url, key, 0, **{"idempotency-key": f"request-{number}"})
            except httpx2.TransportError:
                stop.wait(0.05)
                continue
            assert answer.status_code in {200, 201, 202}, answer.text
            return answer.json()["id"]

    def client() -> list[tuple[int, str]]:
        done: list[tuple[int, str]] = []
        while not stop.is_set():
            number = next(numbers)
            done.append((number, ask(number)))
            answered.release()
        return done

    with ThreadPoolExecutor(4) as clients:
        asking = [clients.submit(client) for _ in range(4)]
        for number in (signal.SIGTERM, signal.SIGKILL):
            for _ in range(10):
                answered.acquire()
            serve.end(number)
            serve.start()
        stop.set()
        got = [pair for each in asking for pair in each.result()]
    known = {row["idempotency_key"]: row["id"] for row in cli("executions", "--limit", "10000", "--json").rows}
    assert len(got) >= 20
    assert all(known[f"request-{number}"] == execution for number, execution in got)


def test_a_client_that_never_reads_does_not_hold_up_the_end(serve: Served, key: dict[str, str]) -> None:
    """A connection that neither reads nor asks is let go when the server stops."""
    with socket.create_connection(("127.0.0.1", serve.port)) as mute:
        mute.sendall(b"GET /v1/executions HTTP/1.1\r\nHost: 127.0.0.1\r\n")
        assert httpx2.get(f"{serve.url}/healthz").status_code == 200
        assert serve.end() == 0
