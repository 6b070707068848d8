"""When a delivery that failed is tried again. Pure."""

from datetime import datetime, timedelta
from typing import Final

from holdfast.errors import DeliveryFailed

FIRST_S: Final = 60.0
LONGEST_S: Final = 86_400.0


def next_attempt(failed: DeliveryFailed, *, attempts: int, most: int, now: datetime, jitter: float) -> datetime | None:
    """When to try again; `None`: give up.

    Waits double from a minute and each lasts anything up to that (full jitter), so that what failed together does not
    come back together. Twelve attempts are spread over 17 hours on average, 34 at most.

    Args:
        failed: What went wrong; a time that the service asks for is kept.
        attempts: Attempts made.
        most: Attempts until it is given up.
        now: The time.
        jitter: From 0 to 1.
    """
    if failed.permanent or attempts >= most:
        return None
    wait_s = min(FIRST_S * 2 ** min(attempts - 1, 20), LONGEST_S) * jitter
    return now + timedelta(seconds=max(wait_s, failed.retry_after_s or 0.0))
