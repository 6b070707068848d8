"""Where a webhook is, found once and checked: nobody makes this server call its own network.

The address that was checked is the one that is connected to. A name that means another address a moment later gains
nothing.
"""

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit

_PORTS: Final = {"http": 80, "https": 443}
_RESOLVE_S: Final = 5


class Unreachable(ValueError):
    """An address that is not called; the message says why."""


class UnknownHost(Unreachable):
    """Nobody knows the name, now: it may be another time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A webhook's address, ready to be called."""

    url: str
    """With a number in the place of the name."""
    host: str
    """The name, for the header and the certificate."""
    header: str
    """As the header `Host` has it."""


async def resolved(url: str, *, private: bool) -> Place:
    """Where that address leads.

    Args:
        url: As a client gave it.
        private: Whether loopback and private networks may be called.

    Raises:
        Unreachable: It is no address for the web, its name is unknown, or it leads into a private network.
    """
    parts = _parts(url)
    host = parts.hostname or ""
    port = parts.port or _PORTS[parts.scheme]
    found = await _numbers(host, port)
    if not private:
        for number in found:
            _refuse_private(number, host)
    number = found[0]
    spelled = f"[{number}]" if isinstance(number, IPv6Address) else str(number)
    called = urlunsplit((parts.scheme, f"{spelled}:{port}", parts.path or "/", parts.query, ""))
    name = f"[{host}]" if ":" in host else host
    return Place(url=called, host=host, header=f"{name}:{parts.port}" if parts.port else name)


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        known = parts.port is None or parts.port > 0
    except ValueError as error:
        raise Unreachable("this is no address") from error
    if parts.scheme not in _PORTS or not parts.hostname or not known:
        raise Unreachable("give a whole address, beginning with https:// or http://")
    if parts.username is not None or parts.password is not None:
        raise Unreachable("credentials belong into `authentication`, not into the address")
    return parts


async def _numbers(host: str, port: int) -> list[IPv4Address | IPv6Address]:
    try:
        async with asyncio.timeout(_RESOLVE_S):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError, UnicodeError) as error:
        raise UnknownHost(f"nobody knows the host {host!r}") from error
    return [ip_address(str(address[0]).partition("%")[0]) for *_, address in found]


def _refuse_private(number: IPv4Address | IPv6Address, host: str) -> None:
    inner = number.ipv4_mapped or number.sixtofour or _nat64(number) if isinstance(number, IPv6Address) else None
    for one in (number, inner):
        # Not all that is no multicast and global is private by name: what is meant is the rest of the world.
        if one is not None and (not one.is_global or one.is_multicast or one.is_reserved):
            raise Unreachable(f"{host!r} leads into a private network, which is not called")


def _nat64(number: IPv6Address) -> IPv4Address | None:
    """The address of the old internet inside of a well-known prefix (RFC 6052)."""
    return IPv4Address(int(number) & 0xFFFFFFFF) if int(number) >> 32 == 0x0064FF9B << 64 else None
