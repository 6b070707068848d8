"""Which protocols a server speaks."""

import importlib.util
from importlib.machinery import ModuleSpec

import pytest

from holdfast import App
from holdfast.doors.http.protocols import protocol_routers


def test_without_the_extra_a2a_is_not_spoken(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    """And everything else is served as before."""
    find = importlib.util.find_spec

    def without(name: str, package: str | None = None) -> ModuleSpec | None:
        return None if name == "a2a" else find(name, package)

    app = App(database=f"{tmp_path}/holdfast.db")
    whole = len(protocol_routers(app))
    monkeypatch.setattr("holdfast.doors.http.protocols.find_spec", without)
    assert 0 < len(protocol_routers(app)) < whole
