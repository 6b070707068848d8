"""Log lines say which execution, step and trace they belong to."""

import json
import logging
from typing import Any

import pytest
import structlog

from holdfast import Call, Say, tool
from holdfast.config import Settings, configure_logging
from holdfast.testing import Fail
from tests.telemetry.desk import ask, clerk, named, of, traced
from tests.telemetry.receiver import Receiver


@tool(effect="read")
def grumble() -> str:
    """Log something, in both ways."""
    structlog.get_logger("shop").info("slow_shelf")
    logging.getLogger("shop").warning("old shelf")
    return "fine"


def lines(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    return {line["event"]: line for line in map(json.loads, capsys.readouterr().err.splitlines())}


def test_what_a_tool_logs_belongs_to_its_span(
    sqlite_database: str, receiver: Receiver, capsys: pytest.CaptureFixture[str]
):
    """Execution, step, trace and span are on every line, those of other logging libraries too."""
    configure_logging(Settings(log_json=True))
    agent = clerk([Call("grumble", {}), Say("So.")], tools=[grumble])
    execution = ask(traced(sqlite_database, agent, otlp_endpoint=receiver.url))
    (span,) = named(of(receiver, execution), "execute_tool")
    found = lines(capsys)
    for event in ("slow_shelf", "old shelf"):
        said = {name: found[event][name] for name in ("execution", "step", "trace_id", "span_id")}
        assert said == {"execution": execution.id, "step": 1, "trace_id": span.trace, "span_id": span.id}


def test_ids_are_on_log_lines_without_a_trace_too(sqlite_database: str, capsys: pytest.CaptureFixture[str]):
    """They are derived from the execution, whether anybody collects traces or not."""
    configure_logging(Settings(log_json=True))
    execution = ask(traced(sqlite_database, clerk([Fail("authentication")]), enabled=False))
    line = lines(capsys)["model_attempt_failed"]
    assert (line["execution"], line["step"]) == (execution.id, 1)
    assert (line["trace_id"], len(line["span_id"])) == (execution.id.replace("-", ""), 16)


def test_logs_are_for_people_on_a_terminal(
    sqlite_database: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    """There a line is words and not JSON, with the same ids."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    configure_logging(Settings())
    execution = ask(traced(sqlite_database, clerk([Fail("authentication")]), enabled=False))
    line = next(line for line in capsys.readouterr().err.splitlines() if "model_attempt_failed" in line)
    assert not line.startswith("{")
    assert execution.id in line
    assert "step" in line
