"""Keeps the garbage collector from looking through the loaded program again and again."""

import gc
from typing import Final

THRESHOLDS: Final = (50_000, 20, 10)
"""New objects before a collection of the young, and how many of these make one of the older, of all."""


def spare_what_is_loaded() -> None:
    """Exempt what the process holds by now from garbage collection. Does nothing where that was done before.

    With the model library loaded that is 160,000 objects: classes, schemas and functions, which never become garbage.
    A full collection looks at each of them, and stops every execution of the process for 0.1 s to find nothing.
    What comes later is collected, but not after every 700 objects, which a worker makes in three turns: with a hundred
    executions under way most of what it looked at would still be in use.
    """
    if gc.get_freeze_count() == 0:
        gc.freeze()
        gc.set_threshold(*THRESHOLDS)
