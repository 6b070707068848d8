"""Who said yes, whether that is enough, and what is due while nobody decides. Pure, over the columns' JSON."""

import json
from collections.abc import Sequence
from typing import TypeAlias, TypedDict, cast

from holdfast.errors import AlreadyDecided
from holdfast.trail.codec import canonical, stamp
from holdfast.trail.heads import Question
from holdfast.types import Due, Json


class StoredVote(TypedDict):
    """One person's word, as the column has it."""

    by: str
    answer: str
    at: str
    digest: str
    note: str | None


class StoredDue(TypedDict):
    """Something that is to happen, as the column has it."""

    at: str
    to: str | None
    done: bool


Ladder: TypeAlias = list[StoredDue]


def as_column(items: Sequence[StoredVote] | Sequence[StoredDue]) -> str:
    """As it is stored."""
    return canonical(cast("Json", items))


def known_as(by: str) -> str:
    """What makes two names one person: case and blanks do not."""
    return " ".join(by.casefold().split())


def votes_of(question: Question) -> list[StoredVote]:
    """What was said so far."""
    return json.loads(question.votes) if question.votes else []


def cast_vote(question: Question, vote: StoredVote) -> list[StoredVote]:
    """The votes with a new one, in the place of an earlier one of the same person.

    Raises:
        AlreadyDecided: That person has said this already: it counts once.
    """
    before, who = votes_of(question), known_as(vote["by"])
    for earlier in before:
        same = (earlier["answer"], earlier["digest"]) == (vote["answer"], vote["digest"])
        if known_as(earlier["by"]) == who and same:
            missing = question.quorum - len(agreed(before, vote["digest"]))
            raise AlreadyDecided(
                f"{vote['by']} has said yes at {earlier['at'][11:16]} UTC, which counts once: {missing} more yes of"
                f" {'somebody' if missing == 1 else 'others'} else {'is' if missing == 1 else 'are'} needed"
            )
    return [*(earlier for earlier in before if known_as(earlier["by"]) != who), vote]


def agreed(votes: Sequence[StoredVote], digest: str) -> list[str]:
    """Who said yes to exactly this."""
    return [vote["by"] for vote in votes if vote["answer"] == "approve" and vote["digest"] == digest]


def most_agreed(question: Question) -> int:
    """How many yes the best supported wording has."""
    votes = votes_of(question)
    return max((len(agreed(votes, vote["digest"])) for vote in votes), default=0)


# --- what is due


def ladder_text(ladder: Sequence[Due]) -> str | None:
    """Reminders and escalations as the column has them."""
    stored: Ladder = [{"at": stamp(due.at), "to": due.to, "done": due.done} for due in ladder]
    return as_column(stored) if stored else None


def ladder_of(question: Question) -> Ladder:
    """What is to happen, and what has."""
    return json.loads(question.ladder) if question.ladder else []


def attend_at(ladder: Sequence[StoredDue], expires_at: str) -> str:
    """When somebody has to look at the question next."""
    return min([*(due["at"] for due in ladder if not due["done"]), expires_at])


def groups_of(question: Question) -> list[str]:
    """Who is asked now; empty: everybody."""
    if question.reviewers is None:
        return []
    return [question.reviewers, *(due["to"] for due in ladder_of(question) if due["done"] and due["to"])]
