"""aimock, a provider that misbehaves as it is told: a real HTTP server of another make, in a process of its own.

It speaks OpenAI's Chat Completions and Responses and Anthropic's Messages, and behaves by fixtures in JSON.
`tests/providers/aimock/install.sh` installs it, and `.ci/run` runs that.
"""

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import missing
from tests.providers.server import KEY

FOLDER = Path(__file__).parents[3] / ".cache" / "aimock"
LAUNCH = Path(__file__).with_name("launch.cjs")
INSTALL = "tests/providers/aimock/install.sh"


class Aimock:
    """The running server.

    Args:
        process: What serves.
    """

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.url = self._line()
        assert self.url.startswith("http://127.0.0.1:"), f"aimock did not start: {self.url!r}"

    def play(self, *behaviours: Mapping[str, object], **others: Mapping[str, object]) -> None:
        """Behave like this, one behaviour a request, the last one for ever. What happened before is forgotten.

        Args:
            behaviours: Fixtures without `match`, in aimock's own words.
            others: How models behave instead whose names begin so, always the same.
        """
        *first, last = behaviours
        fixtures = [one | {"match": {"model": MODELS[name]}} for name, one in others.items()]
        fixtures += [one | {"match": {"sequenceIndex": number}} for number, one in enumerate(first)]
        self._say([*fixtures, last | {"match": {}}])

    def received(self) -> Sequence[Mapping]:
        """The requests since `play`, with `path`, `body` and the `status` they were answered with.

        Not among them: one with a wrong key, and one whose client left before it was answered.
        """
        return self._say(None)

    def _say(self, fixtures: Sequence[Mapping[str, object]] | None) -> Sequence[Mapping]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(fixtures) + "\n")
        self._process.stdin.flush()
        return json.loads(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


MODELS = {"gpt": "gpt-5.2", "claude": "claude-sonnet-5"}


@contextmanager
def serving() -> Iterator[Aimock]:
    """Run the server for as long as the block lasts; where node or the package is missing the test is skipped."""
    node = shutil.which("node")
    if node is None:
        missing("node, 20 or newer,")
    if not (FOLDER / "node_modules" / "@copilotkit" / "aimock").is_dir():
        missing(f"aimock, which {INSTALL} installs,")
    command = [str(node), str(LAUNCH), str(FOLDER), KEY]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Aimock(process)
        finally:
            process.kill()
