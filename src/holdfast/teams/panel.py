"""A panel: several specialists who get the same task, and how it is decided what counts where they contradict."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar, cast

from pydantic import TypeAdapter

from holdfast.agent import Agent, Group
from holdfast.errors import DeclarationError
from holdfast.policy.routing import Routed, declared
from holdfast.teams.workflow import Workflow
from holdfast.types import Routing

R = TypeVar("R")

Named: TypeAlias = Literal["supervisor", "vote", "person"]
Resolver: TypeAlias = Named | Callable[[R], float]
"""Who decides: the supervisor, a vote, a person, or a function that gives a number to each result; the best wins."""
LAST: Final = ("supervisor", "person")
"""Those that always decide."""


@dataclass(frozen=True)
class Panel(Group[R], Generic[R]):
    """Specialists who are asked the same at the same time: `Agent(team=[Panel("reviewers", [careful, quick])])`.

    Each works as an execution of its own. Where their results agree, that is the answer; where not, it is decided as
    declared, and the decision is an event, `panel.resolved`.

    Args:
        name: Unique in the team: letters, digits, `_` and `-`. The supervisor's tool is `delegate_to_NAME`.
        members: Two or more agents that end with the same type.
        agree: When two results agree: names of fields that must be equal, or a plain function of both. Default: all
            of their JSON is equal.
        resolve: Who decides between results that do not agree: `"supervisor"` is given all of them, `"vote"` takes
            what more than half say, `"person"` asks people, a plain function of a result gives it a number and the
            best wins. Several are tried in order, until one decides; the supervisor stands behind all of them.
            Default: `"supervisor"`.
        minimum: Results that are needed at least; with fewer the call fails, with every reason. Default: more than
            half of the members.
        people: Of `"person"`, whom to ask: `reviewers`, `expires_s`, `remind_s`, `ladder`, as review rules take them.
        description: What the supervisor is told that it is for. Default: nothing more.

    Raises:
        DeclarationError: Something in it cannot work; the message names the fix.
    """

    agree: Sequence[str] | Callable[[R, R], object] | None = field(default=None, kw_only=True)
    resolve: Resolver[R] | Sequence[Resolver[R]] = field(default="supervisor", kw_only=True)
    minimum: int | None = field(default=None, kw_only=True)
    people: Routed = field(default_factory=Routed, kw_only=True)
    description: str = field(default="", kw_only=True)

    def __post_init__(self) -> None:
        if not isinstance(cast("object", self.name), str) or not self.name.replace("_", "").replace("-", "").isalnum():
            raise DeclarationError(f"panel name {self.name!r}: use letters, digits, '_' and '-'")
        _refuse_bad_members(self)
        _refuse_bad_agreement(self)
        _refuse_bad_resolvers(self)
        least = cast("object", self.minimum)
        if least is not None and (
            isinstance(least, bool) or not isinstance(least, int) or not 1 <= least <= len(self.members)
        ):
            raise DeclarationError(f"panel {self.name!r}: minimum={least!r}: give 1 to {len(self.members)}")

    @property
    def needed(self) -> int:
        """Results that are needed at least."""
        return len(self.members) // 2 + 1 if self.minimum is None else self.minimum

    @property
    def resolvers(self) -> Sequence[Resolver[R]]:
        """Who decides, in order; at the end one that always does."""
        one = isinstance(self.resolve, str) or callable(self.resolve)
        given = (self.resolve,) if one else self.resolve
        tried = cast("Sequence[Resolver[R]]", given)
        last = tried[-1] if tried else None
        return tried if last in LAST else cast("Sequence[Resolver[R]]", (*tried, "supervisor"))

    @property
    def routing(self) -> Routing | None:
        """Whom a question goes to; `None`: everybody."""
        return declared(self.people)


def _refuse_bad_members(panel: Panel[Any]) -> None:
    members = cast("Sequence[object]", panel.members)
    if isinstance(cast("object", members), Agent | str) or len(members) < 2:
        raise DeclarationError(f"panel {panel.name!r}: give a list of two or more agents")
    for member in members:
        if not isinstance(member, Agent):
            raise DeclarationError(
                f"panel {panel.name!r} has {member!r}: give agents, Panel('name', [Agent(...), ...])"
            )
        if isinstance(member, Workflow):
            raise DeclarationError(
                f"panel {panel.name!r}: the workflow {member.name!r} takes an input of its own, and a panel's members"
                " get a task: let an agent in the panel have it in its team"
            )
    names = [member.name for member in panel.members]
    if len(set(names)) < len(names):
        raise DeclarationError(f"panel {panel.name!r} has two members of one name: give each its own")
    first = panel.members[0]
    for other in panel.members[1:]:
        if other.output != first.output:
            raise DeclarationError(
                f"panel {panel.name!r}: {first.name!r} ends with {_named(first)} and {other.name!r} with"
                f" {_named(other)}, which cannot agree: declare the same output= for all"
            )


def _named(agent: Agent[Any]) -> str:
    return getattr(agent.output, "__name__", str(agent.output))


def _refuse_bad_agreement(panel: Panel[Any]) -> None:
    given = cast("object", panel.agree)
    if given is None or callable(given):
        return
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        raise DeclarationError(f"panel {panel.name!r}: agree={given!r}: give names of fields, agree=['verdict']")
    schema: dict[str, Any] = TypeAdapter(panel.members[0].output).json_schema()
    fields: dict[str, Any] = schema.get("properties", {})
    missing = [name for name in cast("Sequence[object]", given) if name not in fields]
    if missing:
        has = ", ".join(fields) or "no fields"
        raise DeclarationError(
            f"panel {panel.name!r}: agree={missing}: {_named(panel.members[0])} has {has}; a function of two results"
            " can compare anything"
        )


def _refuse_bad_resolvers(panel: Panel[Any]) -> None:
    for place, one in enumerate(panel.resolvers):
        if one not in {"vote", *LAST} and not callable(one):
            raise DeclarationError(
                f"panel {panel.name!r}: resolve={one!r}: use 'supervisor', 'vote', 'person' or a function of a result"
            )
        if one in LAST and place + 1 < len(panel.resolvers):
            raise DeclarationError(f"panel {panel.name!r}: {one!r} always decides: put it last in resolve=")
    if panel.people and "person" not in panel.resolvers:
        raise DeclarationError(f"panel {panel.name!r}: people= says whom 'person' asks: add it to resolve=")
    routing = panel.routing
    if routing and routing.quorum > 1:
        raise DeclarationError(f"panel {panel.name!r}: one person chooses between the results: leave quorum out")
