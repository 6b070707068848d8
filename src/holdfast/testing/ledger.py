"""A ledger that tools write their effects to: the independent witness of what happened, and how often."""

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic_core import to_jsonable_python

from holdfast.testing.crash import crash_point
from holdfast.types import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One effect that happened."""

    key: str
    """The idempotency key under which it was done."""
    tool: str
    args: Json
    pid: int
    """Of the process that did it."""
    at: datetime


class Ledger:
    """An append-only file of effects, durable before a tool goes on; any number of processes may write to it.

    Args:
        path: The file; made when first written to.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def record(self, key: str, tool: str, args: Mapping[str, object] | None = None) -> None:
        """Write down that an effect happened. It is on the disk when this returns.

        Passes the crash point `inside-tool:{tool}` then: the effect is there, its tool has not returned.
        """
        entry = {
            "key": key,
            "tool": tool,
            "args": to_jsonable_python(args or {}),
            "pid": os.getpid(),
            "at": datetime.now(UTC).isoformat(),
        }
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            # One write to a file opened for appending lands whole, whoever else writes.
            os.write(file, json.dumps(entry).encode() + b"\n")
            os.fsync(file)
        finally:
            os.close(file)
        crash_point(f"inside-tool:{tool}")

    def effects(self, tool: str | None = None) -> Sequence[Effect]:
        """Every effect so far, in order; of one tool, if it is named."""
        if not self.path.exists():
            return []
        found = [_effect(json.loads(line)) for line in self.path.read_text(encoding="utf-8").splitlines()]
        return [effect for effect in found if tool is None or effect.tool == tool]

    def happened(self, key: str) -> bool:
        """Whether an effect with this key is written down: what a probe may ask."""
        return any(effect.key == key for effect in self.effects())

    def repeated(self) -> Mapping[str, int]:
        """Keys whose effect happened more than once, and how often."""
        counts = Counter(effect.key for effect in self.effects())
        return {key: times for key, times in counts.items() if times > 1}


def _effect(entry: dict[str, str]) -> Effect:
    return Effect(
        key=entry["key"],
        tool=entry["tool"],
        args=entry["args"],
        pid=int(entry["pid"]),
        at=datetime.fromisoformat(entry["at"]),
    )
