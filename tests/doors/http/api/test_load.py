"""A server under clients that are many, slow, large or do not read: it goes on answering, in bounded memory."""

import resource
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import httpx2
import psutil
import pytest

from holdfast.doors.http.options import HttpOptions
from tests.doors.http.api.served import Served, Stream, impatient

MANY = 1_000
MEBIBYTE = 1_048_576


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Served]:
    path = shutil.copy(migrated_file, tmp_path_factory.mktemp("load") / "trail.db")
    options = HttpOptions(
        requests_per_minute=10_000_000, console=False, streams=2_000, streams_per_caller=2_000, body_s=0.3
    )
    with impatient(head_s=0.3, take_s=0.3):
        made = Served(str(path), options)
        yield made
        made.close()


@pytest.fixture
def many_files() -> None:
    """Room for both ends of many connections."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * MANY + 500
    if most != resource.RLIM_INFINITY and most < wanted:
        pytest.skip(f"this machine allows {most} open files, and it takes {wanted}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if most == resource.RLIM_INFINITY else most, most))


def usual_s(served: Served, path: str) -> float:
    """Seconds that a request usually takes: the median, so that a busy machine counts little."""
    took: list[float] = []
    with httpx2.Client(base_url=f"http://127.0.0.1:{served.port}") as http:
        for _ in range(15):
            begun = time.perf_counter()
            assert http.get(path, headers={"authorization": f"Bearer {served.key}"}).status_code == 200
            took.append(time.perf_counter() - begun)
    return sorted(took)[7]


def is_cut(connection: socket.socket) -> bool:
    """Whether the server lets go of it; waits until it does."""
    with suppress(ConnectionError):
        while connection.recv(65_536):
            pass
    return True


def test_a_thousand_open_streams_leave_the_server_responsive(served: Served, many_files: None) -> None:
    """Others are answered meanwhile, each stream is told what happens, and memory stays bounded."""
    process = psutil.Process()
    shared, others = (served.run(served.app.start("payer", "?")).id for _ in range(2))
    before = process.memory_info().rss
    head = served.head(f"/v1/executions/{shared}/events", accept="text/event-stream")
    streams = [Stream(served.raw(head)) for _ in range(MANY)]
    for stream in streams:
        assert [event["seq"] for event in stream.events(1)] == [1]
    assert usual_s(served, f"/v1/executions/{others}") < 0.3
    begun = time.perf_counter()
    served.run(served.app.cancel(shared))
    for stream in streams:
        assert [event["kind"] for event in stream.events(10)] == ["execution.cancelled"]
    assert time.perf_counter() - begun < 10
    assert process.memory_info().rss - before < 150 * MEBIBYTE
    for stream in streams:
        stream.close()


def test_a_client_that_never_reads_is_cut_off(served: Served) -> None:
    """What it does not take is not piled up for it: the connection ends, and the stream's place is free."""
    execution = served.run(served.app.start("helper", "x" * 8 * MEBIBYTE)).id
    head = served.head(f"/v1/executions/{execution}/events", accept="text/event-stream")
    before = psutil.Process().memory_info().rss
    deaf = [served.raw(head, buffer=4_096) for _ in range(4)]
    for connection in deaf:
        with closing(connection):
            _wait_until_reset(connection)
    assert psutil.Process().memory_info().rss - before < 150 * MEBIBYTE
    assert usual_s(served, "/v1/approvals") < 0.3


def _wait_until_reset(connection: socket.socket) -> None:
    """Return when the server has cut it, without reading a byte."""
    while not connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
        time.sleep(0.01)  # nothing tells a client that does not read


def test_a_head_that_comes_drop_by_drop_is_cut_off(served: Served) -> None:
    """Also when the connection was good for a request before, and when nothing comes at all."""
    whole = served.head("/healthz")
    for sent in (b"", b"GET / HT", whole[:-2]):
        with closing(served.raw(sent)) as connection:
            assert is_cut(connection)
    with closing(served.raw(whole)) as connection:
        assert b" 200 " in connection.recv(65_536)
        connection.sendall(whole[:-2])
        assert is_cut(connection)


def test_a_body_that_comes_drop_by_drop_is_refused(served: Served) -> None:
    """408, and the connection ends."""
    head = served.head("/v1/executions", method="POST", content_type="application/json", content_length="100")
    with closing(served.raw(head + b'{"agent"')) as connection:
        answer = connection.makefile("rb").read()  # to the end of the connection
        assert b" 408 " in answer.partition(b"\r\n")[0]
        assert b'"code":"request_timeout"' in answer


def test_a_body_without_an_end_is_refused(served: Served) -> None:
    """Announced or not: 413 after the largest size, and no more of it is kept."""
    head = served.head("/v1/executions", method="POST", content_type="application/json", transfer_encoding="chunked")
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    with closing(served.raw(head)) as connection:
        with suppress(ConnectionError):
            for _ in range(64):
                connection.sendall(chunk)
        assert b" 413 " in connection.recv(65_536).partition(b"\r\n")[0]
    announced = served.head(
        "/v1/executions", method="POST", content_type="application/json", content_length="99999999999"
    )
    with closing(served.raw(announced)) as connection:
        assert b" 413 " in connection.recv(65_536).partition(b"\r\n")[0]
