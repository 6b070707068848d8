"""Finds groups that review rules ask and that too few people are in: questions that nobody could answer."""

from collections.abc import Iterator, Mapping, Sequence

from holdfast.agent import Agent
from holdfast.config import Settings
from holdfast.policy.rules import routings_of
from holdfast.teams.panel import Panel
from holdfast.types import Routing


def absent_people(agent: Agent[object], settings: Settings) -> Iterator[str]:
    """What is wrong with whom an agent's rules ask, in words; nothing where no people are configured at all."""
    if not settings.people:  # then everybody may answer
        return
    members = _members(settings)
    asking = [(tool.name, tool.review) for tool in agent.tools] + [("the result", agent.review)]
    for asked, rule in asking:
        for routing in routings_of(rule):
            yield from _wrong(asked, routing, members)
    for panel in agent.team:
        if isinstance(panel, Panel) and panel.routing:
            yield from _wrong(f"the panel {panel.name}", panel.routing, members)


def _members(settings: Settings) -> Mapping[str, Sequence[str]]:
    groups = sorted({group for person in settings.people.values() for group in person.groups})
    return {group: [name for name, who in settings.people.items() if group in who.groups] for group in groups}


def _wrong(asked: str, routing: Routing, members: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for group in filter(None, [routing.reviewers, *(group for group, _ in routing.ladder)]):
        if group not in members:
            yield f"{asked} asks the group {group!r}, and nobody is in it: give somebody groups = [{group!r}]"
    first = len(members.get(routing.reviewers or "", ()))
    if routing.reviewers in members and first < routing.quorum:
        yield f"{asked} needs {routing.quorum} people of {routing.reviewers!r}, and only {first} is in it"
