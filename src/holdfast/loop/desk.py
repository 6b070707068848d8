"""What an activation works with: the ports and declarations it is given, nothing global."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

from holdfast.agent import Agent
from holdfast.loop.model import Models
from holdfast.loop.output import OutputContract
from holdfast.loop.ranking import Routing
from holdfast.loop.tallies import Tallies
from holdfast.policy.rights import Rights
from holdfast.ports import Clock, During, Journal, NewId, Tool
from holdfast.router import FIND_TOOLS
from holdfast.teams.delegate import Delegate, delegates
from holdfast.teams.handover import transfers
from holdfast.tools.fallback import tools_behind
from holdfast.trail.redact import Redactor
from holdfast.types import Execution, Feedback, Grant, Price, Switch


def always() -> bool:
    """The lease of a worker that has no rival."""
    return True


async def no_switches() -> Sequence[Switch]:
    """What stands where nothing is stopped."""
    return ()


async def no_grants() -> Sequence[Grant]:
    """What stands where nobody gave a standing yes."""
    return ()


async def nothing_learned(_agent: str) -> Sequence[Feedback]:
    """The lessons of an agent that nobody corrected."""
    return ()


_UNSEEN = nullcontext[None]()


def unseen(_execution_id: str, _call_id: str | None) -> AbstractContextManager[None]:
    """What goes on where nobody traces it."""
    return _UNSEEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """An agent made ready to work: its models, tools by name and output contract, built once a process."""

    agent: Agent[object]
    models: Models
    tools: Mapping[str, Tool]
    """Delegations to its team and handovers included."""
    team: Mapping[str, Delegate]
    """Who works as a child execution, by the tool that asks them: specialists, panels, agents that take over."""
    contract: OutputContract
    runnable: Mapping[str, Tool]
    """Those tools and what stands in for them when they fail, which models are not offered."""
    routing: Routing | None = None
    """Which of the agent's own tools models are shown; `None`: all."""

    @classmethod
    def of(
        cls,
        agent: Agent[object],
        *,
        clock: Clock,
        prices: Mapping[str, Price] | None = None,
        known: Mapping[str, Agent[object]] | None = None,
    ) -> "Cast":
        """Make an agent ready.

        Args:
            agent: Which.
            clock: Time.
            prices: From the configuration, by `provider:model` or model; the agent's own win. Default: none.
            known: Agents that it may mean by a name. Default: none.

        Raises:
            DeclarationError: A money limit is set and the price of a model is unknown, or fallbacks go in a circle.
        """
        team = {**delegates(agent), **transfers(agent, known or {})}
        tools = {tool.name: tool for tool in agent.tools} | {name: one.tool for name, one in team.items()}
        routing = Routing.of(agent, clock=clock)
        if routing:
            tools[FIND_TOOLS] = routing.finder
        return cls(
            agent=agent,
            models=Models(agent, clock=clock, prices=prices),
            tools=tools,
            team=team,
            contract=OutputContract(agent.output),
            runnable={behind.name: behind for tool in agent.tools for behind in tools_behind(tool)} | tools,
            routing=routing,
        )

    @property
    def pins(self) -> dict[str, str]:
        """Schema hash of each tool as it is declared now."""
        return {name: tool.schema_hash for name, tool in self.tools.items() if name != FIND_TOOLS or not self.routing}

    def offered(self, shortlist: Sequence[str] | None) -> tuple[Tool, ...]:
        """The tools that a model is shown.

        Those that stay as they are come first, and what joins the list at its end: what a provider has cached of the
        definitions holds as far as possible.
        """
        if self.routing is None:
            return tuple(self.tools.values())
        own = self.routing.tools
        always = [tool for name, tool in self.tools.items() if name not in own]
        return (*always, *(own[name] for name in shortlist or () if name in own))


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """The world as the loop sees it."""

    journal: Journal
    casts: Mapping[str, Cast]
    earlier: Callable[[Execution], Awaitable[Sequence[Execution]]]
    """The ended executions of the same thread before this one, oldest first."""
    clock: Clock
    new_id: NewId
    random: Callable[[], float]
    """Uniform in 0 to 1, for jitter."""
    redactor: Redactor
    approval_expiry_s: float
    stopping: asyncio.Event
    """Set when the worker drains: executions let go between two turns."""
    holds_lease: Callable[[], bool] = always
    """Whether this worker's lease is good: no effect begins without it."""
    rights: Callable[[], Rights] = Rights
    """Who may decide at this moment."""
    switches: Callable[[], Awaitable[Sequence[Switch]]] = no_switches
    """Kill switches that are on."""
    grants: Callable[[], Awaitable[Sequence[Grant]]] = no_grants
    """StatusCounts yeses in force."""
    feedback: Callable[[str], Awaitable[Sequence[Feedback]]] = nothing_learned
    """What people corrected in an agent's work, newest first."""
    during: During = unseen
    """Makes the span of a model or call the current one while it is asked."""
    listeners: dict[str, Callable[[str], None]] = field(default_factory=dict[str, Callable[[str], None]])
    """Who wants the tokens of which execution as they come."""
    tallies: Tallies = field(default_factory=Tallies)
    """What went well in this process since it was last told."""
