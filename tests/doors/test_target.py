"""What TARGET may be."""

import asyncio
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from holdfast.doors.target import load
from holdfast.errors import DeclarationError, NotFound, UsageError
from holdfast.types import Execution

NUMBERS = count()
ONE = "from holdfast import Agent\ndef rule(c): return 'hi'\nsupport = Agent(name='support', models=[rule])\n"
TWO = ONE + "billing = Agent(name='billing', models=[rule])\n"
APP = TWO + "from holdfast import App\napp = App(agents=[support, billing])\n"

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a target under a name that no other test has imported."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(source: str) -> Path:
        path = tmp_path / f"target_{next(NUMBERS)}.py"
        path.write_text(source)
        return path

    return write


def test_an_agent_is_found_by_file_and_name(write: Write) -> None:
    """`file.py:name` names an agent."""
    assert load(f"{write(TWO)}:billing").one().name == "billing"


def test_a_module_on_the_path_works_as_well(write: Write) -> None:
    """`package.module:name` names an agent."""
    assert load(f"{write(ONE).stem}:support").one().name == "support"


def test_the_name_of_the_only_agent_may_be_left_out(write: Write) -> None:
    """`file.py` is enough where there is no choice."""
    assert load(str(write(ONE))).one().name == "support"


def test_an_app_stands_for_its_agents(write: Write) -> None:
    """Where a file holds an App, that is what the file stands for."""
    found = load(str(write(APP)))
    assert [agent.name for agent in found.agents] == ["support", "billing"]
    assert found.app is not None


@pytest.mark.parametrize("model", [None, "openai:gpt-5.2"])
def test_another_database_or_model_keeps_what_else_the_app_declares(
    write: Write, tmp_path: Path, model: str | None
) -> None:
    """`--database` and `--model` change that alone: secrets that the app redacts stay out of the record."""
    settings = "Settings(redact_patterns={'order': r'[0-9]{4}'})"
    source = f"{APP.rsplit('app =', 1)[0]}from holdfast.config import Settings\n"
    found = load(str(write(f"{source}app = App(agents=[support], settings={settings})\n"))).with_model(model)

    async def start() -> Execution:
        async with found.open(str(tmp_path / "other.db")) as app:
            return await app.start("support", "order 1042")

    assert asyncio.run(start()).input_data == "order [redacted:order]"


def test_an_app_with_several_agents_asks_which(write: Write) -> None:
    """The error lists the agents and the option that chooses one."""
    found = load(str(write(APP)))
    with pytest.raises(UsageError, match="--agent: support, billing"):
        found.one()
    assert found.one("billing").name == "billing"


def test_a_wrong_name_lists_what_is_there_with_the_nearest(write: Write) -> None:
    """A typo is answered with what was meant."""
    with pytest.raises(NotFound, match=r"holds support \(Agent\), billing \(Agent\); did you mean .*:support\?"):
        load(f"{write(TWO)}:suport")


def test_a_name_that_is_no_agent_says_what_it_is(write: Write) -> None:
    """Naming a function is answered with what it is."""
    with pytest.raises(NotFound, match="is a function, not an Agent or App"):
        load(f"{write(ONE)}:rule")


def test_a_missing_file_names_the_nearest(write: Write) -> None:
    """A mistyped file is answered with the one beside it."""
    path = write(ONE)
    with pytest.raises(NotFound, match=f"did you mean .*{path.name}"):
        load(f"{path.parent}/x{path.name}:support")


def test_a_missing_module_says_so() -> None:
    """An unknown module is no traceback."""
    with pytest.raises(NotFound, match="no module 'surely_not_there'"):
        load("surely_not_there.agents:support")


def test_an_error_in_the_file_names_its_line(write: Write) -> None:
    """What the author's code raised is told with the place."""
    path = write(ONE + "\n1 / 0\n")
    with pytest.raises(DeclarationError, match=rf"ZeroDivisionError: division by zero \({path}, line 5\)"):
        load(str(path))


def test_a_wrong_declaration_keeps_its_message(write: Write) -> None:
    """A deliberate error of a declaration comes through, with the file."""
    path = write("from holdfast import Agent\nsupport = Agent(name='support', models=[])\n")
    with pytest.raises(DeclarationError, match=f"{path}: agent 'support' has no model"):
        load(str(path))


def test_a_file_inside_a_package_may_import_its_neighbours(write: Write, tmp_path: Path) -> None:
    """Relative imports work as they do when the package is imported."""
    folder = tmp_path / f"package_{next(NUMBERS)}"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "rules.py").write_text("def rule(c): return 'hi'\n")
    source = "from holdfast import Agent\nfrom .rules import rule\nsupport = Agent(name='support', models=[rule])\n"
    (folder / "desk.py").write_text(source)
    assert load(f"{folder}/desk.py:support").one().name == "support"


def test_a_given_model_comes_first_and_the_declared_ones_stay(write: Write) -> None:
    """`--model` is a first choice, not a replacement."""
    agent = load(str(write(ONE))).with_model("openai:gpt-5.2").one()
    assert agent.models[0] == "openai:gpt-5.2"
    assert len(agent.models) == 2
