"""`holdfast send`, and what `run`, `tail` and `show` say of a workflow."""

from tests.doors.conftest import Cli

FLOWS = '''
from holdfast import Agent, Flow, workflow


def fail(_: str) -> None:
    raise OSError("no line")


@workflow
async def contract(flow: Flow, name: str) -> str:
    """Sign a contract."""
    made = await flow.step("draft", lambda: f"contract of {name}", undo=lambda: None)
    said = await flow.wait_for("signed", timeout_s=60)
    if said == "no":
        await flow.step("tell", fail, made, effect="read", retries=0)
    return made


clerk = Agent(name="clerk", models=[lambda _: "hello"])
'''


def test_a_workflow_runs_waits_and_is_told_step_by_step(cli: Cli) -> None:
    """Started, sent what it waits for, failed and undone: the story has each step in words."""
    (cli.folder / "flows.py").write_text(FLOWS)
    id_ = cli("run", "flows.py:contract", "Mia", "--no-wait").out.strip()
    assert "signed sent to" in cli("send", id_, "signed", '"no"', "--id", "m1").out
    assert cli("send", id_, "signed", '"no"', "--id", "m1", "--json").row["new"] is False
    assert cli("worker", "flows.py:contract", "--drain").status == 0
    told = cli("show", id_).out
    for words in (
        "signal signed from",
        "step draft  irreversible",
        "→ draft completed: contract of Mia",
        "step signed  waits for a signal until",
        "→ tell failed: OSError: no line",
        "fails STEP_FAILED",
        "step undo draft  is undone",
        "Undone: draft.",
    ):
        assert words in told, told


def test_what_cannot_be_sent_says_why(cli: Cli) -> None:
    """To an agent, or as something that is no JSON."""
    (cli.folder / "flows.py").write_text(FLOWS)
    id_ = cli("run", "flows.py:clerk", "hi", "--no-wait").out.strip()
    refused = cli("send", id_, "signed")
    assert (refused.status, "is of agent 'clerk', which waits for no signals" in refused.err) == (2, True)
    assert "PAYLOAD is not JSON" in cli("send", id_, "signed", "{").err
