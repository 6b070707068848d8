"""Where people are told: the registered channels, and whom of a group each of them reaches. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from holdfast.trail.controls.cell import Data
from holdfast.types import Address

_EVERYBODY = ""


def as_data(routes: Mapping[str | None, Sequence[Address]], channel: str, *, updates: bool) -> Data:
    """A channel as it is registered.

    Args:
        routes: The addresses of each group, and under `None` those of everybody.
        channel: Its name.
        updates: Whether its messages can be changed once they are out.
    """
    listed = {group or _EVERYBODY: [one.to for one in of if one.channel == channel] for group, of in routes.items()}
    return {"to": {group: to for group, to in listed.items() if to}, "updates": updates}


def addresses(channels: Mapping[str, Data], group: str | None) -> list[tuple[str, str | None]]:
    """Channel and person of each delivery to a group (`None`: everybody); a group nobody knows is everybody."""
    return [(name, to) for name, data in channels.items() for to in _reached(data.get("to") or {}, group)]


def updated(channels: Mapping[str, Data]) -> list[tuple[str, str | None]]:
    """Channels whose messages can still be told what became of them."""
    return [(name, None) for name, data in channels.items() if data.get("updates", True)]


def chosen(channels: Mapping[str, Data], names: Iterable[str] | None) -> Mapping[str, Data]:
    """The channels of these names; `None`: all."""
    wanted = None if names is None else set(names)
    return {name: data for name, data in channels.items() if wanted is None or name in wanted}


def _reached(to: Mapping[str, Sequence[str | None]], group: str | None) -> Sequence[str | None]:
    return to.get(group or _EVERYBODY) or to.get(_EVERYBODY) or [None]
