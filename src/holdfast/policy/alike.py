"""Which open questions are so alike that one answer may be meant for all of them. Pure."""

import re
from collections.abc import Sequence

from holdfast.types import Approval

_PARTICULAR = re.compile(r"""'[^']*'|"[^"]*"|[+-]?\d[\d.,:]*""")


def alike(approval: Approval, among: Sequence[Approval]) -> Sequence[Approval]:
    """Those that ask the same sort of thing for the same sort of reason, itself included, oldest first."""
    return [other for other in among if sort_of(other) == sort_of(approval)]


def sort_of(approval: Approval) -> tuple[object, ...]:
    """What alike questions have in common: who asks for what, by which gate, of whom, for what sort of reason."""
    return (
        approval.kind,
        approval.agent_type,
        approval.tool_name,
        approval.gate,
        reason_kind(approval.reason),
        approval.reviewers,
        approval.quorum,
    )


def reason_kind(reason: str) -> str:
    """A reason without the numbers and quoted words that differ from call to call."""
    return _PARTICULAR.sub("#", reason)
