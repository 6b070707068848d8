"""How fast one caller may ask, and how often one address may guess: counted in this process, in bounded memory."""

from collections import OrderedDict
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address
from time import monotonic
from typing import Final

import structlog

from holdfast.errors import TooManyRequests

log = structlog.get_logger("holdfast.http")

_KEPT: Final = 10_000
"""Names that are counted at once; the one that was quiet longest makes room."""
_GUESSES: Final = 20
"""Wrong keys that one address may send at once: a person mistypes, a program is deployed with an old key."""
_GUESSES_PER_MINUTE: Final = 10
_BURST_S: Final = 10
"""Of a caller's minute so much may come at once."""


class Pace:
    """A rate for each of many names: so many a minute, `burst` of them at once (GCRA)."""

    def __init__(self, *, per_minute: float, burst: int) -> None:
        self._interval_s = 60 / per_minute
        self._slack_s = (burst - 1) * self._interval_s
        self._due: OrderedDict[str, float] = OrderedDict()
        """By name: when all that came would have come at an even pace."""

    def __len__(self) -> int:
        return len(self._due)

    def wait_s(self, name: str, now: float) -> float:
        """Count one, or give the seconds until it may come; what is refused counts for nothing."""
        due = max(self._due.get(name, now), now)
        if due - now > self._slack_s:
            return due - now - self._slack_s
        self._due[name] = due + self._interval_s
        self._due.move_to_end(name)
        if len(self._due) > _KEPT:
            self._due.popitem(last=False)
        return 0


class Throttles:
    """The rates of one server.

    Args:
        requests_per_minute: Of one key or session; a sixth of it may come at once.
        now: Seconds that never go back.
    """

    def __init__(self, requests_per_minute: int, *, now: Callable[[], float] = monotonic) -> None:
        burst = max(1, requests_per_minute * _BURST_S // 60)
        self._requests = Pace(per_minute=requests_per_minute, burst=burst)
        self._guesses = Pace(per_minute=_GUESSES_PER_MINUTE, burst=_GUESSES)
        self._told = Pace(per_minute=1, burst=1)
        self._now = now

    def admit(self, credential: str) -> None:
        """Count a request of a caller who is known.

        Raises:
            TooManyRequests: It came too fast.
        """
        wait_s = self._requests.wait_s(credential, self._now())
        if wait_s > 0:
            raise TooManyRequests("this key sends too many requests: slow down", retry_after_s=wait_s)

    def guessed(self, address: str | None) -> None:
        """Count a secret that nobody knows. A valid key from the same address goes on working.

        Raises:
            TooManyRequests: That address has sent too many of them.
        """
        now, where = self._now(), _neighbourhood(address)
        wait_s = self._guesses.wait_s(where, now)
        if wait_s > 0:
            if self._told.wait_s(where, now) == 0:  # once a minute: whoever guesses does not fill the disk
                log.warning("keys_guessed", address=address)
            raise TooManyRequests("too many unknown keys came from this address: wait", retry_after_s=wait_s)


def _neighbourhood(address: str | None) -> str:
    """What one client has: an IPv4 address, or 64 bits' worth of IPv6."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return ""
    if isinstance(found, IPv6Address):
        return str(found.ipv4_mapped or int(found) >> 64)
    return str(found)
