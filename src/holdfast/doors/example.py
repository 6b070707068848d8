"""The support desk that ships with Holdfast: where it lies, and what the demo asks of it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Protocol, cast

import holdfast
from holdfast.doors import target
from holdfast.errors import NotFound
from holdfast.types import Json

AGENT_FILE = "support.py"


class Ticket(Protocol):
    """One e-mail of a customer."""

    @property
    def id(self) -> str: ...
    @property
    def sender(self) -> str: ...
    @property
    def thread(self) -> str | None: ...
    def as_input(self) -> Json: ...


class Ledger(Protocol):
    """The shop's own count of what was done to it."""

    @property
    def effects(self) -> Mapping[str, int]: ...
    @property
    def dispatches(self) -> int: ...
    @property
    def reruns(self) -> int: ...
    @property
    def duplicates(self) -> int: ...


class _Tickets(Protocol):
    def load_tickets(self) -> Sequence[Ticket]: ...


class _Seed(Protocol):
    def seed_shop(self, path: Path) -> None: ...


class _LedgerFile(Protocol):
    def ledger_summary(self, path: Path) -> Ledger: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SupportDesk:
    """The example, working on a shop of its own."""

    folder: Path
    shop: Path

    @classmethod
    def at(cls, shop: Path) -> "SupportDesk":
        """The example of this installation, with its tools pointed at `shop`.

        Raises:
            NotFound: The example is not part of this installation.
        """
        package = Path(holdfast.__file__).parent
        # In a wheel it lies inside the package, in a checkout beside src/.
        for folder in (package / "examples" / "support_desk", package.parents[1] / "examples" / "support_desk"):
            if (folder / "tickets.py").exists():
                os.environ["HOLDFAST_SHOP"] = str(shop)
                return cls(folder=folder, shop=shop)
        raise NotFound("the support desk example is not part of this installation: reinstall holdfast")

    @property
    def target(self) -> str:
        """What `holdfast worker` is given to work for it."""
        return str(self.folder / AGENT_FILE)

    def tickets(self) -> Sequence[Ticket]:
        """What the customers wrote."""
        return cast("_Tickets", self._file("tickets.py")).load_tickets()

    def seed(self) -> None:
        """Build a fresh shop."""
        cast("_Seed", self._file("seed.py")).seed_shop(self.shop)

    def ledger(self) -> Ledger:
        """What the shop says was done to it."""
        return cast("_LedgerFile", self._file("ledger.py")).ledger_summary(self.shop)

    def _file(self, name: str) -> ModuleType:
        return target.import_file(self.folder / name)
