"""Grants: which standing yes covers a call, and how bounds are written. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from typing import Final, cast

from holdfast.errors import UsageError
from holdfast.types import Decision, Grant, Json, Proposal

GATE: Final = "grant"
_BOUND = re.compile(r"\s*(?P<name>[\w.-]+)\s*(?P<sign><=|>=|==|=|\bin\b)\s*(?P<value>.+?)\s*")
_KNOWN: Final = ("max", "min", "in", "equals")


def covering(grants: Sequence[Grant], proposal: Proposal, *, without: frozenset[str] = frozenset()) -> Grant | None:
    """The grant that lets a call run without asking, if there is one: of several the one that ends first."""
    fitting = [grant for grant in grants if grant.id not in without and covers(grant, proposal)]
    return min(fitting, key=lambda grant: grant.until, default=None)


def covers(grant: Grant, proposal: Proposal) -> bool:
    """Whether a call is of the grant's tool and agent, and within its bounds."""
    if grant.tool != proposal.tool or grant.agent not in {None, proposal.agent}:
        return False
    bounds = cast("Mapping[str, Mapping[str, Json]]", grant.bounds or {})
    return all(name in proposal.arguments and within(proposal.arguments[name], bound) for name, bound in bounds.items())


def within(value: Json, bound: Mapping[str, Json]) -> bool:
    """Whether a value keeps all parts of a bound; a part that nobody knows is kept by nothing."""
    for kind, limit in bound.items():
        match kind:
            case "max" | "min":
                found, allowed = _number(value), _number(limit)
                if found is None or allowed is None or (found > allowed if kind == "max" else found < allowed):
                    return False
            case "in":
                if not isinstance(limit, Sequence) or not any(_same(value, one) for one in limit):
                    return False
            case "equals":
                if not _same(value, limit):
                    return False
            case _:
                return False
    return True


def allowed_by(grant: Grant, asked: Decision) -> Decision:
    """The decision on a call that a grant covers: what would have been asked stays on the record."""
    reason = f"grant {grant.id} of {grant.by} ({grant.why}), use {grant.used + 1} of {grant.uses} at least"
    return replace(asked, verdict="allow", gate=GATE, reason=f"{reason}; without it: {asked.reason}", routing=None)


def parse_bounds(written: Sequence[str]) -> dict[str, Json]:
    """Bounds as a person writes them: `amount<=100`, `amount>=1`, `currency=EUR`, `currency in EUR,USD`.

    Raises:
        UsageError: One is written in another way.
    """
    bounds: dict[str, dict[str, Json]] = {}
    for text in written:
        match = _BOUND.fullmatch(text)
        if not match:
            raise UsageError(
                f"bound {text!r}: write it as amount<=100, amount>=1, currency=EUR or 'currency in EUR,USD'"
            )
        name, sign, value = match["name"], match["sign"], match["value"]
        bounds.setdefault(name, {}).update(_part(sign, value, text))
    return {**bounds}


def checked_bounds(given: Mapping[str, Json]) -> dict[str, Json]:
    """Bounds as a program gives them, by argument.

    Raises:
        UsageError: One of them could never hold, or says nothing.
    """
    for name, bound in given.items():
        if not isinstance(bound, Mapping) or not bound or set(bound) - set(_KNOWN):
            raise UsageError(f"bounds[{name!r}] = {bound!r}: give some of {', '.join(_KNOWN)}, e.g. {{'max': 100}}")
        for kind in ("max", "min"):
            if kind in bound and _number(bound[kind]) is None:
                raise UsageError(f"bounds[{name!r}]: {kind} is {bound[kind]!r}, which is no number")
        if "in" in bound and (isinstance(bound["in"], str) or not isinstance(bound["in"], Sequence)):
            raise UsageError(f"bounds[{name!r}]: in is {bound['in']!r}: give a list")
    return dict(given)


def in_words(bounds: Json) -> str:
    """Bounds as a person reads them."""
    signs = {"max": "<=", "min": ">=", "equals": "="}
    parts: list[str] = []
    for name, bound in cast("Mapping[str, Mapping[str, Json]]", bounds or {}).items():
        for kind, limit in bound.items():
            if kind == "in":
                parts.append(f"{name} in {','.join(str(one) for one in cast('Sequence[Json]', limit))}")
            else:
                parts.append(f"{name}{signs.get(kind, kind)}{limit}")
    return " and ".join(parts) or "any arguments"


def _part(sign: str, value: str, text: str) -> dict[str, Json]:
    match sign:
        case "<=" | ">=":
            if _number(value) is None:
                raise UsageError(f"bound {text!r}: {value!r} is no number")
            return {"max" if sign == "<=" else "min": value}
        case "in":
            return {"in": [part.strip() for part in value.split(",") if part.strip()]}
        case _:
            return {"equals": value}


def _number(value: Json) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _same(value: Json, other: Json) -> bool:
    """Equal; numbers by their value, however they are written. A truth value is no number."""
    if isinstance(value, bool) or isinstance(other, bool):
        return value is other or str(value).casefold() == str(other).casefold()
    one, two = _number(value), _number(other)
    return one == two if one is not None and two is not None else value == other
