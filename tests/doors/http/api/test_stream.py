"""Following an execution over a real connection: whole, resumable, bounded, and ended with the server."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.doors.http.options import HttpOptions
from tests.doors.http.api.served import Served


def serve(migrated: Path, folder: Path, **options) -> Served:
    path = shutil.copy(migrated, folder / "trail.db")
    return Served(str(path), HttpOptions(requests_per_minute=10_000_000, console=False, **options))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Served]:
    made = serve(migrated_file, tmp_path_factory.mktemp("stream"), streams_per_caller=3)
    yield made
    made.close()


def pending(served: Served) -> str:
    return served.run(served.app.start("helper", "?")).id


def test_a_stream_tells_an_execution_to_its_end(served: Served) -> None:
    """Each event with its number as id, live, then `end`, and the connection is given back."""
    execution = pending(served)
    stream = served.follow(f"/v1/executions/{execution}/events")
    (started,) = stream.events(1)
    served.run(served.app.resume(execution))
    told = list(stream.messages())
    assert stream.headers["content-type"] == "text/event-stream"
    assert started["kind"] == "execution.started"
    assert [int(one["id"]) for one in told if "id" in one] == list(range(2, len(told) + 1))
    assert told[-1]["event"].strip() == "end"


def test_a_client_that_comes_back_misses_nothing(served: Served) -> None:
    """`Last-Event-ID` goes on behind the last one it has seen."""
    execution = served.run(served.app.run("helper", "?"))
    stream = served.follow(f"/v1/executions/{execution.id}/events", last_event_id="3")
    assert [one["seq"] for one in stream.events(1_000)] == list(range(4, execution.last_seq + 1))
    assert served.follow(f"/v1/executions/{execution.id}/events", last_event_id="x").status == 422


def test_a_caller_has_so_many_streams_at_most(served: Served) -> None:
    """One more is 429; another caller has room, and closing one makes some."""
    path = f"/v1/executions/{pending(served)}/events"
    streams = [served.follow(path) for _ in range(3)]
    assert [len(stream.events(1)) for stream in streams] == [1, 1, 1]
    refused = served.follow(path)
    assert (refused.status, refused.headers["retry-after"]) == (429, "1")
    assert served.follow(path, key=served.other_key).status == 200
    streams[0].close()
    while served.follow(path).status == 429:  # until the server has noticed
        pass


def test_streams_end_when_the_server_stops(tmp_path: Path, migrated_file: Path) -> None:
    """They say `closing`, and the server is gone within its grace period."""
    own = serve(migrated_file, tmp_path)
    stream = own.follow(f"/v1/executions/{pending(own)}/events")
    stream.events(1)
    own.stop()
    assert [one["event"].strip() for one in stream.messages() if "event" in one] == ["closing"]
    own.close()
