"""What installing and importing the package does and does not do."""

import ast
import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import holdfast
import holdfast.testing
from holdfast.errors import MissingExtra

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HEAVY = ("sqlalchemy", "alembic", "pydantic", "pydantic_ai", "openai", "anthropic", "rich", "psycopg", "dbos")


def python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def loaded_by(code: str, folder: Path, names: tuple[str, ...]) -> set[str]:
    """Which of the modules are in memory after the code ran."""
    done = python(f"{code}\nimport sys\nprint(*[name for name in {names!r} if name in sys.modules])", folder)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def stub_names(package: Path) -> list[str]:
    tree = ast.parse((package / "__init__.pyi").read_text(encoding="utf-8"))
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))
    return [alias.asname or alias.name for node in imports for alias in node.names]


def test_import_has_no_side_effects(tmp_path: Path) -> None:
    """`import holdfast` prints nothing, writes nothing and starts no thread."""
    done = python("import holdfast, threading; assert threading.active_count() == 1", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert list(tmp_path.iterdir()) == []


def test_import_loads_nothing_heavy(tmp_path: Path) -> None:
    """`import holdfast` loads no library: names load when first used."""
    assert loaded_by("import holdfast", tmp_path, HEAVY) == set()


def test_help_loads_no_model_and_no_database_library(tmp_path: Path) -> None:
    """`holdfast --help` answers at once: nothing is loaded that only work needs."""
    code = "import sys\nsys.argv = ['holdfast', '--help']\nfrom holdfast.doors.cli import main\n"
    code += "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code"
    unneeded = ("sqlalchemy", "alembic", "pydantic", "pydantic_ai", "openai", "anthropic", "psycopg", "asyncio")
    assert loaded_by(code, tmp_path, unneeded) <= {"asyncio"}


def test_declaring_an_agent_loads_no_database_library(tmp_path: Path) -> None:
    """An author's module of agents and tools can be imported without the database libraries."""
    code = "from holdfast import Agent, tool\nAgent(name='a', models=['openai:gpt-5.2'], tools=[])"
    assert loaded_by(code, tmp_path, ("sqlalchemy", "alembic", "psycopg", "openai")) == set()


@pytest.mark.parametrize("package", [holdfast, holdfast.testing], ids=lambda package: package.__name__)
def test_stub_and_package_name_the_same(package: object) -> None:
    """What type checkers see is what there is."""
    folder = Path(package.__file__).parent
    assert sorted(stub_names(folder)) == sorted(package.__all__)


@pytest.mark.parametrize("name", holdfast.__all__)
def test_every_public_name_resolves(name: str) -> None:
    """Each public name can be imported."""
    assert getattr(holdfast, name) is not None


@pytest.mark.parametrize("name", holdfast.testing.__all__)
def test_every_name_of_testing_resolves(name: str) -> None:
    """Each name that tests may use can be imported."""
    assert getattr(holdfast.testing, name) is not None


def test_unknown_name_is_an_attribute_error() -> None:
    """A name that does not exist fails as in any module."""
    with pytest.raises(AttributeError, match="no attribute 'Agnet'"):
        holdfast.Agnet  # noqa: B018


def test_missing_extra_names_itself() -> None:
    """A part that is not installed says what to install."""
    assert "pip install 'holdfast[postgres]'" in str(MissingExtra("postgres", needed_for="PostgreSQL"))


def test_postgres_without_its_extra_says_which(tmp_path: Path) -> None:
    """A PostgreSQL address without the driver is an error that names the extra."""
    code = (
        "import sys; sys.modules['psycopg'] = None\n"
        "import asyncio; from holdfast import App\n"
        "from holdfast.errors import MissingExtra\n"
        "async def look():\n    async with App(database='postgresql://localhost/x') as app: await app.list()\n"
        "try:\n    asyncio.run(look())\nexcept MissingExtra as missing:\n    print(missing.extra)"
    )
    assert python(code, tmp_path).stdout.strip() == "postgres"


def test_all_is_every_extra() -> None:
    """The extra `all` leaves none out."""
    extras = PROJECT["project"]["optional-dependencies"]
    [everything] = extras["all"]
    named = everything.removeprefix("holdfast[").removesuffix("]").split(",")
    assert sorted(named) == sorted(set(extras) - {"all"})


def test_constraints_are_names_and_versions_only() -> None:
    """The constraints record no download address."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [pin for pin in pins if pin.count("==") != 1 or "/" in pin or "@" in pin] == []


def test_no_module_needs_an_extra_to_be_imported() -> None:
    """Every module can be imported on a base install: what an extra brings is loaded when it is used."""
    drivers = {"trail/postgres.py", "trail/session.py"}  # loaded when a database of that kind is opened
    servers = "doors/http/"  # loaded by `holdfast serve`
    house = ROOT / "src" / "holdfast"
    modules = [path for path in house.rglob("*.py") if path.relative_to(house).as_posix() not in drivers]
    modules = [path for path in modules if not path.relative_to(house).as_posix().startswith(servers)]
    imported = {name.split(".")[0] for path in modules for name in top_level_imports(path)}
    assert imported & {"psycopg", "fastapi", "starlette", "uvicorn", "dbos", "google", "mcp"} == set()


def top_level_imports(path: Path) -> Iterator[str]:
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_wheel_carries_the_example(tmp_path: Path) -> None:
    """An installed package has the support desk, and nothing of the tests."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-w", str(tmp_path), str(ROOT)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    [wheel] = tmp_path.glob("holdfast-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "holdfast/examples/support_desk/support.py" in names
    assert "holdfast/py.typed" in names
    assert {f"holdfast/doors/http/pages/{name}" for name in ("answer.html", "holdfast.css")} <= {*names}
    assert not [name for name in names if "test_" in name]
