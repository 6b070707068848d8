"""Whom a review rule asks: what may be declared, checked where it is declared."""

from collections.abc import Sequence
from dataclasses import replace
from math import isfinite
from typing import TypedDict, cast

from holdfast.errors import DeclarationError
from holdfast.types import Routing


class Routed(TypedDict, total=False):
    """Whom a rule asks; every rule takes these."""

    reviewers: str
    """The group that may answer. Default: everybody."""
    quorum: int
    """So many different people must say yes. Default: 1."""
    expires_s: float
    """Seconds until silence counts as no. Default: the setting `approval_expiry_s`."""
    remind_s: float
    """Seconds after which those asked are reminded, once. Default: never."""
    ladder: Sequence[tuple[str, float]]
    """Groups that are asked too while nobody decides, each after so many seconds: `[("lead", 3600)]`."""


def declared(given: Routed) -> Routing | None:
    """What a rule declares, checked; `None`: nothing.

    Raises:
        DeclarationError: It cannot work; the message says what would.
    """
    known = Routed.__annotations__
    if unknown := sorted(set(given) - set(known)):
        raise DeclarationError(f"a review rule takes no {', '.join(unknown)}: it takes reason, {', '.join(known)}")
    if not given:
        return None
    routing = Routing(
        reviewers=given.get("reviewers"),
        quorum=given.get("quorum", 1),
        expires_s=given.get("expires_s"),
        remind_s=given.get("remind_s"),
        ladder=_ladder(given.get("ladder", ())),
    )
    _refuse_bad_values(routing)
    _refuse_too_late(routing)
    return routing


def merged(routings: Sequence[Routing]) -> Routing | None:
    """One for several rules that ask: the first one's, with the highest quorum of all."""
    if not routings:
        return None
    return replace(routings[0], quorum=max(routing.quorum for routing in routings))


def _refuse_bad_values(routing: Routing) -> None:
    quorum = cast("object", routing.quorum)
    if isinstance(quorum, bool) or not isinstance(quorum, int) or quorum < 1:
        raise DeclarationError(f"quorum={quorum!r}: give a whole number, 1 or more")
    if routing.reviewers is not None and not _is_group(routing.reviewers):
        raise DeclarationError(f"reviewers={routing.reviewers!r}: give the name of one group, e.g. reviewers='finance'")
    for name, value in (("expires_s", routing.expires_s), ("remind_s", routing.remind_s)):
        if value is not None and not _is_seconds(value):
            raise DeclarationError(f"{name}={value!r}: give seconds, more than 0")


def _ladder(given: object) -> tuple[tuple[str, float], ...]:
    fits = isinstance(given, Sequence) and not isinstance(given, str)
    steps = list(cast("Sequence[object]", given)) if fits else [None]
    if not all(map(_is_step, steps)):
        raise DeclarationError(f"ladder={given!r}: give groups with seconds, e.g. ladder=[('lead', 3600)]")
    named = [(group, seconds) for group, seconds in cast("list[tuple[str, float]]", steps)]
    return tuple(sorted(named, key=lambda step: step[1]))


def _is_step(step: object) -> bool:
    if not isinstance(step, Sequence) or isinstance(step, str):
        return False
    parts = list(cast("Sequence[object]", step))
    return len(parts) == 2 and _is_group(parts[0]) and _is_seconds(parts[1])


def _refuse_too_late(routing: Routing) -> None:
    last = max([*(seconds for _, seconds in routing.ladder), routing.remind_s or 0])
    if routing.expires_s is not None and last >= routing.expires_s:
        raise DeclarationError(
            f"expires_s={routing.expires_s:g} comes before what happens after {last:g} s: make it longer"
        )


def _is_group(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and "," not in value


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value) and value > 0
