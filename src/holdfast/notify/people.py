"""Who people are: the configured names behind the identities that channels know."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from holdfast.config import PersonSettings, Settings
from holdfast.errors import ForgedAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who may answer."""

    name: str
    groups: frozenset[str] = frozenset()
    slack: str | None = None
    telegram: str | None = None
    email: str | None = None


class People:
    """Everybody who is configured."""

    def __init__(self, people: Iterable[Person]) -> None:
        self._by_name: Mapping[str, Person] = {person.name.casefold(): person for person in people}

    @classmethod
    def configured(cls, settings: Settings) -> "People":
        """The people of `[people.NAME]`."""
        return cls(_person(name, given) for name, given in settings.people.items())

    def behind(self, channel: str, identity: str) -> Person:
        """The person whom a channel calls so. In mails and webhooks people go by their names.

        Raises:
            ForgedAnswer: `unknown_person`: nobody is configured with that identity, so they may not answer.
        """
        wanted = identity.casefold()
        for person in self._by_name.values():
            known = {"slack": person.slack, "telegram": person.telegram}.get(channel, person.name)
            if known is not None and known.casefold() == wanted:
                return person
        raise ForgedAnswer(
            "unknown_person",
            f"{channel} calls somebody {identity!r} whom nobody configured: add a [people.NAME] table for them",
        )

    def named(self, name: str) -> Person | None:
        """The person of that name."""
        return self._by_name.get(name.casefold())

    def of(self, group: str | None) -> Sequence[Person]:
        """Who is asked: the group, or everybody where none is named or nobody is in it. A question finds somebody."""
        everybody = list(self._by_name.values())
        return [person for person in everybody if group in person.groups] or everybody


def _person(name: str, given: PersonSettings) -> Person:
    return Person(
        name=name, groups=frozenset(given.groups), slack=given.slack, telegram=given.telegram, email=given.email
    )


def may_answer(person: Person, groups: Sequence[str]) -> bool:
    """Whether a question to these groups (`Approval.groups`) is theirs to answer; one to no group is everybody's."""
    return not groups or not person.groups.isdisjoint(groups)
