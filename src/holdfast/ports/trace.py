"""Where other people's instrumentation finds the span of what runs."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TypeAlias

During: TypeAlias = Callable[[str, str | None], AbstractContextManager[None]]
"""While a model (`None`) or the call of that id is asked by an execution: its span is the current one."""
