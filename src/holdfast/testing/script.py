"""The steps of a scripted model: what it says, and how it fails, in the order in which it is asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from holdfast.errors import UsageError
from holdfast.loop.failure import FailureClass
from holdfast.types import Reply, Usage

FinishReason = Literal["stop", "length", "content_filter", "tool_call", "error"]


@dataclass(frozen=True, slots=True)
class Raw:
    """A message exactly as it is: empty, cut off, with malformed arguments.

    Args:
        text: Its text. Default: none.
        calls: Tool names and their arguments as text, e.g. `[("refund", '{"amount": 1')]`. Default: none.
        finish_reason: Why the model stopped; `"length"` is a truncated message. Default: `"stop"`.
    """

    text: str = ""
    calls: Sequence[tuple[str, str]] = ()
    finish_reason: FinishReason = "stop"


@dataclass(frozen=True, slots=True)
class Fail:
    """One attempt that fails.

    Args:
        error: The class of the failure (`"overload"`, `"timeout"`, `"rate_limit"`, ...), or the exception to raise.
        retry_after_s: Seconds that the provider asks to be left alone. Default: it does not say.

    Raises:
        UsageError: There is no such class.
    """

    error: FailureClass | Exception
    retry_after_s: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.error, str) and self.error not in get_args(FailureClass):
            raise UsageError(f"Fail({self.error!r}): use one of {', '.join(get_args(FailureClass))}, or an exception")


@dataclass(frozen=True, slots=True)
class Metered:
    """A step with the tokens it reports. Default of a step: 50 and 10 a message in, 10 out."""

    step: "Reply | Raw"
    usage: Usage


Step: TypeAlias = Reply | Raw | Metered | Fail


@dataclass(frozen=True, slots=True)
class Slot:
    """One answer of the script: the failures before it, and the step itself.

    Without a step the last failure repeats for ever: a model that is down.
    """

    failures: tuple[Fail, ...]
    step: "Reply | Raw | Metered | None"

    def attempt(self, number: int) -> Step:
        """What the attempt with this number, from 0, comes to."""
        if number < len(self.failures):
            return self.failures[number]
        return self.failures[-1] if self.step is None else self.step


def slots(steps: Sequence[Step]) -> tuple[Slot, ...]:
    """Steps with the failures that come before each."""
    found: list[Slot] = []
    failures: list[Fail] = []
    for step in steps:
        if isinstance(step, Fail):
            failures.append(step)
        else:
            found.append(Slot(tuple(failures), step))
            failures = []
    if failures:
        found.append(Slot(tuple(failures), None))
    return tuple(found)
