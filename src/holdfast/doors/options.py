"""The options that every command shares, and how a database is chosen."""

import getpass
import os
import shlex
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Group, Parameter

from holdfast.errors import NotFound
from holdfast.trail.migrate import has_tables
from holdfast.trail.place import locate

Id = Annotated[str, Parameter(name="ID")]
"""An execution or approval, in whole or in part."""
_EVERYWHERE: Final = Group("Every command", sort_key=9)


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """What may be given to every command."""

    json: Annotated[bool, Parameter(negative=(), group=_EVERYWHERE, show_default=False)] = False
    """Print one JSON object a line, for programs."""
    database: Annotated[str | None, Parameter(group=_EVERYWHERE, show_default=False)] = None
    """SQLite file or postgresql:// URL. Default: HOLDFAST_DATABASE, else .holdfast/holdfast.db"""

    @property
    def where(self) -> str:
        """What to add to a printed command so that it finds the same database."""
        return naming(self.database) if self.database else ""


COMMON: Final = Common()


def naming(database: str) -> str:
    """The option that names a database in a printed command; a password in it is left out."""
    place = locate(database)
    near = place.kind == "sqlite" and Path(place.path).is_relative_to(Path.cwd())
    return f" --database {shlex.quote(os.path.relpath(place.path) if near else place.shown)}"


def activating() -> list[str]:
    """What a shell that does not find `holdfast`, as after `make demo`, needs before a printed command; or nothing."""
    script = Path(sys.executable).with_name("activate")
    if shutil.which("holdfast") or not script.exists():
        return []
    shown = os.path.relpath(script) if script.is_relative_to(Path.cwd()) else str(script)
    return [f"  . {shlex.quote(shown)}"]


def refuse_missing(database: str) -> None:
    """Refuse to look at a database that is not there: looking never makes one, nor tables in somebody else's.

    Raises:
        NotFound: It is a file that does not exist, or holds no trail.
        StoreUnavailable: It is a file that SQLite cannot read.
    """
    place = locate(database)
    if place.kind != "sqlite":
        return
    if Path(place.path).exists() and not has_tables(place):
        raise NotFound(
            f"{place.path} has no Holdfast tables: name another with --database or HOLDFAST_DATABASE, "
            f"or make them with holdfast migrate{naming(database)}"
        )
    if not Path(place.path).exists():
        raise NotFound(
            f"there is no database at {place.path}: start something first (holdfast run, holdfast demo), "
            "or name another with --database or HOLDFAST_DATABASE"
        )


def os_user() -> str:
    """Who runs this command: the default of `--by`."""
    return os.environ.get("SUDO_USER") or getpass.getuser()
