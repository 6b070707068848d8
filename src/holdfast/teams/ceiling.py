"""What a child execution may have: a share of what its parent has left. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from holdfast.policy.limits import SMALLEST_ANSWER, Spent, closing_tokens
from holdfast.types import Json, Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """What is held of the parent's remainder while the child lives."""

    tokens: int
    cost_usd: Decimal | None
    """`None`: the parent has no limit in dollars, and neither has this child beyond its own."""
    descendants: int
    """Executions that it may start below itself."""
    depth: int
    """Levels that may come below it."""

    def as_event(self) -> dict[str, Json]:
        """It as it stands in the journal."""
        usd = None if self.cost_usd is None else str(self.cost_usd)
        return {"tokens": self.tokens, "cost_usd": usd, "descendants": self.descendants, "depth": self.depth}

    @classmethod
    def of_event(cls, data: Mapping[str, Any]) -> "Ceiling":
        """It as it stood in the journal."""
        usd = data["cost_usd"]
        return cls(
            tokens=data["tokens"],
            cost_usd=None if usd is None else Decimal(usd),
            descendants=data["descendants"],
            depth=data["depth"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What an execution has started, and what it may start yet."""

    live: int
    """Children that have not ended."""
    descendants: int
    """Executions below it that count against the limit, what is held for children included."""
    depth: int
    """Levels that may come below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One that is to start."""

    limits: Limits
    """That the specialist declares."""
    leads: bool
    """Whether it may start others itself."""


def within(limits: Limits, ceiling: Ceiling | None) -> Limits:
    """The limits of an execution: its agent's, and of a child no more than its parent held for it."""
    if ceiling is None:
        return limits
    dollars = [Decimal(str(usd)) for usd in (limits.cost_usd, ceiling.cost_usd) if usd is not None]
    return replace(
        limits,
        tokens=min(limits.tokens, ceiling.tokens),
        cost_usd=min(dollars) if dollars else None,
        descendants=min(limits.descendants, ceiling.descendants),
        depth=min(limits.depth, ceiling.depth),
    )


def share(  # noqa: PLR0913 - the terms of one inequality
    limits: Limits, spent: Spent, family: Family, *, member: Limits, leads: bool, among: int
) -> Ceiling | str:
    """What one child gets, or why there can be none.

    Args:
        limits: The parent's.
        spent: Of the parent, what is held for its children included.
        family: What the parent has started.
        member: The limits that the specialist declares.
        leads: Whether the specialist has a team of its own.
        among: Delegations that share what is left, this one included.
    """
    if family.depth < 1:
        return "This is as deep as delegation may go (limits.depth): do it yourself, or say that it cannot be done."
    if family.live >= limits.children:
        return f"{family.live} children are at work, and more may not be (limits.children): ask again later."
    room = limits.descendants - family.descendants
    if room < 1:
        return f"{limits.descendants} executions were started below this one, which is the limit (limits.descendants)."
    tokens = (limits.tokens - spent.tokens - closing_tokens(limits)) // among
    if tokens < SMALLEST_ANSWER:
        return f"Only {max(tokens, 0)} of {limits.tokens} tokens are left for it: go on without."
    usd = _dollars(limits, spent, member, among)
    if usd is not None and usd <= 0:
        return f"Nothing is left for it of {limits.cost_usd} dollars: go on without."
    below = min(member.descendants, (room - 1) // among) if leads else 0
    depth = min(member.depth, family.depth - 1)
    return Ceiling(tokens=min(member.tokens, tokens), cost_usd=usd, descendants=max(below, 0), depth=depth)


def shares(
    limits: Limits, spent: Spent, family: Family, members: Sequence[Wanted], *, among: int
) -> Sequence[Ceiling] | str:
    """What each of several gets that start together, or why they cannot: all of them do, or none.

    Args:
        limits: The parent's.
        spent: Of the parent, what is held for its children included.
        family: What the parent has started.
        members: Who starts.
        among: Executions that share what is left, these included.
    """
    if len(members) > 1 and family.live + len(members) > limits.children:
        return f"{family.live} children are at work, and there is no room for {len(members)} more (limits.children)."
    found: list[Ceiling] = []
    for place, member in enumerate(members):
        got = share(limits, spent, family, member=member.limits, leads=member.leads, among=among - place)
        if isinstance(got, str):
            return got
        found.append(got)
        spent = replace(spent, tokens=spent.tokens + got.tokens, cost_usd=spent.cost_usd + (got.cost_usd or 0))
        family = replace(family, live=family.live + 1, descendants=family.descendants + 1 + got.descendants)
    return found


def _dollars(limits: Limits, spent: Spent, member: Limits, among: int) -> Decimal | None:
    if limits.cost_usd is None:
        return None
    left = (Decimal(str(limits.cost_usd)) * 9 / 10 - spent.cost_usd) / among  # a tenth is kept for the closing summary
    return left if member.cost_usd is None else min(left, Decimal(str(member.cost_usd)))
