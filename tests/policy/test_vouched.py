"""Who somebody is here whom an identity provider vouches for."""

import pytest

from holdfast.errors import Forbidden
from holdfast.policy.vouched import Vouched, name_of, role_of

ROLES = {"ops": "operator", "desk": "approver", "all": "viewer"}


def vouched(**given: object) -> Vouched:
    return Vouched(**{"name": "ada@example.com", "words": (), "email": "ada@example.com"} | given)


@pytest.mark.parametrize(
    ("words", "role"),
    [
        (["all"], "viewer"),
        (["all", "desk"], "approver"),
        (["ops", "desk", "all"], "operator"),
        (["OPS", "desk"], "approver"),
    ],
)
def test_the_mightiest_role_counts(words: list[str], role: str) -> None:
    """Words are compared exactly."""
    assert role_of(vouched(words=words), ROLES, default=None) == role


def test_who_has_no_role_is_refused_or_has_the_default_one() -> None:
    """As the configuration says."""
    with pytest.raises(Forbidden, match="no role here"):
        role_of(vouched(words=["chess"]), ROLES, default=None)
    assert role_of(vouched(words=["chess"]), ROLES, default="viewer") == "viewer"


def test_an_address_leads_to_the_configured_name() -> None:
    """Groups are of people by name."""
    assert name_of(vouched(email="Ada@Example.com"), {"ada@example.com": "Ada"}) == "Ada"
    assert name_of(vouched(email=None), {"ada@example.com": "Ada"}) == "ada@example.com"


@pytest.mark.parametrize("name", ["ada@example.com", "eve"])
def test_an_unverified_address_is_nobodys(name: str) -> None:
    """Neither as a name nor as a way to one."""
    with pytest.raises(Forbidden, match="not verified"):
        name_of(vouched(name=name, email_verified=False), {"ada@example.com": "Ada"})


def test_an_unverified_address_that_means_nothing_harms_nobody() -> None:
    """Where the name is another claim, and nobody is configured with that address."""
    assert name_of(vouched(name="eve", email="eve@example.com", email_verified=False), {}) == "eve"
