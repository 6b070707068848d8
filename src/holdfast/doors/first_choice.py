"""Puts a model in front of what agents declare: of each one that is given, and of those that work for it."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from holdfast.agent import Agent, Group
from holdfast.teams.planner import Planner

AnyAgent = Agent[object]


def with_first(agents: Sequence[AnyAgent], model: str) -> tuple[AnyAgent, ...]:
    """The same agents, each with `model` as its first choice.

    An agent that stands in several places stays one, as it was declared.
    """
    below = {one.name for agent in agents for one in _family(agent) if one is not agent}
    made: dict[str, AnyAgent] = {}
    for agent in agents:
        if agent.name not in below:
            _remade(agent, model, made)
    known = {one.name: one for agent in list(made.values()) for one in _family(agent)}
    return tuple(known[agent.name] for agent in agents)


def _remade(agent: AnyAgent, model: str, made: dict[str, AnyAgent]) -> AnyAgent:
    if agent.name not in made:
        models = [model, *agent.models]
        if isinstance(agent, Planner):  # its team is made of these
            agents = [_remade(one, model, made) for one in agent.agents]
            made[agent.name] = replace(agent, models=models, agents=agents)
        else:
            team = [_member(one, model, made) for one in agent.team]
            to = [one if isinstance(one, str) else _remade(one, model, made) for one in agent.handover]
            made[agent.name] = replace(agent, models=models, team=team, handover=to)
    return made[agent.name]


def _member(member: AnyAgent | Group[object], model: str, made: dict[str, AnyAgent]) -> AnyAgent | Group[object]:
    if isinstance(member, Group):
        return replace(member, members=[_remade(one, model, made) for one in member.members])
    return _remade(member, model, made)


def _family(agent: AnyAgent) -> Iterator[AnyAgent]:
    """It and everybody who may work for it."""
    yield agent
    for one in (*agent.specialists, *agent.handover):
        if not isinstance(one, str):
            yield from _family(one)
