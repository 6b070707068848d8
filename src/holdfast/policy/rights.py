"""Who may decide: members of the groups that are asked, and nobody about their own request. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from holdfast.trail.votes import known_as
from holdfast.types import Answer

YES: frozenset[Answer] = frozenset({"approve", "run"})
"""Answers that let something happen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """People with their groups, as they are configured now."""

    groups: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """Of each person, by the name they are known as. Empty: nobody is configured, and everybody may decide."""
    allow_self_approval: bool = False
    """Whether somebody may agree to what they asked for themselves."""

    @classmethod
    def of(cls, people: Mapping[str, Collection[str]], *, allow_self_approval: bool = False) -> "Rights":
        """The rights of people by name, each with their groups."""
        groups = {known_as(name): frozenset(known_as(group) for group in of) for name, of in people.items()}
        return cls(groups=groups, allow_self_approval=allow_self_approval)

    def objection(
        self, by: str, answer: Answer, *, groups: Sequence[str], requested_by: str | None, also: str | None = None
    ) -> str | None:
        """Why this person may not give this answer, if they may not.

        Args:
            by: Who.
            answer: What they say; anybody who may decide may say no, also to their own request.
            groups: Who is asked; empty: everybody.
            requested_by: The execution's user.
            also: Another spelling of `by`, as users are recorded. Default: none.
        """
        own = requested_by is not None and known_as(requested_by) in {known_as(by), known_as(also or by)}
        if own and answer in YES and not self.allow_self_approval:
            return f"{by} asked for this, so somebody else has to agree (or set allow_self_approval = true)"
        if not self.groups or not groups:
            return None
        asked = {known_as(group) for group in groups}
        if self.groups.get(known_as(by), frozenset()) & asked:
            return None
        members = _either(sorted(name for name, of in self.groups.items() if of & asked))
        return f"{by} is not in {_either(groups)}, which is asked: {members or 'nobody'} may decide"

    def first_objection(
        self, voters: Iterable[str], answer: Answer, *, groups: Sequence[str], requested_by: str | None
    ) -> str | None:
        """Why an answer may not be used any more: what stands against the first of those it rests on, if anything."""
        found = (self.objection(by, answer, groups=groups, requested_by=requested_by) for by in voters)
        return next((why for why in found if why), None)


def _either(names: Sequence[str]) -> str:
    return " or ".join(names)
