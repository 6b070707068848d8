"""Finds the agent or app that TARGET names: `file.py:name` or `package.module:name`."""

import sys
import traceback
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from types import ModuleType

from holdfast.agent import Agent
from holdfast.app import App
from holdfast.doors.first_choice import with_first
from holdfast.doors.logs import write_logs
from holdfast.errors import DeclarationError, HoldfastError, NotFound, UsageError
from holdfast.trail.place import locate

AnyAgent = Agent[object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What TARGET named: the agents to work, and the app that declares them, if one does."""

    given: str
    agents: tuple[AnyAgent, ...]
    app: App | None
    """As declared; `None` for a bare agent."""

    def one(self, name: str | None = None) -> AnyAgent:
        """The agent to run.

        Raises:
            UsageError: There are several and `name` says none of them.
        """
        names = [agent.name for agent in self.agents]
        if name is None and len(names) == 1:
            return self.agents[0]
        for agent in self.agents:
            if agent.name == name:
                return agent
        said = "has several agents" if name is None else f"has no agent {name!r}"
        raise UsageError(f"{self.given} {said}: choose one with --agent: {', '.join(names)}")

    def with_model(self, model: str | None) -> "Target":
        """The same with `model` as the first choice of every agent; what was declared stays as the fallback."""
        if model is None:
            return self
        return replace(self, agents=with_first(self.agents, model))

    @property
    def declared(self) -> App:
        """The app that the target declares, or one for its agent."""
        return self.app or App(agents=self.agents)

    @property
    def has_database(self) -> bool:
        """Whether the declared database is there; of a server that is not asked."""
        place = locate(self.declared.database)
        return place.kind != "sqlite" or Path(place.path).exists()

    @asynccontextmanager
    async def open(self, database: str | None, *, quiet: bool = True) -> AsyncGenerator[App]:
        """The app to use, on `database` if that is given, else where it was declared to be; `quiet`: few logs."""
        # What else the app declares, such as what it redacts, holds with every option.
        declared = self.declared
        write_logs(declared.settings, quiet=quiet)
        async with declared.like(agents=self.agents, database=database) as app:
            yield app


def load(given: str) -> Target:
    """Import what `given` names.

    The name may be left out where a file holds exactly one `App`, or no `App` and exactly one `Agent`.

    Raises:
        NotFound: No such file, module or name; the message lists what is there.
        DeclarationError: The file cannot be imported; the message says where and why.
    """
    place, _, name = _split(given)
    module = _import(place)
    found = _declared(module)
    if name:
        return _named(given, place, found, module, name)
    apps = {key: value for key, value in found.items() if isinstance(value, App)}
    choice = apps or found
    if len(choice) == 1:
        return _target(given, next(iter(choice.values())))
    raise NotFound(f"{place} {_listing(found)}: name one, as in {place}:{next(iter(found), 'support')}")


def folder_of(given: str) -> Path:
    """Where the code of a target lies, without importing it.

    Raises:
        NotFound: There is no such file.
    """
    place, _, _ = _split(given)
    if not (place.endswith(".py") or "/" in place):
        return Path.cwd()
    if not Path(place).is_file():
        raise NotFound(f"there is no file {place}")
    return Path(place).resolve().parent


def _split(given: str) -> tuple[str, str, str]:
    # A Windows drive has a colon too: only what follows the last one, and is a name, is a name.
    place, colon, name = given.rpartition(":")
    if not colon or not name.replace(".", "_").isidentifier():
        return given.rstrip(":"), "", ""
    return place, colon, name


def _named(given: str, place: str, found: Mapping[str, App | AnyAgent], module: ModuleType, name: str) -> Target:
    if name in found:
        return _target(given, found[name])
    if hasattr(module, name):
        kind = type(getattr(module, name)).__name__
        raise NotFound(f"{place}:{name} is a {kind}, not an Agent or App; {place} {_listing(found)}")
    near = get_close_matches(name, found, n=1)
    hint = f"; did you mean {place}:{near[0]}?" if near else ""
    raise NotFound(f"{place} has no {name!r}: it {_listing(found)}{hint}")


def _listing(found: Mapping[str, App | AnyAgent]) -> str:
    if not found:
        return "holds no Agent and no App"
    return "holds " + ", ".join(
        f"{key} ({'App' if isinstance(value, App) else 'Agent'})" for key, value in found.items()
    )


def _target(given: str, value: App | AnyAgent) -> Target:
    if isinstance(value, App):
        return Target(given=given, agents=tuple(value.agents.values()), app=value)
    return Target(given=given, agents=(value,), app=None)


def _declared(module: ModuleType) -> dict[str, App | AnyAgent]:
    """Every agent and app of a module by name; one object under two names counts once."""
    found: dict[str, App | AnyAgent] = {}
    for name, value in vars(module).items():
        if isinstance(value, (App, Agent)) and not any(value is other for other in found.values()):
            found[name] = value
    return found


# --- importing ------------------------------------------------------------------------------------------


def _import(place: str) -> ModuleType:
    path = Path(place)
    if place.endswith(".py") or path.is_file():
        return import_file(path)
    if path.is_dir() or "/" in place:
        raise NotFound(f"{place} is no Python file: give file.py:name or package.module:name")
    _first_on_path(Path.cwd())
    return _guarded(place, place)


def import_file(path: Path) -> ModuleType:
    """Import a Python file as its neighbours would: its folder, or the one above its package, is importable.

    Raises:
        NotFound: There is no such file.
        DeclarationError: It cannot be imported.
    """
    if not path.is_file():
        near = get_close_matches(path.name, [p.name for p in path.parent.glob("*.py")], n=1, cutoff=0.5)
        hint = f"; did you mean {path.parent / near[0]}?" if near else ""
        raise NotFound(f"there is no file {path}{hint}")
    root, parts = path.resolve().parent, [path.stem]
    # Inside a package its relative imports must work: import it by its dotted name from above the package.
    while (root / "__init__.py").exists():
        parts.insert(0, root.name)
        root = root.parent
    _first_on_path(root)
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    module = _guarded(name, str(path))
    if Path(module.__file__ or "").resolve() != path.resolve():
        raise DeclarationError(
            f"{path} cannot be imported: a module named {name!r} exists already ({module.__file__}); rename the file"
        )
    return module


def _first_on_path(folder: Path) -> None:
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def _guarded(name: str, place: str) -> ModuleType:
    try:
        return import_module(name)
    except HoldfastError as error:
        raise DeclarationError(f"{place}: {error}") from error
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise NotFound(
                f"there is no module {error.name!r} here: give file.py:name, or run where it can be imported"
            ) from error
        raise DeclarationError(f"{place} cannot be imported: {_where(error)}") from error
    except Exception as error:
        raise DeclarationError(f"{place} cannot be imported: {_where(error)}") from error


def _where(error: Exception) -> str:
    """The error with the author's line that raised it: what a traceback would be read for."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    last = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{last}"
