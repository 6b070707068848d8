"""What a caller of a protocol reaches: agents and executions, and not a word about the others."""

from holdfast.app import App
from holdfast.errors import NotFound, UsageError
from holdfast.types import Caller, Line


def reached_agents(app: App, caller: Caller) -> list[str]:
    """Agents that the caller reaches, by name."""
    return sorted(name for name in app.agents if not caller.agents or name in caller.agents)


def reached_agent(app: App, caller: Caller, name: str) -> str:
    """An agent that the caller reaches.

    Raises:
        NotFound: There is none of that name, or it is not theirs.
    """
    known = reached_agents(app, caller)
    if name not in known:
        raise NotFound(f"there is no agent {name!r}; there are: {', '.join(known) or 'none'}")
    return name


async def reached(app: App, caller: Caller, execution_id: str, *, what: str = "execution") -> Line:
    """An execution that the caller reaches.

    Raises:
        NotFound: There is none of that id, or it is not theirs.
        Pruned: There was one.
    """
    lines = await app.glance.lines_of(caller, [execution_id])
    if not lines:
        raise await app.glance.pruned(caller, execution_id) or NotFound(f"there is no {what} {execution_id!r}")
    return lines[0]


async def continued_thread(app: App, caller: Caller, thread: str) -> None:
    """Refuse a conversation that somebody else began: its words would be told to this caller's execution.

    Raises:
        NotFound: It is not theirs.
    """
    for past in await app.list(thread=thread, limit=1):
        await reached(app, caller, past.id, what="conversation")


def user_of(caller: Caller, asked_for: str | None) -> str | None:
    """Whose execution it is that a caller starts.

    Raises:
        UsageError: They act for one user, and ask for another.
    """
    if caller.user is not None and asked_for not in {None, caller.user}:
        raise UsageError(f"this key acts for the user {caller.user!r}: leave the user out, or name that one")
    return caller.user or asked_for
