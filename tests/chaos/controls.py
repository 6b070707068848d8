"""Holdfast broken on purpose, in its workers: chaos is worth something if it finds each of these."""

from collections.abc import Callable, Mapping
from typing import Any

from holdfast.engine.local import LocalEngine
from holdfast.loop import act
from holdfast.trail import step
from holdfast.trail.controls import budget


def nothing() -> None:
    """All is well."""


def rerun() -> None:
    """What may have run is simply run again."""
    act.recover_call = act.run_call


def no_fence() -> None:
    """A worker writes and acts whoever else has taken over."""
    refuse = step._refuse

    def let_pass(head: Any, asked: Any) -> None:
        head.fence, fence = asked.fence, head.fence
        try:
            refuse(head, asked)
        finally:
            head.fence = fence

    step._refuse = let_pass
    LocalEngine.holds_lease = lambda _: True
    LocalEngine._on_lost = lambda _: None


def no_room_needed() -> None:
    """Nobody looks whether there is room in a budget."""
    budget._room = lambda *_: 10**15


NAMED: Mapping[str, Callable[[], None]] = {
    "": nothing,
    "rerun": rerun,
    "no_fence": no_fence,
    "no_room_needed": no_room_needed,
}
