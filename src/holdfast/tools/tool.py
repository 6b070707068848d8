"""Declaring a tool: a function with an effect class, checked arguments and a review rule."""

import inspect
import math
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, ParamSpec, Protocol, TypeVar, cast, get_args, overload

from holdfast.errors import DeclarationError
from holdfast.ports import Fallback, ReviewRule
from holdfast.tools.arguments import Arguments
from holdfast.tools.fallback import refuse_unworkable
from holdfast.tools.returns import Returns
from holdfast.tools.schema import schema_hash
from holdfast.tools.signature import Signature, read_signature
from holdfast.tools.threads import Threads
from holdfast.types import Context, Effect, Json, OnChange

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)
ProbeP = ParamSpec("ProbeP")
ProbeR = TypeVar("ProbeR")

RETRIES: Mapping[Effect, int] = {"read": 2, "idempotent": 2, "irreversible": 0}
"""Further attempts after a failed one, where a tool declares none."""

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_THREADS = Threads()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Body:
    """A function and how to call it with a tool's arguments."""

    function: Callable[..., object]
    context: str | None
    is_async: bool

    @classmethod
    def of(cls, function: Callable[..., object], signature: Signature) -> "_Body":
        return cls(function=function, context=signature.context, is_async=inspect.iscoroutinefunction(function))

    def begin(self, context: Context[object], arguments: dict[str, object]) -> Awaitable[object]:
        """What to await for the result; no frame of ours stands between the awaiter and an async function."""
        given = arguments if self.context is None else {self.context: context, **arguments}
        if self.is_async:
            return cast("Awaitable[object]", self.function(**given))
        return in_thread(partial(self.function, **given))


async def in_thread(function: Callable[[], object]) -> object:
    """Run a synchronous function in a thread of the pool, with what it gives to await."""
    value = await _THREADS.run(function)
    # A sync function that wraps an async one gives something to await.
    return await cast("Awaitable[object]", value) if inspect.isawaitable(value) else value


@dataclass(frozen=True, eq=False, kw_only=True)
class DeclaredTool(Generic[P, R_co]):
    """A tool, made by `tool`. Calling it calls the function, unchecked: for your own code and tests."""

    function: Callable[P, R_co]
    name: str
    description: str
    effect: Effect
    timeout_s: float | None
    """Seconds one attempt may take; `None`: the agent's `step_timeout_s`."""
    retries: int
    """Further attempts after a failed one."""
    review: ReviewRule | None
    on_change: OnChange
    parameters: Mapping[str, Json]
    """JSON schema of the arguments."""
    schema_hash: str
    """SHA-256 over name, effect and parameters; rewording a description does not change it."""
    fallback: Fallback | None
    """What stands in for it when it failed for good and did not happen."""
    _signature: Signature = field(repr=False)
    _arguments: Arguments = field(repr=False)
    _returns: Returns = field(repr=False)
    _body: _Body = field(repr=False)
    _probes: list[_Body] = field(default_factory=list[_Body], init=False, repr=False)
    """Empty, or the one that `probe` registered."""

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        return self.function(*args, **kwargs)

    @property
    def __name__(self) -> str:
        return self.name

    @property
    def __wrapped__(self) -> Callable[P, R_co]:
        return self.function

    @property
    def has_probe(self) -> bool:
        """Whether `probe` registered a function."""
        return bool(self._probes)

    @property
    def personal(self) -> bool:
        """Whether it takes a `Context`, so that its results may depend on who asks."""
        return self._signature.context is not None

    def probe(self, function: Callable[ProbeP, ProbeR]) -> Callable[ProbeP, ProbeR]:
        """Register the function that is asked when the outcome of a call is unknown. A decorator.

        It takes the same arguments (the `Context` is optional) and returns the call's result if the effect
        happened, or `None` if it definitely did not. Not knowing is raising an error.

        Raises:
            DeclarationError: The tool needs no probe, has one, or the parameters differ.
        """
        if self.effect != "irreversible":
            raise DeclarationError(
                f"tool {self.name!r} is {self.effect}: it is simply run again; only irreversible tools have a probe"
            )
        if self._probes:
            raise DeclarationError(f"tool {self.name!r} has a probe already: keep one of the two")
        signature = read_signature(function, names=_names_of_caller())
        mine, theirs = ({p.name for p in s.parameters} for s in (self._signature, signature))
        if mine != theirs:
            raise DeclarationError(
                f"the probe of {self.name!r} takes ({', '.join(sorted(theirs))}), the tool"
                f" ({', '.join(sorted(mine))}): give it the same parameters"
            )
        self._probes.append(_Body.of(function, signature))
        return function

    def validate(self, arguments: Mapping[str, Json]) -> Mapping[str, Json]:
        """The arguments, checked and completed with defaults, as JSON.

        Raises:
            InvalidArguments: They do not fit; the message says which and why.
        """
        return self._arguments.validate(arguments)

    def typed(self, arguments: Mapping[str, Json]) -> object:
        """The arguments as Python values, by attribute.

        Raises:
            InvalidArguments: They do not fit.
        """
        return self._arguments.typed(arguments)

    def difference(self, value: object) -> str | None:
        """How a result is not of the declared return type, bounded; `None`: it is, or none is declared."""
        return self._returns.difference(value)

    async def run(self, context: Context[object], arguments: Mapping[str, Json]) -> object:
        """Run it once: in the loop if it is async, else in a thread.

        Raises:
            InvalidArguments: The arguments do not fit; nothing ran.
        """
        return await self._body.begin(context, self._arguments.by_name(arguments))

    async def ask_probe(self, context: Context[object], arguments: Mapping[str, Json]) -> object | None:
        """Ask whether an effect of unknown outcome happened: its result, or `None` if it did not."""
        if not self._probes:
            raise DeclarationError(f"tool {self.name!r} has no probe: register one with @{self.name}.probe")
        return await self._probes[0].begin(context, self._arguments.by_name(arguments))


class Declare(Protocol):
    """What `@tool(...)` is: a decorator."""

    def __call__(self, function: Callable[P, R_co], /) -> DeclaredTool[P, R_co]:
        """Declare `function` as a tool."""
        ...


@overload
def tool(
    function: Callable[P, R_co],
    /,
    *,
    effect: Effect = ...,
    timeout_s: float | None = ...,
    retries: int | None = ...,
    review: ReviewRule | None = ...,
    on_change: OnChange = ...,
    fallback: Fallback | None = ...,
    name: str | None = ...,
    description: str | None = ...,
) -> DeclaredTool[P, R_co]: ...
@overload
def tool(
    *,
    effect: Effect = ...,
    timeout_s: float | None = ...,
    retries: int | None = ...,
    review: ReviewRule | None = ...,
    on_change: OnChange = ...,
    fallback: Fallback | None = ...,
    name: str | None = ...,
    description: str | None = ...,
) -> Declare: ...
def tool(  # noqa: PLR0913 - one option each
    function: Callable[P, R_co] | None = None,
    /,
    *,
    effect: Effect = "irreversible",
    timeout_s: float | None = None,
    retries: int | None = None,
    review: ReviewRule | None = None,
    on_change: OnChange = "review",
    fallback: Fallback | None = None,
    name: str | None = None,
    description: str | None = None,
) -> DeclaredTool[P, R_co] | Declare:
    """Declare a function, sync or async, as a tool that agents may call. A decorator, with or without options.

    A first parameter annotated `Context` gets the context of the call; all others are the model's, checked
    against their types before anything runs. The docstring (Google style) is what the model reads.

    Args:
        function: The function; a bound method works too: `tool(shop.refund, effect="irreversible")`.
        effect: `"read"`: changes nothing, may run any number of times. `"idempotent"`: may run again with
            the same `ctx.idempotency_key`. `"irreversible"`: never run twice on a guess. Default:
            `"irreversible"`, because that is the safe one to have forgotten.
        timeout_s: Seconds one attempt may take. Default: the agent's `step_timeout_s`.
        retries: Further attempts after a failed one. Default: 2; irreversible tools have none.
        review: When a person is asked first: `ask_when(...)`, `ask_always`, `never_ask`. Default:
            irreversible calls ask every time, others never.
        on_change: What happens to parked executions when a deploy changed the parameters: `"continue"`,
            `"review"` or `"fail"`. Default: `"review"`.
        fallback: What stands in when a call failed for good and did not happen: another tool, which gets the
            same arguments, `Cached(max_age_s=...)` or `Default(value)`. Default: nothing.
        name: What the model calls it. Default: the function's name.
        description: What the model is told. Default: the docstring, without its sections.

    Raises:
        DeclarationError: It cannot work as declared; the message names the fix.
    """
    options = _Options(
        effect=effect,
        timeout_s=timeout_s,
        retries=retries,
        review=review,
        on_change=on_change,
        fallback=fallback,
        name=name,
        description=description,
        names=_names_of_caller(),
    )
    return options.declare if function is None else options.declare(function)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """What `tool` was given beside the function."""

    effect: Effect
    timeout_s: float | None
    retries: int | None
    review: ReviewRule | None
    on_change: OnChange
    fallback: Fallback | None
    name: str | None
    description: str | None
    names: Mapping[str, object]

    def declare(self, function: Callable[P, R_co], /) -> DeclaredTool[P, R_co]:
        signature = read_signature(function, names=self.names)
        name = function.__name__ if self.name is None else self.name
        _check_options(name, effect=self.effect, timeout_s=self.timeout_s, retries=self.retries, review=self.review)
        arguments, returns = Arguments(name, signature), Returns(signature.returns)
        refuse_unworkable(name, self.effect, self.fallback, parameters=arguments.parameters, returns=returns)
        return DeclaredTool(
            function=function,
            name=name,
            description=signature.description if self.description is None else self.description,
            effect=self.effect,
            timeout_s=self.timeout_s,
            retries=RETRIES[self.effect] if self.retries is None else self.retries,
            review=self.review,
            on_change=self.on_change,
            parameters=arguments.parameters,
            schema_hash=schema_hash(name, self.effect, arguments.parameters),
            fallback=self.fallback,
            _signature=signature,
            _arguments=arguments,
            _returns=returns,
            _body=_Body.of(function, signature),
        )


def _names_of_caller() -> Mapping[str, object]:
    """Local names where a tool is declared: with `from __future__ import annotations` its types may be there."""
    frame = inspect.currentframe()
    caller = frame and frame.f_back and frame.f_back.f_back
    return dict(caller.f_locals) if caller else {}


def _check_options(name: str, *, effect: Effect, timeout_s: float | None, retries: int | None, review: object) -> None:
    if not _NAME.fullmatch(name):
        raise DeclarationError(
            f"tool name {name!r}: model providers take 1 to 64 letters, digits, '_' and '-'; set name=\"...\""
        )
    if effect not in get_args(Effect):
        raise DeclarationError(f"tool {name!r}: effect={effect!r}: use one of {', '.join(get_args(Effect))}")
    if timeout_s is not None and not (timeout_s > 0 and math.isfinite(timeout_s)):
        raise DeclarationError(
            f"tool {name!r}: timeout_s={timeout_s!r}: give seconds above 0, or leave it out for step_timeout_s"
        )
    if review is not None and not callable(review):
        raise DeclarationError(
            f"tool {name!r}: review={review!r}: use ask_when(lambda args: ...), ask_always or never_ask"
        )
    _check_retries(name, effect, retries)


def _check_retries(name: str, effect: Effect, retries: int | None) -> None:
    if retries is None:
        return
    if effect == "irreversible" and retries:
        raise DeclarationError(
            f"tool {name!r} is irreversible, so it has no retries: after a timeout or a lost connection nobody knows"
            ' whether it happened, and a second try could do it twice. Declare effect="idempotent" if the service'
            f" honours ctx.idempotency_key, or register @{name}.probe to find out what happened"
        )
    if retries < 0:
        raise DeclarationError(f"tool {name!r}: retries={retries}: give 0 or more")
