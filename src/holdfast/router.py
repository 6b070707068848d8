"""A tool router: how many of an agent's many tools a model is shown, and who says which."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from holdfast.errors import DeclarationError
from holdfast.ports import Embed, EmbeddingModel, Rank

FIND_TOOLS: Final = "find_tools"
"""The tool by which a model asks for more; agents whose tools are routed have it."""
MANY: Final = 30
"""Tools that a model is shown without a router; an agent with more has one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRouter:
    """Shows a model the tools that it seems to need now, and a way to ask for others.

    Args:
        most: Tools that an execution is shown at first. It may grow to twice as many before it is drawn up anew.
        always: Names of tools that are always shown, and count among those.
        rank: Orders the tools by how much they are needed now: `(Conversation, tools) -> names`, best first; the ones
            it leaves out are not needed. Default: by the words that they share with what was said.
        embed: Ranks by meaning instead: `"provider:model"`, an `Embedder` of pydantic-ai, or a function of texts that
            returns their vectors. Default: none.
        timeout_s: Seconds for `rank` or `embed`; later the words decide. Default: 5.

    Raises:
        DeclarationError: A value cannot work; the message names the fix.
    """

    most: int = 12
    always: Sequence[str] = ()
    rank: Rank | None = None
    embed: str | EmbeddingModel | Embed | None = field(default=None)
    timeout_s: float = 5.0

    def __post_init__(self) -> None:
        most, timeout_s = cast("object", self.most), cast("object", self.timeout_s)
        if isinstance(most, bool) or not isinstance(most, int) or most < 1:
            raise DeclarationError(f"ToolRouter(most={most!r}): give a whole number, 1 or more")
        if isinstance(timeout_s, bool) or not isinstance(timeout_s, int | float) or not 0 < timeout_s < float("inf"):
            raise DeclarationError(f"ToolRouter(timeout_s={timeout_s!r}): give seconds, more than 0")
        if isinstance(cast("object", self.always), str):
            raise DeclarationError(f"ToolRouter(always={self.always!r}): always is a list of names")
        if self.rank is not None and not callable(cast("object", self.rank)):
            raise DeclarationError(f"ToolRouter(rank={self.rank!r}): give a function (conversation, tools) -> names")
        if self.rank is not None and self.embed is not None:
            raise DeclarationError("ToolRouter: rank and embed are two ways to order tools: give one of them")
        self._refuse_bad_embedder()

    def _refuse_bad_embedder(self) -> None:
        given = cast("object", self.embed)
        if given is None or callable(given) or hasattr(given, "embed_query"):
            return
        if not isinstance(given, str) or not all(given.partition(":")):
            raise DeclarationError(
                f"ToolRouter(embed={given!r}): give 'provider:model', an Embedder of pydantic-ai, or a function"
            )


def in_force(router: ToolRouter | None, tools: int, *, rules: bool) -> ToolRouter | None:
    """The router of an agent with so many tools, declared or not; `None`: its models are shown all of them.

    Args:
        router: As declared.
        tools: How many it has.
        rules: Whether all its models are rules: they are told no definitions, and call what they know.
    """
    if rules:
        return None
    router = router or (ToolRouter() if tools > MANY else None)
    return router if router is not None and tools > router.most else None


def refuse_router(agent: str, router: object, names: Sequence[str]) -> None:
    """Refuse a router that does not fit the tools of its agent.

    Args:
        agent: Whose it is.
        router: What it was given.
        names: Of the agent's own tools.

    Raises:
        DeclarationError: The message names the fix.
    """
    if router is not None and not isinstance(router, ToolRouter):
        raise DeclarationError(f"agent {agent!r}: router={router!r}: write router=ToolRouter(most=12)")
    if (router is not None or len(names) > MANY) and FIND_TOOLS in names:
        raise DeclarationError(f"agent {agent!r}: {FIND_TOOLS!r} is how a model asks for more tools; rename yours")
    missing = [name for name in router.always if name not in names] if router else []
    if missing:
        raise DeclarationError(f"agent {agent!r} has no tool {missing[0]!r}, which its router always shows")
