"""`holdfast alerts`, `outbox`, `channels` and `serve`: what operators see of what people are told."""

import base64
import signal
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.doors.conftest import COMMAND, Cli


class Receiver(BaseHTTPRequestHandler):
    """Takes messages, or says that it is gone for ever."""

    status = 410

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(type(self).status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def gone() -> Iterator[dict[str, str]]:
    """A configured webhook whose receiver is gone."""
    Receiver.status = 410
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    secret = "whsec_" + base64.b64encode(b"x" * 32).decode()
    yield {
        "HOLDFAST_WEBHOOK__URL": f"http://127.0.0.1:{server.server_port}",
        "HOLDFAST_WEBHOOK__SECRET": secret,
        "HOLDFAST_LOG_LEVEL": "error",
    }
    server.shutdown()


def test_what_a_channel_did_not_take_is_listed_and_can_be_tried_again(cli: Cli, gone: dict[str, str]) -> None:
    """Given up with the reason; an operator sets it right and retries; the next worker delivers."""
    cli("run", "desk_target.py:payer", "please", "--no-wait", **gone)
    cli("worker", "desk_target.py:payer", "--drain", **gone)
    dead = cli("outbox", "--dead", "--json").row
    assert (dead["status"], dead["kind"], dead["address"]["channel"]) == ("dead", "card", "webhook")
    assert "answered 410" in cli("outbox").out
    assert cli("outbox", "retry", dead["id"]).out == f"{dead['id']} is queued again; a worker sends it\n"
    Receiver.status = 204
    cli("worker", "desk_target.py:payer", "--drain", **gone)
    assert cli("outbox", "--json").row["status"] == "sent"


def test_nothing_the_matter_is_said(cli: Cli) -> None:
    """An empty list to a program, words to a person."""
    cli("migrate")
    assert cli("alerts", "--json").rows == []
    assert "nothing is the matter" in cli("alerts").err
    assert "nothing was sent" in cli("outbox").err


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("outbox", "retry"), "holdfast outbox --dead lists"),
        (("outbox", "retry", "x"), "no delivery 'x' was given up"),
        (("outbox", "list", "x"), "holdfast outbox retry x"),
        (("channels", "test"), "configured are: none"),
        (("channels", "test", "slack"), "'slack' is not configured"),
    ],
)
def test_what_cannot_be_done_says_what_would_work(cli: Cli, command: tuple[str, ...], told: str) -> None:
    """A usage error, in one line."""
    cli("migrate")
    ran = cli(*command)
    assert (ran.status, told in ran.err) == (2, True), ran


def test_a_channel_is_tried_out_before_it_is_needed(cli: Cli, gone: dict[str, str]) -> None:
    """The test message arrives, or the reason is told."""
    assert cli("channels", **gone).out == "webhook\n"
    assert cli("channels", "test", "webhook", **gone).status == 1
    Receiver.status = 204
    assert cli("channels", "test", "webhook", **gone).out == "webhook took a test message\n"


def test_serve_ends_as_asked(cli: Cli) -> None:
    """SIGTERM ends it in order, with exit status 0."""
    cli("migrate")
    running = subprocess.Popen(
        [*COMMAND, "serve", "--port", "0"], cwd=cli.folder, env=dict(cli.env), stderr=subprocess.PIPE, text=True
    )
    assert "listening on http://127.0.0.1:" in running.stderr.readline()
    running.send_signal(signal.SIGTERM)
    assert running.wait(20) == 0


def test_serve_without_its_extra_names_it(cli: Cli) -> None:
    """What to install, not a traceback."""
    cli("migrate")
    (cli.folder / "starlette.py").write_text("raise ModuleNotFoundError('starlette')")
    ran = cli.fresh("serve", PYTHONPATH=str(cli.folder))
    assert (ran.status, "pip install 'holdfast[server]'" in ran.err) == (2, True)
