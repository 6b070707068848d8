"""What each role may do, and whose executions a caller reaches. Pure."""

from collections.abc import Mapping
from typing import Final

from holdfast.types import Caller, Power, Role

POWERS: Final[Mapping[Role, frozenset[Power]]] = {
    "viewer": frozenset({"see"}),
    "runner": frozenset({"see", "run"}),
    "approver": frozenset({"see", "decide"}),
    "operator": frozenset({"see", "run", "decide", "operate"}),
    "admin": frozenset({"see", "run", "decide", "operate", "administer"}),
}
"""Deny what is not here."""


def may(caller: Caller, power: Power) -> bool:
    """Whether the caller's role has that power at all."""
    return power in POWERS[caller.role]


def reaches(caller: Caller, *, user: str | None, agent: str) -> bool:
    """Whether the caller reaches what belongs to that user and agent."""
    return (caller.user is None or caller.user == user) and (not caller.agents or agent in caller.agents)


def concerns(caller: Caller, *, agent: str | None) -> bool:
    """Whether what holds for every user of an agent, or (`None`) of all agents, is the caller's to see and change."""
    return caller.user is None and (not caller.agents or agent in caller.agents)
