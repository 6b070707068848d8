"""The definitions in force, as a process keeps them between batches."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from holdfast.trail.controls import breaker, budget, grant, rate, share
from holdfast.trail.controls.cell import Data, Key
from holdfast.trail.controls.share import Terms
from holdfast.types import Budget, Controls, Rate, Share, Switch


@dataclass(frozen=True, slots=True)
class Known:
    """Everything of `agent_controls` but accounts and flows, at one version."""

    version: str = ""
    rows: Mapping[Key, Data] = field(default_factory=dict[Key, Data])
    """As they are stored; the others are these by kind."""
    budgets: Mapping[str, Budget] = field(default_factory=dict[str, Budget])
    rates: Mapping[str, Rate] = field(default_factory=dict[str, Rate])
    switches: Mapping[str, Data] = field(default_factory=dict[str, Data])
    breakers: Mapping[str, Data] = field(default_factory=dict[str, Data])
    grants: Mapping[str, Data] = field(default_factory=dict[str, Data])
    channels: Mapping[str, Data] = field(default_factory=dict[str, Data])
    shares: tuple[Share, ...] = ()
    terms: Terms = field(default_factory=Terms)
    """The shares, as a claim asks them."""

    @classmethod
    def of(cls, version: str, found: Iterable[tuple[Key, Data]]) -> "Known":
        """Sort what was read."""
        rows, kinds = dict(found), dict[str, dict[str, Data]]()
        for (kind, key), data in rows.items():
            kinds.setdefault(kind, {})[key] = data
        shares = tuple(share.from_data(name, data) for name, data in sorted(kinds.get("share", {}).items()))
        return cls(
            version,
            rows,
            {name: budget.from_data(name, data) for name, data in kinds.get("budget", {}).items()},
            {name: rate.from_data(name, data) for name, data in kinds.get("rate", {}).items()},
            kinds.get("switch", {}),
            kinds.get("breaker", {}),
            kinds.get("grant", {}),
            kinds.get("channel", {}),
            shares,
            Terms.of(shares),
        )

    def but(self, kind: str, key: str, data: Data | None) -> "Known":
        """The same with one definition changed, or gone."""
        rows = {at: row for at, row in self.rows.items() if at != (kind, key)}
        return Known.of(self.version, (rows if data is None else {**rows, (kind, key): data}).items())

    def switch(self, kind: str, name: str) -> Switch | None:
        """The kill switch that is on for something, if one is."""
        data = self.switches.get(f"{kind}:{name}") if self.switches else None
        return shown_switch(f"{kind}:{name}", data) if data else None

    @property
    def silent(self) -> bool:
        """Whether no step can be refused or charged."""
        return not (self.budgets or self.rates or self.switches or self.breakers)

    @property
    def charges(self) -> bool:
        """Whether model calls are charged to anything beyond their execution."""
        return bool(self.budgets or self.rates)

    @property
    def everything_paused(self) -> bool:
        """Whether the switch for all is on."""
        return "all:*" in self.switches

    def working(self, agents: Iterable[str]) -> tuple[str, ...]:
        """Those agents that are not paused."""
        if not self.switches:
            return tuple(agents)
        return () if self.everything_paused else tuple(a for a in agents if f"agent:{a}" not in self.switches)

    def snapshot(self, now: datetime) -> Controls:
        """For those who only look."""
        return Controls(
            budgets=tuple(self.budgets.values()),
            rates=tuple(self.rates.values()),
            switches=tuple(shown_switch(key, data) for key, data in self.switches.items()),
            breakers=tuple(breaker.show(key, data) for key, data in self.breakers.items()),
            grants=tuple(
                grant.show(key, data) for key, data in self.grants.items() if grant.objection(data, now) is None
            ),
            channels=tuple(self.channels),
            shares=self.shares,
        )


def shown_switch(key: str, data: Data) -> Switch:
    """A switch as people see it."""
    kind, _, name = key.partition(":")
    return Switch(
        kind=kind,  # pyright: ignore[reportArgumentType] - written by the same spelling
        name=name,
        why=data["why"],
        by=data["by"],
        at=datetime.fromisoformat(data["at"]),
    )
