"""Where webhooks may be: the world, not this machine's neighbours."""

import asyncio

import pytest

from holdfast.doors.http.a2a.address import Unreachable, resolved


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://localhost:8321/v1/keys",
        "http://[::1]/",
        "http://10.1.2.3/",
        "http://192.168.0.1/",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/",
        "http://0.0.0.0/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://224.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
    ],
)
def test_private_places_are_not_called(url: str) -> None:
    """However the number is spelled."""
    with pytest.raises(Unreachable):
        asyncio.run(resolved(url, private=False))


@pytest.mark.parametrize(
    "url",
    ["", "ftp://example.com", "file:///etc/passwd", "https://", "http://a:b@8.8.8.8/", "http://8.8.8.8:0/", "//x"],
)
def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    """With words that say what would be one."""
    with pytest.raises(Unreachable):
        asyncio.run(resolved(url, private=True))


def test_the_address_that_was_checked_is_the_one_that_is_called() -> None:
    """A name that means another place a moment later gains nothing; the server still learns its name."""
    place = asyncio.run(resolved("https://8.8.8.8/told?x=1", private=False))
    assert (place.url, place.host, place.header) == ("https://8.8.8.8:443/told?x=1", "8.8.8.8", "8.8.8.8")
    named = asyncio.run(resolved("http://localhost:81/told", private=True))
    assert named.header == "localhost:81"
    assert named.url in {"http://127.0.0.1:81/told", "http://[::1]:81/told"}
