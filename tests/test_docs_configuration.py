"""The configuration that the docs show is one that works."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from holdfast.config import Settings
from tests.test_docs import PAGES, blocks, name_of

SECRETS = {
    "xoxb-...": "xoxb-1",
    "4711:AA...": "4711:AA",
    "whsec_...": "whsec_" + "YWFh" * 11,
    '"..."': f'"{"s" * 40}"',
}
"""What a reader puts in the place of dots."""


def shown(page: Path) -> dict[str, Any]:
    """What every TOML block of a page sets."""
    given: dict[str, Any] = {}
    for block in blocks(page):
        text = block.code if block.info == "toml" else ""
        for dots, secret in SECRETS.items():
            text = text.replace(dots, secret)
        given |= tomllib.loads(text)
    return given


@pytest.mark.parametrize("page", [page for page in PAGES if shown(page)], ids=name_of)
def test_the_configuration_of_a_page_can_be_loaded(page: Path) -> None:
    """A reader who copies it, with their own secrets, is not told that it cannot work."""
    Settings(**shown(page))
