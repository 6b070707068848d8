"""What operators and configuration do to the controls. Pure."""

from datetime import datetime

from holdfast.errors import IllegalTransition, NotFound, UsageError
from holdfast.trail.controls import budget
from holdfast.trail.controls.cell import Data
from holdfast.trail.ledger import Ledger
from holdfast.trail.requests import Manage, TopUp


def change(ledger: Ledger, asked: Manage | TopUp) -> None:
    """Do what is asked, and put it on the operators' record."""
    if isinstance(asked, Manage):
        manage(ledger, asked)
    else:
        top_up(ledger, asked)
    ledger.work = True


def manage(ledger: Ledger, asked: Manage) -> None:
    """Change one control, and put it on the operators' record.

    Raises:
        NotFound: There is nothing of that name to change.
        IllegalTransition: There is one already.
    """
    before, switch = ledger.shared.cells.get(asked.kind, asked.key), asked.kind == "switch"
    if asked.must_exist and before is None:
        raise NotFound(f"{_switched(asked)} is not stopped" if switch else f"there is no {asked.kind} {asked.key!r}")
    if asked.must_be_new and before is not None:
        raise IllegalTransition(
            f"{_switched(asked)} is already stopped by {before['by']}, at {before['at'][:16]} UTC: {before['why']}"
            if switch
            else f"there is a {asked.kind} {asked.key!r} already: take it away first"
        )
    after = {**(before or {}), **(asked.data or {})} if asked.merges else asked.data
    if after == before and after is not None:
        return  # configuration says again what it said before
    ledger.shared.put(asked.kind, asked.key, after)
    entry: Data = {"kind": asked.kind, "key": asked.key, "by": asked.by, "why": asked.why, "was": before, "is": after}
    ledger.audits.append((asked.action, entry, asked.at))
    ledger.wakes.update(asked.wakes)


def _switched(asked: Manage) -> str:
    """What a switch stops, in words."""
    kind, _, name = asked.key.partition(":")
    return "everything" if kind == "all" else f"{kind} {name!r}"


def top_up(ledger: Ledger, asked: TopUp) -> None:
    """Raise one account's ceiling, and let go on what waits for it.

    Raises:
        NotFound: There is no such budget.
        UsageError: The subject or the amount cannot be.
    """
    known = ledger.shared.known.budgets.get(asked.budget)
    if known is None:
        names = ", ".join(sorted(ledger.shared.known.budgets)) or "none"
        raise NotFound(f"there is no budget {asked.budget!r}; there are: {names}")
    if (known.scope == "global") != (asked.subject == ""):
        whose = "takes no subject" if known.scope == "global" else f"needs the {known.scope} to top up"
        raise UsageError(f"budget {known.name!r} is {known.scope}: it {whose}")
    key, now = f"{known.name}:{asked.subject}", datetime.fromisoformat(asked.at)
    account = ledger.shared.cells.get("account", key)
    amount = budget.in_units(known, asked.amount)
    ledger.shared.put("account", key, budget.top_up(known, account, amount=amount, now=now))
    entry: Data = {
        "budget": known.name, "subject": asked.subject, "amount": str(asked.amount), "by": asked.by, "why": asked.why
    }  # fmt: skip
    ledger.audits.append(("budget.topped_up", entry, asked.at))
    ledger.wakes.add("BUDGET")
