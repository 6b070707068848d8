"""aimock, started once for each file of tests, and the environment that leads the real SDKs to it."""

from collections.abc import Iterator

import pytest

from tests.providers.aimock.server import Aimock, serving
from tests.providers.server import KEY


@pytest.fixture(scope="module")
def running_aimock() -> Iterator[Aimock]:
    """The server: half a second to start, so once for a file."""
    with serving() as aimock:
        yield aimock


@pytest.fixture
def aimock(running_aimock: Aimock, monkeypatch: pytest.MonkeyPatch) -> Aimock:
    """A misbehaving provider that `openai:`, `openai-chat:` and `anthropic:` models talk to."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{running_aimock.url}/v1")
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", running_aimock.url)
    return running_aimock
