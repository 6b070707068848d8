"""Review rules: which calls a person is asked about first."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from reprlib import Repr
from typing import Any, TypeAlias, overload

from holdfast.errors import DeclarationError
from holdfast.types import Decision, Proposal, Verdict

GATE = "review_rule"

Predicate: TypeAlias = Callable[[Any], object] | Callable[[Any, Proposal], object]
"""Whether to ask: of the typed arguments, or of those and the whole proposal. `Any`, because the arguments'
attributes are the parameters of the tool that the rule is for."""

_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 80


@dataclass(frozen=True, slots=True)
class AskWhen:
    """A rule made by `ask_when`."""

    predicate: Callable[..., object]
    reason: str | None
    sees_proposal: bool

    def __call__(self, proposal: Proposal) -> Decision:
        """Judge one call; a predicate that fails asks."""
        given = (proposal.args, proposal) if self.sees_proposal else (proposal.args,)
        try:
            ask = bool(self.predicate(*given))
        except Exception as error:  # noqa: BLE001 - whatever breaks a rule must not let the call through
            return _decide("review", f"the review rule itself failed, so a person is asked: {_told(error)}")
        if not ask:
            return _decide("allow", "the review rule does not ask about this call")
        return _decide("review", self.reason or self._found(proposal))

    def _found(self, proposal: Proposal) -> str:
        """The arguments that the predicate looks at, in words."""
        code = getattr(self.predicate, "__code__", None)
        looked_at = [name for name in getattr(code, "co_names", ()) if name in proposal.arguments]
        facts = " and ".join(f"{name} is {_SHORT.repr(proposal.arguments[name])}" for name in looked_at)
        return f"{facts or 'these arguments'}: the review rule of {proposal.tool} asks a person then"


@dataclass(frozen=True, slots=True)
class AskAlways:
    """A rule that asks about every call."""

    reason: str | None = None

    def __call__(self, proposal: Proposal) -> Decision:
        """Ask."""
        return _decide("review", self.reason or f"every call of {proposal.tool} is asked about")


@dataclass(frozen=True, slots=True)
class NeverAsk:
    """A rule that asks about no call."""

    def __call__(self, proposal: Proposal) -> Decision:
        """Allow."""
        return _decide("allow", f"{proposal.tool} is declared to run without asking")


def ask_when(predicate: Predicate, *, reason: str | None = None) -> AskWhen:
    """Ask a person when `predicate` says so.

    It gets the arguments as Python values, by attribute: `ask_when(lambda args: args.amount > 100)`; with a
    second parameter also the proposal, which knows `user`, `agent`, `step`. It must be pure and quick, like
    every gate. If it raises, a person is asked, and told the error.

    Args:
        predicate: Called for each call before it runs.
        reason: What people are told. Default: the arguments that the predicate looks at, with their values.

    Raises:
        DeclarationError: It cannot serve as a predicate.
    """
    if not callable(predicate) or isinstance(predicate, Proposal):
        raise DeclarationError("ask_when needs a condition: review=ask_when(lambda args: args.amount > 100)")
    if inspect.iscoroutinefunction(predicate):
        raise DeclarationError("ask_when: the predicate is async; rules are pure, so make it a plain function")
    return AskWhen(predicate=predicate, reason=reason, sees_proposal=_arity(predicate) == 2)


@overload
def ask_always(about: Proposal, /) -> Decision: ...
@overload
def ask_always(about: str | None = None, /, *, reason: str | None = None) -> AskAlways: ...
def ask_always(about: Proposal | str | None = None, /, *, reason: str | None = None) -> AskAlways | Decision:
    """Ask a person about every call: `review=ask_always`, or with what to tell them `ask_always("moves money")`.

    It is a rule itself, and calling it with words makes a rule that says them.
    """
    if isinstance(about, Proposal):
        return AskAlways()(about)
    return AskAlways(about or reason)


@overload
def never_ask(about: Proposal, /) -> Decision: ...
@overload
def never_ask() -> NeverAsk: ...
def never_ask(about: Proposal | None = None, /) -> NeverAsk | Decision:
    """Ask nobody: `review=never_ask`, for a tool that may do its irreversible work alone. `never_ask()` is the same."""
    return NeverAsk() if about is None else NeverAsk()(about)


def _decide(verdict: Verdict, reason: str) -> Decision:
    return Decision(verdict=verdict, gate=GATE, reason=reason)


def _arity(predicate: Callable[..., object]) -> int:
    try:
        signature = inspect.signature(predicate)
    except ValueError:  # some built-in functions tell nothing about themselves
        return 1
    for count in (1, 2):
        try:
            signature.bind(*range(count))
        except TypeError:
            continue
        return count
    raise DeclarationError("ask_when: the predicate must take (args) or (args, proposal)")


def _told(error: Exception) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:500]
    except Exception:  # noqa: BLE001 - a broken error must not hide that there was one
        return type(error).__name__
