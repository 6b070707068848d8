"""The controls as one transaction sees and changes them: who has leave, what is charged, what a report changes.

Nothing is changed while leave is being decided: `leave` gathers what would be written, `take` writes it into the
working copies. A refused append so leaves no trace.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Final

from holdfast.errors import GrantUnusable, NotAdmitted, Paused, Unavailable
from holdfast.trail.controls import breaker, budget, grant, rate
from holdfast.trail.controls.breaker import BreakerRules
from holdfast.trail.controls.cell import DEFINED, Cells, Data, Key
from holdfast.trail.controls.known import Known
from holdfast.trail.heads import Head
from holdfast.types import ENDED, Admission, Append, BreakerKind, Candidate, Rate, Report

LOOK_AGAIN: Final = timedelta(seconds=60)
"""What a paused model keeps waiting looks again after this, should it have missed the resuming."""

PROBE_WAIT: Final = timedelta(seconds=5)
"""While a probe is under way the others look again after this."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a step is charged to, and how far it was."""

    agent: str
    user: str | None
    tokens: int
    usd: Decimal
    live_tokens: int
    """Reserved for the model call under way."""
    live_usd: Decimal
    unknown_tokens: int = 0
    """Reserved for calls whose bill nobody knows: charged as spent."""
    unknown_usd: Decimal = Decimal(0)


def subject_of(head: Head) -> Subject:
    """Whom an execution's steps are charged to, and how far it is."""
    return Subject(
        agent=head.agent_type,
        user=head.user_id,
        tokens=head.token_count,
        usd=Decimal(head.cost_usd),
        live_tokens=head.reserved_tokens - head.unknown_tokens,
        live_usd=Decimal(head.reserved_usd) - Decimal(head.unknown_usd),
        unknown_tokens=head.unknown_tokens,
        unknown_usd=Decimal(head.unknown_usd),
    )


def newcomer(agent: str, user: str | None) -> Subject:
    """An execution that has not begun."""
    return Subject(agent=agent, user=user, tokens=0, usd=Decimal(0), live_tokens=0, live_usd=Decimal(0))


@dataclass(frozen=True, slots=True)
class Charge:
    """Changes of what is reserved and spent."""

    reserve_tokens: int
    spend_tokens: int
    reserve_usd: Decimal
    spend_usd: Decimal

    @property
    def nothing(self) -> bool:
        """Whether no account changes."""
        return not (self.reserve_tokens or self.spend_tokens or self.reserve_usd or self.spend_usd)


@dataclass(slots=True)
class Leave:
    """What an append may do, and what that writes."""

    rung: int | None = None
    probe: bool = False
    probing_tools: tuple[str, ...] = ()
    puts: dict[Key, Data | None] = field(default_factory=dict["Key", "Data | None"])
    audits: list[tuple[str, Data]] = field(default_factory=list[tuple[str, Data]])
    """Kind and data of what goes on the operators' record."""


class Shared:
    """Controls in one transaction.

    Args:
        known: The definitions.
        cells: The rows that this batch locked.
        rules: Of the breakers.
    """

    def __init__(self, known: Known, cells: Cells, rules: BreakerRules) -> None:
        self.known, self.cells, self._rules = known, cells, rules
        self.redefined = False
        """A definition changed: every process has to read them again."""

    # --- an append

    def leave(self, subject: Subject, asked: Append, now: datetime) -> Leave:
        """Whether a step may go ahead, and what that changes.

        Raises:
            NotAdmitted: It may not, in one of its kinds.
        """
        granted = Leave()
        for report in asked.reports:
            self._heed(granted, report, now)
        if asked.admission:
            self._admit(granted, subject, asked.admission, now)
        charge = charge_of(subject, asked)
        if not charge.nothing or granted.rung is not None:
            self._book(granted, subject, asked, charge, now)
        return granted

    def take(self, granted: Leave) -> None:
        """Make the changes of a leave."""
        for (kind, key), data in granted.puts.items():
            self.put(kind, key, data)

    def put(self, kind: str, key: str, data: Data | None) -> None:
        """Change or delete one row."""
        self.cells.put(kind, key, data)
        if kind in DEFINED:
            self.redefined |= kind != "breaker" or _status(self.known.breakers.get(key)) != _status(data)
            self.known = self.known.but(kind, key, data)

    # --- executions that leave or come back without an append

    def closed(self, subject: Subject, now: datetime) -> None:
        """An execution ended while nothing ran: what a crash left held is charged, for its bill is unknown."""
        tokens, usd = subject.live_tokens, subject.live_usd
        charge = Charge(reserve_tokens=-tokens, spend_tokens=tokens, reserve_usd=-usd, spend_usd=usd)
        for (kind, key), data in self._accounts(subject, charge, now, must_fit=False).items():
            self.put(kind, key, data)

    def delay_s(self, subject: Subject, now: datetime) -> float:
        """Seconds that a new execution has to wait for the rates of requests.

        Raises:
            RateLimited: A rate refuses instead.
        """
        puts: dict[Key, Data | None] = {}
        longest_s = 0.0
        for one, name in self._rates(subject, "requests", ()):
            flow = self.cells.get("flow", f"{one.name}:{name}")
            wait_s = rate.delay_s(one, flow, amount=1, now=now)
            if wait_s > 0 and one.over == "refuse":
                rate.take(one, flow, subject=name, amount=1, now=now)
            puts["flow", f"{one.name}:{name}"] = rate.book(one, flow, amount=1, now=now)
            longest_s = max(longest_s, wait_s)
        for (kind, key), data in puts.items():
            self.put(kind, key, data)
        return longest_s

    # --- leave, part by part

    def _heed(self, granted: Leave, report: Report, now: datetime) -> None:
        key = breaker.key_of(report.kind, report.name)
        before = self._breaker(granted, key)
        after = breaker.reported(before, report, now, self._rules)
        if after == before:
            return
        granted.puts["breaker", key] = after
        was, is_now = _status(before), _status(after)
        if is_now == "open" and (was != "open" or report.probe):
            shown = breaker.show(key, after or {})
            granted.audits.append(
                ("breaker.opened", {"breaker": key, "reason": shown.reason, "until": str(shown.until), "was": was})
            )
        elif is_now == "closed" and was != "closed":
            granted.audits.append(("breaker.closed", {"breaker": key, "was": was}))

    def _admit(self, granted: Leave, subject: Subject, admission: Admission, now: datetime) -> None:
        self._refuse_paused("all", "*")
        self._refuse_paused("agent", subject.agent)
        for grant_id in admission.grants:
            self._use_grant(granted, grant_id, now)
        for tool in dict.fromkeys(admission.tools):
            self._refuse_paused("tool", tool)
            if refusal := self._shut(granted, "tool", tool, now):
                raise refusal
            if self._go(granted, "tool", tool, now):
                granted.probing_tools += (tool,)
        if admission.candidates:
            chosen = self._choose(granted, admission, now)
            granted.rung = chosen.rung
            # Both, not the first of the two: a probe of the model may be one of its provider as well.
            probing = [
                self._go(granted, "provider", chosen.provider, now),
                self._go(granted, "model", chosen.model, now),
            ]
            granted.probe = any(probing)
            for one, name in self._rates(subject, "model_calls", (chosen.model,)):
                self._take(granted, one, name, 1, now)

    def _choose(self, granted: Leave, admission: Admission, now: datetime) -> Candidate:
        refusals: list[NotAdmitted] = []
        for candidate in admission.candidates:
            refusal = (
                self._paused("model", candidate.model, until=now + LOOK_AGAIN)
                or self._shut(granted, "provider", candidate.provider, now)
                or self._shut(granted, "model", candidate.model, now)
            )
            if refusal is None:
                return candidate
            if admission.wait_at_gate and isinstance(refusal, Unavailable) and refusal.kind == "provider":
                raise refusal
            refusals.append(refusal)
        # Whatever is soonest is worth waiting for; an operator's stop says nothing about when.
        raise min(refusals, key=lambda one: (isinstance(one, Paused), one.until.timestamp() if one.until else 0))

    def _refuse_paused(self, kind: str, name: str) -> None:
        if refusal := self._paused(kind, name):
            raise refusal

    def _paused(self, kind: str, name: str, *, until: datetime | None = None) -> Paused | None:
        if (switch := self.known.switch(kind, name)) is None:
            return None
        what = "everything" if kind == "all" else f"{kind} {name!r}"
        return Paused(
            f"{what} was stopped by {switch.by} at {switch.at:%Y-%m-%d %H:%M} UTC: {switch.why}",
            kind=kind,
            name=name,
            until=until,
        )

    def _shut(self, granted: Leave, kind: BreakerKind, name: str, now: datetime) -> Unavailable | None:
        key = breaker.key_of(kind, name)
        data = self._breaker(granted, key)
        if data is None or not breaker.shut(data, now):
            return None
        shown = breaker.show(key, data)
        until = shown.until or now + LOOK_AGAIN
        if shown.status == "half_open":  # the probe says soon how it stands
            until = min(until, now + PROBE_WAIT)
        said = "until an operator closes it" if shown.forced_by else f"until {until:%H:%M:%S} UTC"
        return Unavailable(f"{kind} {name!r} is unavailable {said}: {shown.reason}", until=until, kind=kind, name=name)

    def _go(self, granted: Leave, kind: BreakerKind, name: str, now: datetime) -> bool:
        """Let a call through; whether it is the probe."""
        key = breaker.key_of(kind, name)
        data = self._breaker(granted, key)
        if data is None or not breaker.asks(data, now):
            return False
        granted.puts["breaker", key] = breaker.probe(data, now, self._rules)
        return True

    def _use_grant(self, granted: Leave, grant_id: str, now: datetime) -> None:
        data = granted.puts.get(("grant", grant_id)) or self.cells.get("grant", grant_id)
        why_not = grant.objection(data, now) if data else "there is none of that id"
        if data is None or why_not:
            raise GrantUnusable(f"grant {grant_id} cannot be used: {why_not}", grant=grant_id)
        granted.puts["grant", grant_id] = grant.used(data)

    # --- charging

    def _book(self, granted: Leave, subject: Subject, asked: Append, charge: Charge, now: datetime) -> None:
        must_fit = asked.admission is not None and bool(asked.admission.candidates)
        granted.puts |= self._accounts(subject, charge, now, must_fit=must_fit)
        model = self._model_of(asked, granted)
        amount = charge.reserve_tokens + charge.spend_tokens
        for one, name in self._rates(subject, "tokens", (model,) if model else ()):
            key = f"{one.name}:{name}"
            if must_fit and amount > 0:
                self._take(granted, one, name, amount, now)
            elif amount:
                granted.puts["flow", key] = rate.book(one, self._flow(granted, key), amount=amount, now=now)

    def _accounts(self, subject: Subject, charge: Charge, now: datetime, *, must_fit: bool) -> dict[Key, Data | None]:
        puts: dict[Key, Data | None] = {}
        for one in self.known.budgets.values():
            name = budget.covers(one, user=subject.user, agent=subject.agent)
            if name is None:
                continue
            money = one.usd is not None
            reserve = _pico_change(subject.live_usd, charge.reserve_usd) if money else charge.reserve_tokens
            spend = _pico_change(subject.usd + subject.unknown_usd, charge.spend_usd) if money else charge.spend_tokens
            if not reserve and not spend:
                continue
            key = f"{one.name}:{name}"
            account = self.cells.get("account", key)
            puts["account", key] = budget.charge(
                one, account, subject=name, reserve=reserve, spend=spend, now=now, must_fit=must_fit
            )
        return puts

    def _rates(self, subject: Subject, unit: str, models: Sequence[str]) -> list[tuple[Rate, str]]:
        found: list[tuple[Rate, str]] = []
        for one in self.known.rates.values():
            if one.unit == unit:
                name = rate.subject_of(one, user=subject.user, agent=subject.agent, models=models)
                if name is not None:
                    found.append((one, name))
        return found

    def _take(self, granted: Leave, one: Rate, name: str, amount: int, now: datetime) -> None:
        key = f"{one.name}:{name}"
        granted.puts["flow", key] = rate.take(one, self._flow(granted, key), subject=name, amount=amount, now=now)

    def _flow(self, granted: Leave, key: str) -> Data | None:
        return granted.puts.get(("flow", key)) or self.cells.get("flow", key)

    def _breaker(self, granted: Leave, key: str) -> Data | None:
        if ("breaker", key) in granted.puts:
            return granted.puts["breaker", key]
        return self.cells.get("breaker", key) if self.cells.has("breaker", key) else self.known.breakers.get(key)

    @staticmethod
    def _model_of(asked: Append, granted: Leave) -> str | None:
        if asked.admission and granted.rung is not None:
            return next(one.model for one in asked.admission.candidates if one.rung == granted.rung)
        return asked.settles


def charge_of(subject: Subject, asked: Append) -> Charge:
    """What a step changes. An ending execution has no call under way: what it still holds is charged."""
    before = subject.live_tokens + subject.unknown_tokens, subject.live_usd + subject.unknown_usd
    held = before[0] if asked.reserved_tokens is None else asked.reserved_tokens
    held_usd = before[1] if asked.reserved_usd is None else asked.reserved_usd
    if asked.status in ENDED:
        unknown, unknown_usd = held, held_usd
    else:
        unknown = subject.unknown_tokens if asked.unknown_tokens is None else asked.unknown_tokens
        unknown_usd = subject.unknown_usd if asked.unknown_usd is None else asked.unknown_usd
    tokens = 0 if asked.token_count is None else asked.token_count - subject.tokens
    usd = Decimal(0) if asked.cost_usd is None else asked.cost_usd - subject.usd
    return Charge(
        reserve_tokens=held - unknown - subject.live_tokens,
        spend_tokens=tokens + unknown - subject.unknown_tokens,
        reserve_usd=held_usd - unknown_usd - subject.live_usd,
        spend_usd=usd + unknown_usd - subject.unknown_usd,
    )


def keys_for(known: Known, subject: Subject, asked: Append, now: datetime) -> set[Key]:
    """Rows that one step needs, to be locked before it is decided."""
    keys = account_keys(known, subject)
    admission = asked.admission
    models = [candidate.model for candidate in admission.candidates] if admission else []
    if asked.settles:
        models.append(asked.settles)
    for one in known.rates.values():
        if one.unit != "requests":
            keys |= {("flow", f"{one.name}:{name}") for name in _subjects(one, subject, models)}
    keys |= {("breaker", breaker.key_of(report.kind, report.name)) for report in asked.reports}
    if admission:
        keys |= {("grant", key) for key in admission.grants}
        keys |= {("breaker", key) for key in _passed(admission) if breaker.asks(known.breakers.get(key), now)}
    return keys


def account_keys(known: Known, subject: Subject) -> set[Key]:
    """The accounts that an execution is charged to."""
    names = ((one, budget.covers(one, user=subject.user, agent=subject.agent)) for one in known.budgets.values())
    return {("account", f"{one.name}:{name}") for one, name in names if name is not None}


def request_keys(known: Known, subject: Subject) -> set[Key]:
    """The flows that a new execution counts in."""
    requests = [one for one in known.rates.values() if one.unit == "requests"]
    return {("flow", f"{one.name}:{name}") for one in requests for name in _subjects(one, subject, ())}


def _subjects(one: Rate, subject: Subject, models: Sequence[str]) -> set[str]:
    groups = [(model,) for model in models] if one.scope == "model" else [()]
    found = (rate.subject_of(one, user=subject.user, agent=subject.agent, models=group) for group in groups)
    return {name for name in found if name is not None}


def _passed(admission: Admission) -> set[str]:
    """The breakers on the way of what asks leave."""
    keys = {breaker.key_of("tool", tool) for tool in admission.tools}
    for candidate in admission.candidates:
        keys |= {breaker.key_of("model", candidate.model), breaker.key_of("provider", candidate.provider)}
    return keys


def _status(data: Data | None) -> str:
    return data["status"] if data else "closed"


def _pico_change(before: Decimal, change: Decimal) -> int:
    """A change of a sum in whole picodollars, so that changes add up to the sum."""
    return budget.pico(before + change) - budget.pico(before)
