"""The exit statuses."""

import pytest

from holdfast import errors
from holdfast.doors import exits


def every_error() -> list[type[errors.HoldfastError]]:
    found = [errors.HoldfastError]
    for kind in found:
        found += kind.__subclasses__()
    return [kind for kind in found if kind.__module__ == errors.__name__]


@pytest.mark.parametrize("kind", every_error(), ids=lambda kind: kind.code)
def test_every_deliberate_error_has_an_exit_status(kind: type[errors.HoldfastError]) -> None:
    """The table names each code, so that a new error is a decision and not an accident."""
    assert kind.code in exits.OF_ERROR


def test_what_the_user_can_fix_by_typing_something_else_is_usage() -> None:
    """Mistakes in the request exit with 2."""
    assert exits.of_error(errors.NotFound("x")) == exits.USAGE
    assert exits.of_error(errors.AlreadyDecided("x")) == exits.FAILED


def test_an_error_this_version_does_not_know_counts_by_its_branch() -> None:
    """A new kind of usage error still exits with 2."""

    class Newer(errors.UsageError):
        code = "newer"

    assert exits.of_error(Newer("x")) == exits.USAGE


def test_the_statuses_are_the_documented_ones() -> None:
    """0 completed, 1 failed, 3 awaiting review, 4 cancelled."""
    assert [exits.OF_STATUS[it] for it in ("completed", "failed", "awaiting_review", "cancelled")] == [0, 1, 3, 4]
