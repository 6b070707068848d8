"""A provider on the loopback interface, and the environment that leads the real SDKs to it."""

from collections.abc import Iterator

import pytest

from tests.providers.server import KEY, Provider


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    """A misbehaving provider that `openai:`, `openai-chat:` and `anthropic:` models talk to."""
    with Provider().serving() as provider:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", f"{provider.url}/v1")
        monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
        monkeypatch.setenv("ANTHROPIC_BASE_URL", provider.url)
        yield provider
