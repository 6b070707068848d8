"""What came of a call, before it is recorded."""

import asyncio
import threading

import pytest

from holdfast.loop.outcome import LARGE_BYTES, redacted
from holdfast.tools.execute import Outcome
from holdfast.tools.result import present
from holdfast.trail.redact import Redactor

KEY = "sk-proj-" + "Ab1" * 10


class Watched(Redactor):
    """A redactor that remembers where it worked."""

    def content(self, content: bytes) -> bytes:
        searched_in.append(threading.current_thread())
        return super().content(content)


searched_in: list[threading.Thread] = []


def outcome(value: object) -> Outcome:
    shown = present(value)
    return Outcome(status="completed", content=shown.content, output=shown.output, blob=shown.blob)


@pytest.mark.parametrize("size", [LARGE_BYTES // 2, LARGE_BYTES * 2])
@pytest.mark.parametrize("tail", [b"", b"\x00\xff"])
def test_a_large_result_loses_its_secrets_and_keeps_the_event_loop_free(size: int, tail: bytes):
    """Text or not; what takes long is done in a thread, and the model is told the digest of what is stored."""
    searched_in.clear()
    clean = asyncio.run(redacted(outcome(b"x " * (size // 2) + KEY.encode() + tail), Watched()))
    assert clean.blob is not None
    assert clean.blob.content.endswith(b"[redacted:api_key]" + tail)
    assert clean.blob.digest in clean.content
    assert [thread is threading.main_thread() for thread in searched_in] == [size < LARGE_BYTES]
