"""A workflow: a plain function of named durable steps, declared beside agents and run as they are."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, cast, get_type_hints, overload

from pydantic import PydanticUserError, TypeAdapter
from pydantic_core import from_json

from holdfast.agent import Agent
from holdfast.errors import DeclarationError, InvalidArguments, UsageError
from holdfast.ports import Rule
from holdfast.teams.flow import Flow
from holdfast.teams.work import as_json, typed
from holdfast.types import Json, Limits

OutputT_co = TypeVar("OutputT_co", covariant=True)
R = TypeVar("R")

LIMITS = Limits(steps=1_000, tokens=1_000_000, total_timeout_s=3_600, children=16, descendants=1_000)
"""What a workflow may have that declares nothing: steps are cheap, and its agents have limits of their own."""


@dataclass(frozen=True, kw_only=True)
class Workflow(Agent[OutputT_co], Generic[OutputT_co]):
    """A deterministic agent: its function says what is done, step by step. Made by `workflow`."""

    function: Callable[..., Awaitable[object]]
    takes: object = None
    """The annotation of its input; `None`: it takes none."""
    undo_on_cancel: bool = False
    """Whether what finished steps did is undone when the execution is cancelled, as it is when it fails."""
    shape: TypeAdapter[Any] | None = field(default=None, compare=False, repr=False)
    """Checks the input; `None`: anything will do."""

    def accept(self, given: Json) -> Json:
        """An input as the journal keeps it: checked, completed with defaults.

        Raises:
            UsageError: It does not fit; the message says where.
        """
        try:
            return as_json(self._read(given))
        except InvalidArguments as error:
            wanted = getattr(self.takes, "__name__", str(self.takes))
            raise UsageError(f"workflow {self.name!r} takes a {wanted}: {error}") from error

    def _read(self, given: Json) -> object:
        try:
            return typed(self.shape, given)
        except InvalidArguments:
            if not isinstance(given, str):
                raise
            with suppress(ValueError):  # a command line has text alone
                return typed(self.shape, from_json(given))
            raise

    def begin(self, flow: Flow, given: Json) -> Awaitable[object]:
        """Begin to run the function.

        Raises:
            InvalidArguments: The input does not fit.
        """
        return self.function(flow) if self.takes is None else self.function(flow, typed(self.shape, given))

    def partial(self, done: Mapping[str, Json], said: Sequence[Json]) -> Json:  # noqa: ARG002 - a planner's
        """What is kept as the partial result of an execution that failed: nothing, of a workflow."""
        return None


def accepted(agent: Agent[object], given: Json) -> Json:
    """An input as an agent takes it: anything, where it is no workflow.

    Raises:
        UsageError: It does not fit.
    """
    return agent.accept(given) if isinstance(agent, Workflow) else given


@overload
def workflow(function: Callable[..., Awaitable[R]], /) -> Workflow[R]: ...
@overload
def workflow(
    *,
    name: str | None = ...,
    version: str = ...,
    pinned: bool = ...,
    limits: Limits = ...,
    team: Sequence[Agent[object]] = ...,
    description: str = ...,
    deps: object = ...,
    undo_on_cancel: bool = ...,
) -> Callable[[Callable[..., Awaitable[R]]], Workflow[R]]: ...
def workflow(  # noqa: PLR0913 - one option each
    function: Callable[..., Awaitable[R]] | None = None,
    /,
    *,
    name: str | None = None,
    version: str = "1",
    pinned: bool = False,
    limits: Limits = LIMITS,
    team: Sequence[Agent[object]] = (),
    description: str = "",
    deps: object = None,
    undo_on_cancel: bool = False,
) -> Workflow[R] | Callable[[Callable[..., Awaitable[R]]], Workflow[R]]:
    """Declare an async function of a `Flow`, and an input if it takes one, as a workflow. A decorator.

    The input and the result are checked against the function's annotations. The function runs from its beginning
    after each pause and each crash; its finished steps come back from the journal at once.

    Args:
        function: `async def onboard(flow: Flow, customer: Customer) -> Outcome`.
        name: Unique in an `App`. Default: the function's.
        version: Recorded with each execution. Default: `"1"`.
        pinned: Whether each execution stays with the version that it was started with, as an agent's may. Default: any
            version goes on with it.
        limits: Hard bounds of each execution, its agents included. `steps` are steps of the workflow. Default: 1,000
            steps, a million tokens, an hour of activity.
        team: Agents that it gives work to. Those that its function names are found without.
        description: What a supervisor is told that it does. Default: the docstring's first paragraph.
        deps: Anything; functions of steps find it as `ctx.deps`.
        undo_on_cancel: Undo what finished steps did when it is cancelled, too. Default: only when it fails.

    Raises:
        DeclarationError: It cannot work; the message names the fix.
    """

    def declare(function: Callable[..., Awaitable[R]]) -> Workflow[R]:
        label = name or getattr(function, "__name__", repr(function))
        takes, output = _annotations(label, function)
        known = {member.name: member for member in [*team, *_named_by(function)]}
        return Workflow[R](
            name=label,
            # Its own function stands where a model stands: nobody else is asked.
            models=[cast("Rule", function)],
            instructions=description or (inspect.getdoc(function) or ""),
            team=tuple(known.values()),
            description=description,
            output=cast("type[R]", output),
            limits=limits,
            version=version,
            pinned=pinned,
            deps=deps,
            learn_from_feedback=False,
            function=function,
            takes=takes,
            undo_on_cancel=undo_on_cancel,
            shape=_shape(label, takes),
        )

    return declare if function is None else declare(function)


def _annotations(label: str, function: Callable[..., object]) -> tuple[object, object]:
    """The types of its input (`None`: it has none) and of its result."""
    if not inspect.iscoroutinefunction(function):
        raise DeclarationError(f"workflow {label!r}: decorate an async function: `async def {label}(flow: Flow, ...)`")
    parameters = list(inspect.signature(function).parameters.values())
    if not 1 <= len(parameters) <= 2 or any(found.kind != found.POSITIONAL_OR_KEYWORD for found in parameters):
        raise DeclarationError(
            f"workflow {label!r} takes (flow) or (flow, input): put what it needs into one input, e.g. a pydantic model"
        )
    try:
        hints: Mapping[str, object] = get_type_hints(function, include_extras=True)
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        raise DeclarationError(
            f"workflow {label!r}: an annotation cannot be read ({error}): import it there"
        ) from error
    takes = hints.get(parameters[1].name, Any) if len(parameters) == 2 else None
    output = hints.get("return", Any)
    return takes, object if output in {None, type(None)} else output


def _shape(label: str, takes: object) -> TypeAdapter[Any] | None:
    if takes is None or takes is Any:
        return None
    try:
        return TypeAdapter(cast("type[Any]", takes))
    except (PydanticUserError, TypeError) as error:
        raise DeclarationError(f"workflow {label!r}: its input's type cannot be checked ({error})") from error


def _named_by(function: Callable[..., object]) -> list[Agent[object]]:
    """Agents that the function's code names, as far as they are declared by now."""
    try:
        seen = inspect.getclosurevars(function)
    except (TypeError, ValueError):
        return []
    return [value for value in {**seen.globals, **seen.nonlocals}.values() if isinstance(value, Agent)]
