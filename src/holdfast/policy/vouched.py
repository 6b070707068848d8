"""Who somebody is here whom an identity provider vouches for. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from holdfast.errors import Forbidden
from holdfast.types import Role

_MIGHTIEST_FIRST: Final[Sequence[Role]] = ("admin", "operator", "approver", "runner", "viewer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Vouched:
    """What the provider says of somebody."""

    name: str
    words: Sequence[str]
    """Of the claim that roles are read from."""
    email: str | None = None
    email_verified: bool = True
    """`False` only where the provider says so."""


def role_of(vouched: Vouched, roles: Mapping[str, Role], *, default: Role | None) -> Role:
    """The mightiest of the roles that somebody's words stand for.

    Raises:
        Forbidden: None, and there is no default.
    """
    granted = {roles[word] for word in vouched.words if word in roles}
    for role in _MIGHTIEST_FIRST:
        if role in granted:
            return role
    if default is None:
        raise Forbidden(f"{vouched.name} has no role here: ask whoever runs this for one")
    return default


def name_of(vouched: Vouched, addresses: Mapping[str, str]) -> str:
    """How the record calls somebody: as the configuration does, if it knows their address.

    Args:
        vouched: Who.
        addresses: Names of people by address, in small letters.

    Raises:
        Forbidden: They claim an address that the provider has not verified.
    """
    address = (vouched.email or "").lower()
    if address and not vouched.email_verified and address in {vouched.name.lower(), *addresses}:
        raise Forbidden("the identity provider has not verified your address: verify it there first")
    return addresses.get(address, vouched.name)
