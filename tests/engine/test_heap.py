"""What a worker spares the garbage collector, and what it does not."""

import gc
import weakref

from holdfast.engine.heap import spare_what_is_loaded


class Knot:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.itself = self


def test_what_comes_after_the_first_worker_is_collected_as_ever():
    """A process that starts one worker after another must not keep the garbage of each."""
    spare_what_is_loaded()
    spared = gc.get_freeze_count()
    knot = weakref.ref(Knot())
    spare_what_is_loaded()
    gc.collect()
    assert 0 < gc.get_freeze_count() <= spared
    assert knot() is None
