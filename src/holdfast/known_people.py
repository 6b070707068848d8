"""Who may decide, as the configuration says at this moment: a right that is taken away is gone without a restart."""

from collections.abc import Callable
from pathlib import Path

import structlog

from holdfast.config import Settings, configuration_file
from holdfast.errors import UsageError
from holdfast.policy.rights import Rights
from holdfast.trail.redact import Redactor

log = structlog.get_logger("holdfast.people")

Seen = tuple[int, int, int] | None
"""What tells one state of a file from another; `None`: it is not there."""


class KnownPeople:
    """The people of the configuration.

    Args:
        given: Settings that a program chose; they stay as they are. `None`: `holdfast.toml` counts, as it is now.
        redactor: Makes what takes secrets out: names are compared as they stand on the record.
    """

    def __init__(self, given: Settings | None, redactor: Callable[[], Redactor]) -> None:
        self._given, self._redactor = given, redactor
        self._rights: Rights | None = None
        self._settings = given
        self._seen: Seen = None

    def rights(self) -> Rights:
        """Who may decide now. A file that cannot be read now changes nothing."""
        if self._given is not None:
            self._rights = self._rights or self._of(self._given)
            return self._rights
        seen = _state(configuration_file())
        if self._rights is None or seen != self._seen:
            self._rights, self._seen = self._read(), seen
        return self._rights

    def settings(self) -> Settings:
        """The configuration whose people count now."""
        self.rights()
        return self._settings or Settings.load()

    def _read(self) -> Rights:
        try:
            return self._of(Settings.load())
        except UsageError as error:
            if self._rights is None:
                raise
            log.warning("configuration_unreadable", error=str(error), kept="the people known before")
            return self._rights

    def _of(self, settings: Settings) -> Rights:
        self._settings = settings
        redact = self._redactor().text
        people = {redact(name): person.groups for name, person in settings.people.items()}
        return Rights.of(people, allow_self_approval=settings.allow_self_approval)


def _state(path: Path) -> Seen:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
