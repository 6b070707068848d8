"""Incident 31: a secret appears in a prompt or a tool result."""

import os
from pathlib import Path

import pytest

from tests.incidents.place import Place

PLACES = (
    "input", "model", "argument", "result", "error", "blob", "log", "stdlog", "note", "reject", "edit", "answer",
    "thread", "doubt", "exception", "bytes", "user",
)  # fmt: skip


def secret(where: str) -> str:
    """A key that says where it came from."""
    return f"{os.environ.get('INCIDENT_SECRET', 'sk-proj')}-{where}-A1b2C3d4E5f6G7h8I9j0"


FILE = '''
import logging, os
import structlog
from pathlib import Path
from holdfast import Agent, App, Context, ToolError, Limits, never_ask, tool
from holdfast.testing import Call, Calls, Ledger, Raw, Say, ScriptedModel
from tests.incidents.test_31_secrets import secret

@tool(effect="read", retries=0)
def leak(what: str, key: str = "") -> object:
    """Leak something."""
    structlog.get_logger("shop").debug("leaking", key=secret("log"), headers={{"authorization": secret("log")}})
    logging.getLogger("shop").error("leaking %s", secret("stdlog"))
    if what == "error":
        raise ToolError("refused " + secret("error"))
    if what == "exception":
        raise ValueError("broken " + secret("exception"))
    if what == "blob":
        return "x" * 20_000 + " " + secret("blob") + " " + "y" * 20_000
    if what == "bytes":
        return b"\\xff\\x00" + secret("bytes").encode() + b"\\x00\\xff"
    return "the key is " + secret("result")

@tool(effect="irreversible")
def send(to: str) -> str:
    """Send."""
    return "sent to " + to

@tool(effect="irreversible", review=never_ask)
def pay(to: str) -> str:
    """Pay."""
    raise ConnectionError("lost with " + secret("doubt"))

def script(messages):
    Ledger(Path(os.environ["INCIDENT_FOLDER"]) / "heard.jsonl").record("heard", "model", {{"text": str(messages)}})
    return steps[sum(type(m).__name__ == "ModelResponse" and m.model_name is not None for m in messages)]

steps = [
    Raw("I will use " + secret("model"), calls=[("leak", '{{"what": "result", "key": "' + secret("argument") + '"}}')]),
    Calls([Call("leak", {{"what": "error"}}), Call("leak", {{"what": "blob"}}), Call("leak", {{"what": "exception"}})]),
    Call("leak", {{"what": "bytes"}}),
    Call("send", {{"to": "a"}}), Call("send", {{"to": "b"}}),
    Call("ask_person", {{"question": "Which one, " + secret("model") + "?"}}),
    Call("pay", {{"to": "a"}}), Say("done with " + secret("thread")),
]
app = App([Agent(name="clerk", models=[ScriptedModel(script)], tools=[leak, send, pay], limits=Limits(tokens=10**6))])
'''.replace("{{", "{").replace("}}", "}")


@pytest.fixture
def target(tmp_path: Path) -> str:
    """An agent that leaks wherever it can."""
    path = tmp_path / "leaky.py"
    path.write_text(FILE)
    return str(path)


def live(place: Place, target: str) -> None:
    """Everything that can happen to a secret, with debug logs on, through the real command line."""
    loud = {"HOLDFAST_LOG_LEVEL": "debug"}
    asked = "My key is " + secret("input")
    names = ("--user", "ann " + secret("user"))
    assert place.holdfast("run", target, asked, "--thread", "t", *names, **loud).code == 3
    answers = [
        ["approve", "--note", "fine, " + secret("note"), "--edit", '{"to": "' + secret("edit") + '"}'],
        ["reject", "--note", "no, " + secret("reject")],
        ["answer", "the one of " + secret("answer")],
        ["resolve", "happened", "--result", '"' + secret("doubt") + '"'],
    ]
    for verb, *more in answers:
        [question] = place.play(lambda app: app.approvals())
        said = place.holdfast(verb, question.id, *more, **loud)
        assert said.code == 0, said.said
        assert place.drain(target, **loud) == 0
    assert place.holdfast("run", target, "And again?", "--thread", "t", **loud).code == 3
    [first, second] = place.play(lambda app: app.list())
    assert {first.status, second.status} == {"completed", "awaiting_review"}


def written(place: Place) -> dict[str, bytes]:
    """Every byte that was stored or logged, by where it is."""
    files = [*place.folder.glob("*.out"), *place.folder.glob("*.err"), *place.folder.glob("heard.jsonl")]
    found = {file.name: file.read_bytes() for file in files}
    if place.sqlite:
        return found | {file.name: file.read_bytes() for file in Path(place.database).parent.glob("trail.db*")}
    place.sql("CHECKPOINT")
    tables = place.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    rows = {name: "\n".join(row for (row,) in place.sql(f"SELECT t::text FROM {name} t")) for (name,) in tables}
    payloads = place.sql(
        "SELECT table_name, column_name FROM information_schema.columns WHERE data_type = 'bytea'"
        " AND table_schema = 'public'"
    )
    for name, column in payloads:  # as text they would be hexadecimal
        found[f"{name}.{column}"] = b"".join(row for (row,) in place.sql(f"SELECT {column} FROM {name}"))
    [(oid, folder)] = place.sql(
        "SELECT oid, current_setting('data_directory') FROM pg_database WHERE datname = current_database()"
    )
    raw = [*Path(folder, "base", str(oid)).iterdir(), *Path(folder, "pg_wal").glob("0*")]
    return (
        found
        | {name: text.encode() for name, text in rows.items()}
        | {str(f): f.read_bytes() for f in raw if f.is_file()}
    )


def leaked(place: Place) -> set[str]:
    """Where the secrets came from that can be found in what was stored."""
    stored = b"".join(written(place).values())
    return {where for where in PLACES if secret(where).encode() in stored}


def test_no_secret_reaches_the_record_or_the_logs(place: Place, target: str):
    """A secret appears in a prompt or a tool result: redacted before journal, logs, model and terminal."""
    live(place, target)
    assert leaked(place) == set()


def test_what_is_no_secret_is_found_everywhere(place: Place, target: str, monkeypatch: pytest.MonkeyPatch):
    """The control: words that do not look like a secret are kept, and the same search finds them from every place."""
    monkeypatch.setenv("INCIDENT_SECRET", "plain")
    live(place, target)
    assert leaked(place) == set(PLACES)
