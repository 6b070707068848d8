"""The unmodified JavaScript client of OpenAI drives agents."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.doors.http.live import Live

HERE = Path(__file__).parent
FOLDER = HERE.parents[3] / ".cache" / "openai"


def test_the_javascript_client_streams_polls_and_approves(live: Live) -> None:
    """In one process of Node: a stream, a request in the background, an approval, an error."""
    node = shutil.which("node")
    if node is None or not (FOLDER / "node_modules" / "openai").is_dir():
        if os.environ.get("HOLDFAST_TEST_ALL"):
            pytest.fail("needs Node 20 and tests/doors/http/openai/install.sh")
        pytest.skip("needs Node 20 and tests/doors/http/openai/install.sh")
    told = subprocess.run(
        [node, str(HERE / "drive.mjs"), str(FOLDER), f"{live.url}/v1/openai", live.keys["operator"]],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    seen = json.loads(told.stdout)
    assert seen["streamed"][0] == "response.created"
    assert seen["streamed"][-1] == "response.completed"
    assert "response.output_text.delta" in seen["streamed"]
    assert seen["first"] in {"queued", "in_progress", "completed"}
    assert seen["last"] == "completed"
    assert seen["text"].startswith("It is on its way")
    assert seen["paid"] == "done: paid 120"
    assert seen["refused"] == {"status": 404, "code": "model_not_found"}
