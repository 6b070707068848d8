"""The calls by which an agent gives a whole conversation to another one: one tool for each agent it may go to."""

from collections.abc import Mapping
from typing import Final

from holdfast.agent import Agent, refuse_misfit
from holdfast.errors import DeclarationError
from holdfast.teams.delegate import Delegate, about
from holdfast.teams.workflow import Workflow
from holdfast.tools.tool import tool

PREFIX: Final = "transfer_to_"
AS_DEEP: Final = (
    "This conversation was handed over as often as it may be (limits.depth): go on with it yourself, or say that it"
    " cannot be completed."
)
ALONE: Final = "Not done: hand over in a message of its own, when you have the results of your other calls."


def transfers(agent: Agent[object], known: Mapping[str, Agent[object]]) -> Mapping[str, Delegate]:
    """The agents that one may hand over to, by the name of their tool.

    Args:
        agent: Which.
        known: Agents that may be meant by a name.

    Raises:
        DeclarationError: A name stands for no agent, or for one that cannot take it over.
    """
    return {PREFIX + to.name: _transfer(to) for to in _successors(agent, known)}


def check_handovers(agents: Mapping[str, Agent[object]]) -> None:
    """Refuse handovers that cannot work among these agents.

    Raises:
        DeclarationError: The message names the fix.
    """
    for agent in agents.values():
        _successors(agent, agents)


def _successors(agent: Agent[object], known: Mapping[str, Agent[object]]) -> list[Agent[object]]:
    found: list[Agent[object]] = []
    for given in agent.handover:
        to = known.get(given) if isinstance(given, str) else given
        if to is None:
            raise DeclarationError(
                f"agent {agent.name!r} hands over to {given!r}, which this App does not have:"
                f" App(agents=[..., {given}])"
            )
        if isinstance(to, Workflow):
            raise DeclarationError(
                f"agent {agent.name!r} hands over to the workflow {to.name!r}, which reads no conversation: put it into"
                " team=, and it is given its input"
            )
        refuse_misfit(agent, to)
        found.append(to)
    return found


def _transfer(to: Agent[object]) -> Delegate:
    async def transfer(reason: str) -> None:
        """Never run.

        Args:
            reason: Why, in one or two sentences that the other agent reads first.
        """

    words = (
        f"Hand the whole conversation over to the agent {to.name!r}.{about(to)} It sees everything that was said and"
        " done so far, goes on in your place, and what it ends with is the answer: you are not asked again. Call it"
        " alone."
    )
    made = tool(transfer, effect="read", name=PREFIX + to.name, description=words, on_change="continue")
    return Delegate(tool=made, members=(to,), takes_over=True)
