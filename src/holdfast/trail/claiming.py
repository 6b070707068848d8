"""How a claim finds its executions: priorities first, then turns, within everybody's share."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, Protocol

from holdfast.trail.controls.known import Known
from holdfast.trail.fair import LANES, TOP, Load, Look, Turns, Waiting
from holdfast.trail.heads import Head
from holdfast.trail.ledger import Ledger
from holdfast.trail.requests import Claim

_LOOKS: Final = 64
"""Of one claim; more than a few are needed only where many priorities wait, or other workers are at the same rows."""
_READY_AT_ONCE: Final = 1_000


class WaitingRows(Protocol):
    """The part of a database that knows what waits."""

    def claimable(self, claim: Claim) -> Ledger:
        """One execution, if it is pending and due, locked."""
        ...

    def look(self, look: Look) -> Waiting:
        """Some of what waits at the highest priority, locked."""
        ...

    def take(self, ids: Sequence[str]) -> Ledger:
        """The rows of what a look found, in this order."""
        ...

    def make_ready(self, at: str, limit: int) -> int:
        """Let what was parked and is due stand with what is ready; how many did."""
        ...

    def oldest(self, agent: str, worker_id: str) -> str | None:
        """Of what the worker may have, whose execution has waited longest for an agent, at the highest priority."""
        ...

    def running(self) -> list[tuple[str, str, int]]:
        """Agents and users with how many executions run."""
        ...

    def alone(self) -> None:
        """Keep other processes' claims out until the end of the transaction."""
        ...


class Claiming:
    """Claims for the workers of one process.

    Args:
        rows: Where executions wait.
        take: Gives found executions to the worker, in the same transaction; the ids that it got.
    """

    def __init__(self, rows: WaitingRows, take: Callable[[Claim, Ledger], Sequence[str]]) -> None:
        self._rows = rows
        self._take = take
        self._turns = Turns()

    def claim(self, known: Known, request: Claim) -> list[str]:
        """Up to as many executions as are asked for, in the order of their turns."""
        request = replace(request, agents=known.working(request.agents))
        if not request.agents:
            return []
        load = self._load(known)
        if request.only is not None:
            fitting = _admitted(load, self._rows.claimable(request))
            return list(self._take(request, Ledger(fitting))) if fitting else []
        return self._claim(request, load)

    def _load(self, known: Known) -> Load:
        if not known.terms.limits:
            return Load(known.terms)
        self._rows.alone()
        return Load.of(known.terms, self._rows.running())

    def _claim(self, request: Claim, load: Load) -> list[str]:
        taken: list[str] = []
        below, waked = TOP, False
        for _ in range(_LOOKS):
            look = self._next_look(request, load, below=below, wanted=request.limit - len(taken))
            if look is None:
                break
            found = self._rows.look(look)
            if found.due and not waked:
                waked = True
                if self._rows.make_ready(request.at, _READY_AT_ONCE):
                    continue
            if found.priority is None:
                break
            if self._begin(found, request.worker_id):
                continue
            picked = self._turns.pick(found.lanes, look.wanted, load)
            taken += self._take(request, self._rows.take(picked)) if picked else []
            if self._is_all(found, look):
                if not found.lower:
                    break
                below = found.priority
            elif not picked:
                self._turns.pass_over(found.lanes)
        return taken

    def _next_look(self, request: Claim, load: Load, *, below: int, wanted: int) -> Look | None:
        """What to look for; `None`: nobody may have more now."""
        agents = [agent for agent in request.agents if load.admits_agent(agent)]
        if wanted <= 0 or not agents or not load.admits_any():
            return None
        barred = load.barred()
        return Look(
            worker_id=request.worker_id,
            agents=self._turns.starts(agents),
            below=below,
            lanes=max(wanted, LANES) + len(barred),
            wanted=wanted,
            heaviest=load.terms.heaviest,
            barred=barred,
            at=request.at,
        )

    def _begin(self, found: Waiting, worker_id: str) -> bool:
        """Begin the rings of agents that had no turn before; whether there were any."""
        new = {lane.agent for lane in found.lanes if not self._turns.knows(lane.agent)}
        for agent in sorted(new):
            self._turns.begin(agent, self._rows.oldest(agent, worker_id) or "")
        return bool(new)

    @staticmethod
    def _is_all(found: Waiting, look: Look) -> bool:
        """Whether nothing waits at this priority that the look has not seen."""
        whole = found.walked < look.lanes
        return whole and all(len(lane.ids) < found.depth for lane in found.lanes)


def _admitted(load: Load, found: Ledger) -> list[Head]:
    """Those that there is room for."""
    fitting: list[Head] = []
    for head in found.heads.values():
        if load.admits(head.agent_type, head.user_id or ""):
            load.add(head.agent_type, head.user_id or "")
            fitting.append(head)
    return fitting
