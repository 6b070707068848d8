"""Review rules: which calls and results a person is asked about first, and which person."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from reprlib import Repr
from typing import Any, Final, Literal, TypeAlias, Unpack, cast, overload

from holdfast.errors import DeclarationError
from holdfast.policy.routing import Routed, declared, merged
from holdfast.ports import ReviewRule
from holdfast.types import Decision, Proposal, Routing, Verdict

GATE = "review_rule"

Predicate: TypeAlias = Callable[[Any], object] | Callable[[Any, Proposal], object]
"""Whether to ask: of the typed arguments, or of those and the whole proposal. `Any`, because the arguments'
attributes are the parameters of the tool that the rule is for; for a result it is the result."""
Score: TypeAlias = Callable[[Any], float] | Callable[[Any, Proposal], float]
"""How sure, or how risky: 0 to 1, of the same."""

_SHORT = Repr()
_SHORT.maxstring = _SHORT.maxother = 80
_STRICTEST: Final[tuple[Verdict, ...]] = ("deny", "review", "rewrite", "allow")


class _Rule:
    """What every rule made here can do."""

    __slots__ = ()

    def __or__(self, other: ReviewRule) -> "AskIfAny":
        """Ask when either asks."""
        return ask_if_any(cast("ReviewRule", self), other)


@dataclass(frozen=True, slots=True)
class AskWhen(_Rule):
    """A rule made by `ask_when`."""

    predicate: Callable[..., object]
    reason: str | None
    sees_proposal: bool
    routing: Routing | None = None

    def __call__(self, proposal: Proposal) -> Decision:
        """Judge one call; a predicate that fails asks."""
        try:
            ask = bool(_answer(self.predicate, proposal, sees_proposal=self.sees_proposal))
        except Exception as error:  # noqa: BLE001 - whatever breaks a rule must not let the call through
            return _failed(error, self.routing)
        if not ask:
            return _decide("allow", "the review rule does not ask about this call")
        return _decide("review", self.reason or self._found(proposal), self.routing)

    def _found(self, proposal: Proposal) -> str:
        """The arguments that the predicate looks at, in words."""
        code = getattr(self.predicate, "__code__", None)
        looked_at = [name for name in getattr(code, "co_names", ()) if name in proposal.arguments]
        facts = " and ".join(f"{name} is {_SHORT.repr(proposal.arguments[name])}" for name in looked_at)
        return f"{facts or 'these arguments'}: the review rule of {proposal.tool} asks a person then"


@dataclass(frozen=True, slots=True)
class AskAbove(_Rule):
    """A rule made by `ask_above`."""

    amount: Decimal
    of: str
    reason: str | None
    routing: Routing | None

    def __call__(self, proposal: Proposal) -> Decision:
        """Judge one call; an amount that cannot be read asks."""
        try:
            found = _number(_attribute(proposal.args, self.of), self.of)
        except Exception as error:  # noqa: BLE001 - whatever breaks a rule must not let the call through
            return _failed(error, self.routing)
        if found <= self.amount:
            return _decide("allow", f"{self.of} is {found:f}, not above {self.amount:f}")
        return _decide("review", self.reason or f"{self.of} is {found:f}, above {self.amount:f}", self.routing)


@dataclass(frozen=True, slots=True)
class AskByScore(_Rule):
    """A rule made by `ask_below_confidence` or `ask_above_risk`."""

    score: Callable[..., object]
    sees_proposal: bool
    about: Literal["confidence", "risk"]
    threshold: float
    reason: str | None
    routing: Routing | None

    def __call__(self, proposal: Proposal) -> Decision:
        """Judge one call or result; a score that cannot be read asks."""
        try:
            found = float(_number(_answer(self.score, proposal, sees_proposal=self.sees_proposal), self.about))
        except Exception as error:  # noqa: BLE001 - whatever breaks a rule must not let the call through
            return _failed(error, self.routing)
        confident = self.about == "confidence"
        risk = min(max(1 - found if confident else found, 0.0), 1.0)
        asks = found < self.threshold if confident else found > self.threshold
        side = f"{'' if asks else 'not '}{'below' if confident else 'above'}"
        words = f"{self.about} is {found:g}, {side} {self.threshold:g}"
        decision = _decide("review", self.reason or words, self.routing) if asks else _decide("allow", words)
        return replace(decision, risk=risk)


def routings_of(rule: ReviewRule | None) -> Sequence[Routing]:
    """Whom a declared rule asks; of a plain function nothing is known before it is asked."""
    if isinstance(rule, AskIfAny):
        return [routing for one in rule.rules for routing in routings_of(one)]
    routing = getattr(rule, "routing", None)
    return [routing] if isinstance(routing, Routing) else []


@dataclass(frozen=True, slots=True)
class AskAlways(_Rule):
    """A rule that asks about every call."""

    reason: str | None = None
    routing: Routing | None = None

    def __call__(self, proposal: Proposal) -> Decision:
        """Ask."""
        return _decide("review", self.reason or f"every call of {proposal.tool} is asked about", self.routing)


@dataclass(frozen=True, slots=True)
class NeverAsk(_Rule):
    """A rule that asks about no call."""

    def __call__(self, proposal: Proposal) -> Decision:
        """Allow."""
        return _decide("allow", f"{proposal.tool} is declared to run without asking")


@dataclass(frozen=True, slots=True)
class AskIfAny(_Rule):
    """A rule made by `ask_if_any`, or by `|` between two rules."""

    rules: tuple[ReviewRule, ...]

    def __call__(self, proposal: Proposal) -> Decision:
        """Judge by all; the strictest answer counts."""
        found = [self._one(rule, proposal) for rule in self.rules]
        strictest = next(verdict for verdict in _STRICTEST if any(item.verdict == verdict for item in found))
        same = [item for item in found if item.verdict == strictest]
        return replace(
            same[0],
            reason="; ".join(dict.fromkeys(item.reason for item in same)),
            risk=max(item.risk for item in found),
            routing=merged([item.routing for item in same if item.routing]),
        )

    @staticmethod
    def _one(rule: ReviewRule, proposal: Proposal) -> Decision:
        try:
            decision = cast("object", rule(proposal))
        except Exception as error:  # noqa: BLE001 - one rule that breaks must not hide what another asks
            return _failed(error, None)
        if isinstance(decision, Decision) and decision.verdict in _STRICTEST:
            return decision
        return _decide("review", f"a review rule returned {_SHORT.repr(decision)}, not a Decision")


def ask_when(predicate: Predicate, *, reason: str | None = None, **routed: Unpack[Routed]) -> AskWhen:
    """Ask a person when `predicate` says so.

    It gets the arguments as Python values, by attribute: `ask_when(lambda args: args.amount > 100)`; with a
    second parameter also the proposal, which knows `user`, `agent`, `step`. It must be pure and quick, like
    every gate. If it raises, a person is asked, and told the error.

    Args:
        predicate: Called for each call before it runs.
        reason: What people are told. Default: the arguments that the predicate looks at, with their values.
        routed: Whom to ask: see `Routed`.

    Raises:
        DeclarationError: It cannot serve as a predicate, or the routing cannot work.
    """
    if not callable(predicate) or isinstance(predicate, Proposal):
        raise DeclarationError("ask_when needs a condition: review=ask_when(lambda args: args.amount > 100)")
    sees = _sees_proposal(predicate, "ask_when: the predicate")
    return AskWhen(predicate=predicate, reason=reason, sees_proposal=sees, routing=declared(routed))


def ask_above(
    amount: Decimal | float, *, of: str = "amount", reason: str | None = None, **routed: Unpack[Routed]
) -> AskAbove:
    """Ask a person when an argument, or a field of the result, is above `amount`: `ask_above(100, of="total")`.

    Args:
        amount: What runs without asking, at most; compared exactly.
        of: Which argument; dots lead inside: `order.total`. Default: `"amount"`.
        reason: What people are told. Default: the amount that was found, and this one.
        routed: Whom to ask: see `Routed`.

    Raises:
        DeclarationError: `amount` is no number, or the routing cannot work.
    """
    return AskAbove(amount=_declared(amount, "ask_above"), of=of, reason=reason, routing=declared(routed))


def ask_below_confidence(
    threshold: float, *, scorer: Score | None = None, reason: str | None = None, **routed: Unpack[Routed]
) -> AskByScore:
    """Ask a person when a result is less sure than `threshold`: `Agent(review=ask_below_confidence(0.7))`.

    Args:
        threshold: 0 to 1.
        scorer: Says how sure a result is, 0 to 1. Default: the result's field `confidence`; where there is none, a
            person is asked.
        reason: What people are told. Default: the confidence that was found.
        routed: Whom to ask: see `Routed`.

    Raises:
        DeclarationError: `threshold` is not from 0 to 1, or the scorer cannot serve as one.
    """
    score: Score = scorer or _confidence
    sees = _sees_proposal(score, "ask_below_confidence: the scorer")
    share = _share(threshold, "ask_below_confidence")
    return AskByScore(score, sees, "confidence", share, reason, declared(routed))


def ask_above_risk(threshold: float, *, risk: Score, reason: str | None = None, **routed: Unpack[Routed]) -> AskByScore:
    """Ask a person when `risk` scores a call, or a result, above `threshold`. The score goes on the record.

    Args:
        threshold: 0 to 1.
        risk: Scores the arguments (or the result), and with a second parameter the proposal: 0 harmless, 1 the worst.
        reason: What people are told. Default: the score.
        routed: Whom to ask: see `Routed`.

    Raises:
        DeclarationError: `threshold` is not from 0 to 1, or `risk` cannot serve.
    """
    sees = _sees_proposal(risk, "ask_above_risk: risk")
    return AskByScore(risk, sees, "risk", _share(threshold, "ask_above_risk"), reason, declared(routed))


def ask_if_any(*rules: ReviewRule) -> AskIfAny:
    """Ask when any of the rules asks; the same as `one | other`.

    The strictest answer counts: deny before review before rewrite before allow. Where several rules ask, their reasons
    are joined, the first that routes says whom to ask, and the highest quorum of all holds.

    Raises:
        DeclarationError: There is none, or one is no rule.
    """
    if not rules or not all(callable(rule) for rule in rules):
        raise DeclarationError("ask_if_any needs rules: review=ask_if_any(ask_above(100), ask_when(...))")
    return AskIfAny(tuple(part for rule in rules for part in (rule.rules if isinstance(rule, AskIfAny) else (rule,))))


@overload
def ask_always(about: Proposal, /) -> Decision: ...
@overload
def ask_always(about: str | None = None, /, *, reason: str | None = None, **routed: Unpack[Routed]) -> AskAlways: ...
def ask_always(
    about: Proposal | str | None = None, /, *, reason: str | None = None, **routed: Unpack[Routed]
) -> AskAlways | Decision:
    """Ask a person about every call: `review=ask_always`, or with what to tell them `ask_always("moves money")`.

    It is a rule itself, and calling it with words makes a rule that says them.
    """
    if isinstance(about, Proposal):
        return AskAlways()(about)
    return AskAlways(about or reason, declared(routed))


@overload
def never_ask(about: Proposal, /) -> Decision: ...
@overload
def never_ask() -> NeverAsk: ...
def never_ask(about: Proposal | None = None, /) -> NeverAsk | Decision:
    """Ask nobody: `review=never_ask`, for a tool that may do its irreversible work alone. `never_ask()` is the same."""
    return NeverAsk() if about is None else NeverAsk()(about)


def _decide(verdict: Verdict, reason: str, routing: Routing | None = None) -> Decision:
    return Decision(verdict=verdict, gate=GATE, reason=reason, routing=routing)


def _failed(error: Exception, routing: Routing | None) -> Decision:
    return _decide("review", f"the review rule itself failed, so a person is asked: {_told(error)}", routing)


def _answer(function: Callable[..., object], proposal: Proposal, *, sees_proposal: bool) -> object:
    return function(proposal.args, proposal) if sees_proposal else function(proposal.args)


def _attribute(value: object, path: str) -> object:
    for name in path.split("."):
        value = cast("dict[str, object]", value)[name] if isinstance(value, dict) else getattr(value, name)
    return value


def _confidence(result: object) -> float:
    return cast("float", _attribute(result, "confidence"))


def _number(value: object, name: str) -> Decimal:
    """A finite number; money may come as text.

    Raises:
        ValueError: It is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise ValueError(f"{name} is {_SHORT.repr(value)}, which is no number")  # noqa: TRY004 - one error for all that is none
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError(f"{name} is {value}")
    return number


def _declared(value: object, rule: str) -> Decimal:
    try:
        return _number(value, rule)
    except (ValueError, ArithmeticError) as error:
        raise DeclarationError(f"{rule}({value!r}): give a number, e.g. review={rule}(100)") from error


def _share(value: object, rule: str) -> float:
    share = float(_declared(value, rule))
    if not 0 <= share <= 1:
        raise DeclarationError(f"{rule}({value!r}): give a number from 0 to 1")
    return share


def _sees_proposal(function: Callable[..., object], what: str) -> bool:
    """Whether it takes the proposal too.

    Raises:
        DeclarationError: It takes neither one argument nor two, or is async.
    """
    if not callable(cast("object", function)):
        raise DeclarationError(f"{what} must be a function of (args) or (args, proposal)")
    if inspect.iscoroutinefunction(function):
        raise DeclarationError(f"{what} is async; rules are pure, so make it a plain function")
    return _arity(function, what) == 2


def _arity(function: Callable[..., object], what: str) -> int:
    try:
        signature = inspect.signature(function)
    except ValueError:  # some built-in functions tell nothing about themselves
        return 1
    for count in (1, 2):
        try:
            signature.bind(*range(count))
        except TypeError:
            continue
        return count
    raise DeclarationError(f"{what} must take (args) or (args, proposal)")


def _told(error: Exception) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:500]
    except Exception:  # noqa: BLE001 - a broken error must not hide that there was one
        return type(error).__name__
