"""A model that is put in front of what agents declare."""

from holdfast import Agent, App, Final, Panel, Planner
from holdfast.agent import Group
from holdfast.doors.first_choice import with_first

MODEL = "openai:gpt-5.2"


def agent(name: str, **given: object) -> Agent:
    return Agent(**{"name": name, "models": [lambda _: Final("x")], **given})


def test_everybody_who_works_for_an_agent_has_the_model_first() -> None:
    """Specialists, members of panels, agents that take over, and those of planners: each stays one agent."""
    shared = agent("shared")
    panel = Panel("reviewers", [shared, agent("other")])
    planner = Planner(name="planner", models=[lambda _: Final("x")], agents=[shared])
    lead = agent("lead", team=[panel, shared, planner], handover=[agent("billing"), "lead2"])
    app = App([lead, agent("lead2", handover=["lead"])])
    found = {one.name: one for one in with_first(tuple(app.agents.values()), MODEL)}
    assert set(found) == set(app.agents)
    assert {name for name, one in found.items() if one.models[0] == MODEL} >= {"shared", "other", "billing", "planner"}
    (group, *_) = found["lead"].team
    assert isinstance(group, Group)
    assert group.members[0] is found["shared"]
    assert set(App(list(found.values())).agents) == set(app.agents)
