"""The work of a step: a plain function or a tool with what it is given, run as tools are, its result kept as JSON."""

import inspect
import typing
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeAlias, cast

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json, to_jsonable_python

from holdfast.errors import DeclarationError, InvalidArguments
from holdfast.tools.result import describe_error
from holdfast.tools.signature import is_context
from holdfast.tools.tool import RETRIES, DeclaredTool, in_thread
from holdfast.types import Context, Effect, Json

AnyFunction: TypeAlias = Callable[..., object]
Check: TypeAlias = Callable[..., object]
"""Judges a result: `True` or `None` accept it; `False`, words, or an error say what is wrong with it."""
_PROMISES_NOTHING = frozenset({inspect.Parameter.empty, Any, object, None, type(None)})


class Work:
    """One step's function with its arguments; what it came to is in `kept` and `objection`.

    Args:
        name: The step's.
        function: A function, sync or async, or a declared tool.
        given: Its arguments, by position.
        effect: Default: the tool's, else `"irreversible"`.
        retries: Default: the tool's, else what is usual for the effect.
        probe: Says what became of a run of unknown outcome. Default: the tool's, if it has one.
        check: Judges the result. Default: nothing does.

    Raises:
        DeclarationError: It cannot work; the message names the fix.
    """

    def __init__(  # noqa: PLR0913 - one option each
        self,
        name: str,
        function: AnyFunction,
        given: Sequence[object],
        *,
        effect: Effect | None = None,
        retries: int | None = None,
        probe: AnyFunction | None = None,
        check: Check | None = None,
    ) -> None:
        tool = as_tool(function)
        if not callable(cast("object", function)):
            raise DeclarationError(
                f"step {name!r}: {function!r} cannot be called: give the function, then its arguments"
            )
        self.name, self.tool, self._given = name, tool, tuple(given)
        self._function: AnyFunction = tool.function if tool is not None else function
        self.effect: Effect = effect or (tool.effect if tool else "irreversible")
        _refuse_bad_terms(name, tool, self.effect, retries)
        usual = tool.retries if tool else RETRIES[self.effect]
        self.retries = usual if retries is None else retries
        self._probe, self._check = probe, check
        self._hints = hints_of(self._function)
        self._shape = _shape(self._hints.get("return", inspect.Parameter.empty))
        self._tries = 0
        self.kept: Json = None
        """The result as JSON, once there is one."""
        self.objection: str | None = None
        """What the check has against the result."""
        self._misfit: str | None = None

    @property
    def has_probe(self) -> bool:
        """Whether somebody can say what became of a run."""
        return self._probe is not None or (self.tool is not None and self.tool.has_probe)

    @property
    def timeout_s(self) -> float | None:
        """Seconds that the tool declares for an attempt."""
        return self.tool.timeout_s if self.tool else None

    @property
    def arguments(self) -> dict[str, Json]:
        """What it is given, by name, for the record."""
        try:
            names = [name for name, _ in _parameters(self._function, self._hints)]
            bound = dict(zip(names, self._given, strict=True))
        except (TypeError, ValueError):
            bound = {"arguments": self._given}
        shown: dict[str, Json] = to_jsonable_python(bound, fallback=lambda value: f"<{type(value).__name__}>")
        return shown

    async def run(self, context: Context[object], arguments: Mapping[str, Json]) -> bool:  # noqa: ARG002 - `Runnable`
        """Run the function once, keep its result and let the check judge it."""
        self._tries += 1
        await self._keep(await self._begin(self._function, context))
        again = self.effect != "irreversible" and self._tries <= self.retries
        if self.objection is not None and again:
            raise CheckFailed(self.objection)
        return True

    async def ask_probe(self, context: Context[object], arguments: Mapping[str, Json]) -> bool | None:  # noqa: ARG002 - `Runnable`
        """Ask what became of a run: whether there is a result now; `None`: it did not happen."""
        if self._probe is not None:
            found = await self._begin(self._probe, context)
        else:
            found = await self.tool.ask_probe(context, self.arguments) if self.tool else None
        if found is None:
            return None
        await self._keep(found)
        return True

    def difference(self, value: object) -> str | None:  # noqa: ARG002 - `Runnable`
        """How the result is not what it is declared to be."""
        return self._misfit

    def typed(self, result: Json) -> object:
        """A kept result as a value of the function's return type.

        Raises:
            InvalidArguments: It is none.
        """
        return typed(self._shape, result)

    async def _begin(self, function: AnyFunction, context: Context[object]) -> object:
        hints = hints_of(function)
        first = next(iter(_signature(function).parameters), None)
        given = (context, *self._given) if first and is_context(hints.get(first)) else self._given
        if inspect.iscoroutinefunction(function):
            return await cast("Awaitable[object]", function(*given))
        return await in_thread(partial(function, *given))

    async def _keep(self, value: object) -> None:
        self.objection = self._misfit = None
        try:
            self.kept = as_json(value)
            found = self.typed(self.kept)
        except InvalidArguments as error:
            self._misfit = str(error)
            return
        if self._check is not None:
            self.objection = await judged(self._check, found)


def as_tool(function: object) -> DeclaredTool[..., object] | None:
    """The function as the tool that it is; `None`: it is none."""
    return cast("DeclaredTool[..., object]", function) if isinstance(function, DeclaredTool) else None


class CheckFailed(Exception):
    """The check has something against the result, and there is another try."""


async def judged(check: Check, value: object) -> str | None:
    """What a check has against a value; `None`: nothing."""
    try:
        said = check(value)
        said = await cast("Awaitable[object]", said) if inspect.isawaitable(said) else said
    except Exception as error:  # noqa: BLE001 - raising is a way to say no
        return describe_error(error)
    if said is None or said is True or said == "":
        return None
    return said if isinstance(said, str) else "its check says no"


def as_json(value: object) -> Json:
    """A value as JSON, as the journal will have it.

    Raises:
        InvalidArguments: It cannot be written so.
    """
    try:
        found: Json = from_json(to_json(value, inf_nan_mode="null"))
    except (PydanticSerializationError, ValueError, RecursionError) as error:
        kind = type(value).__qualname__
        raise InvalidArguments(
            f"a {kind} cannot be kept: return JSON, a pydantic model or a dataclass ({describe_error(error)[:200]})"
        ) from error
    return found


def typed(shape: "TypeAdapter[object] | None", value: Json) -> object:
    """JSON as a value of a type.

    Raises:
        InvalidArguments: It does not fit.
    """
    if shape is None:
        return value
    try:
        return shape.validate_json(to_json(value))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "the value"
        raise InvalidArguments(f"{place}: {first['msg']}") from error


def hints_of(function: AnyFunction) -> Mapping[str, object]:
    """A function's annotations; none where they cannot be read."""
    while isinstance(function, partial):
        function = function.func
    plain = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004 - its annotations
    try:
        return typing.get_type_hints(plain, include_extras=True)
    except (NameError, AttributeError, TypeError, SyntaxError):
        return {}


def undo_takes_result(function: AnyFunction) -> bool:
    """Whether an undo function wants to know what the step came to."""
    tool = as_tool(function)
    plain = tool.function if tool else function
    return bool(_parameters(plain, hints_of(plain)))


def _parameters(function: AnyFunction, hints: Mapping[str, object]) -> list[tuple[str, inspect.Parameter]]:
    found = list(_signature(function).parameters.items())
    return found[1:] if found and is_context(hints.get(found[0][0])) else found


def _signature(function: AnyFunction) -> inspect.Signature:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # some of C's have none
        return inspect.Signature()


def _shape(annotation: object) -> TypeAdapter[object] | None:
    try:
        if annotation in _PROMISES_NOTHING:
            return None
        return TypeAdapter[object](cast("type[object]", annotation))
    except (PydanticUserError, TypeError, ValueError, NameError):
        return None


def _refuse_bad_terms(name: str, tool: DeclaredTool[..., object] | None, effect: Effect, retries: int | None) -> None:
    if tool and tool.effect != effect:
        raise DeclarationError(
            f"step {name!r}: effect={effect!r}, but the tool {tool.name!r} is declared {tool.effect!r}: leave it out"
        )
    if effect not in RETRIES:
        raise DeclarationError(f"step {name!r}: effect={effect!r}: use one of {', '.join(RETRIES)}")
    if retries is not None and retries < 0:
        raise DeclarationError(f"step {name!r}: retries={retries}: give 0 or more")
    if retries and effect == "irreversible":
        raise DeclarationError(
            f"step {name!r} is irreversible, so it has no retries: after a lost connection nobody knows whether it"
            ' happened. Say effect="idempotent" if the service honours ctx.idempotency_key, or effect="read"'
        )
