"""The HTTP status of an answer that is refused."""

from holdfast.errors import ForgedAnswer

_UNKNOWN_SENDER = frozenset({"missing_signature", "bad_signature", "stale"})


def status_of(forged: ForgedAnswer) -> int:
    """401: nobody knows who sent it; 400: the sender is known, and it makes no sense; 403: it may not be."""
    if forged.reason in _UNKNOWN_SENDER:
        return 401
    return 400 if forged.reason == "malformed" else 403
