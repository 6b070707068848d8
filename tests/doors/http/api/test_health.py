"""Whether a server is well, without a key and without a word about the work."""

from pathlib import Path

import pytest

from holdfast.doors.http.options import HttpOptions
from holdfast.errors import StoreUnavailable
from tests.doors.http.api.conftest import Api, opened


def test_a_server_is_alive_and_ready(api: Api) -> None:
    """Both answer without a key; readiness counts the workers."""

    async def with_worker() -> int:
        async with api.app.worker(concurrency=1):
            await api.app.run("helper", "?")  # by then it has registered
            return (await api.called("GET", "/readyz", as_=None)).json()["workers"]

    assert api.get("/healthz", as_=None).json() == {"status": "ok", "detail": "writing"}
    assert api.get("/readyz", as_=None).json() == {"ready": True, "reasons": [], "workers": 0}
    assert api.run(with_worker()) == 1


def test_a_server_without_its_database_is_not_ready(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """503, and why; where the database is stays inside."""

    async def away() -> None:
        raise StoreUnavailable("connection to 10.1.2.3 refused")

    monkeypatch.setattr(api.app._parts, "trail", away)
    answer = api.get("/readyz", as_=None)
    assert (answer.status_code, answer.json()["reasons"]) == (503, ["the database is away"])


def test_a_server_with_tables_of_another_version_is_not_ready(sqlite_database: str) -> None:
    """Somebody migrated under it: it says what to do."""
    import sqlite3

    for api in opened(sqlite_database):
        for version, words in (("0001", "run holdfast migrate"), ("9999", "upgrade")):
            with sqlite3.connect(sqlite_database) as connection:
                connection.execute("UPDATE agent_schema SET version_num = ?", (version,))
            connection.close()
            answer = api.get("/readyz", as_=None)
            assert answer.status_code == 503
            assert words in answer.json()["reasons"][0]


def test_metrics_want_a_key_unless_they_are_open(api: Api, tmp_path: Path) -> None:
    """Prometheus brings one as any program does, or the server was started so that it need not."""
    assert api.get("/metrics", as_=None).status_code == 401
    assert api.get("/metrics", as_="viewer").headers["content-type"].startswith("text/plain")
    for free in opened(str(tmp_path / "open.db"), HttpOptions(metrics_open=True)):
        assert b"holdfast" in free.get("/metrics", as_=None).content
