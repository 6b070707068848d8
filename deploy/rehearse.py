"""Runs the very commands of the Dockerfile in a folder, where no Docker engine is: `python -m deploy.rehearse`.

Installs what the image would have, from the package index, and then migrates, serves, works and stops as the manifests
say. What it leaves out it names: making the user, and starting as it.
"""

import argparse
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import yaml

ROOT: Final = Path(__file__).parent.parent
_INSIDE: Final = re.compile(r"(?<![\w.])/(src|opt/holdfast|app)\b")
"""Places of the image, wherever a command names them."""
_LEFT_OUT: Final = ("groupadd", "USER")


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of a Dockerfile."""

    word: str
    rest: str


@dataclass(slots=True)
class Image:
    """A folder that stands for the image, with what the instructions so far have set."""

    folder: Path
    workdir: str = "/"
    env: dict[str, str] = field(default_factory=dict[str, str])
    args: dict[str, str] = field(default_factory=dict[str, str])
    entrypoint: list[str] = field(default_factory=list[str])
    command: list[str] = field(default_factory=list[str])
    health: list[str] = field(default_factory=list[str])

    def inside(self, text: str) -> str:
        """The same command with places of the image as places of the folder."""
        return _INSIDE.sub(lambda found: f"{self.folder}{found[0]}", text)

    def environment(self) -> dict[str, str]:
        """As a process in the image would have it, and no more of this machine's than a package index needs."""
        own = {name: value for name, value in os.environ.items() if name.startswith("PIP_") or name == "HOME"}
        path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin:/usr/bin:/bin"])
        set_here = {name: self.inside(value).replace("$PATH", path) for name, value in self.env.items()}
        return {"PATH": path, **own, **set_here}


def steps(text: str) -> Iterator[Step]:
    """The instructions of a Dockerfile, each on one line."""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        if line.strip() and not line.startswith("#"):
            word, _, rest = line.strip().partition(" ")
            yield Step(word, rest.strip())


def build(image: Image, text: str) -> None:
    """Do what each instruction says."""
    for step in steps(text):
        if step.word in _LEFT_OUT or any(word in step.rest for word in _LEFT_OUT):
            print(f"left out: {step.word} {step.rest}")
            continue
        print(f"{step.word} {step.rest}", flush=True)
        _do(image, step)


def _do(image: Image, step: Step) -> None:
    match step.word:
        case "WORKDIR":
            image.workdir = step.rest
            _at(image).mkdir(parents=True, exist_ok=True)
        case "ENV":
            image.env |= dict(word.split("=", 1) for word in shlex.split(step.rest))
        case "ARG":
            name, _, value = step.rest.partition("=")
            image.args[name] = value
        case "COPY":
            _copy(image, step.rest)
        case "RUN":
            words = ["/bin/sh", "-c", image.inside(step.rest)]
            subprocess.run(words, cwd=_at(image), env=image.environment(), check=True)
        case "HEALTHCHECK":
            image.health = _listed(step.rest.partition("CMD ")[2])
        case "ENTRYPOINT":
            image.entrypoint = _listed(step.rest)
        case "CMD":
            image.command = _listed(step.rest)
        case _:
            pass  # FROM and EXPOSE do nothing here


def _at(image: Image) -> Path:
    return Path(f"{image.folder}{image.workdir}")


def _copy(image: Image, rest: str) -> None:
    *sources, to = shlex.split(rest)
    if sources[0].startswith("--from="):
        return  # the stages share one folder: it is there
    target = Path(image.inside(to)) if to.startswith("/") else _at(image) / to
    for name in sources:
        source = ROOT / re.sub(r"\$\{(\w+)\}", lambda found: image.args[found[1]], name)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            into = target / source.name if to.endswith("/") else target
            into.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, into)


def _listed(text: str) -> list[str]:
    return [str(word) for word in yaml.safe_load(text)]


def free_port() -> str:
    """A port that nobody listens at now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return str(one.getsockname()[1])


def run(image: Image, command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start what the image would start with this command."""
    words = [*image.entrypoint, *command]
    words[0] = shutil.which(words[0], path=environment["PATH"]) or words[0]
    print("run:", " ".join(words), flush=True)
    return subprocess.Popen(words, cwd=_at(image), env=environment)


def serve_until_well(image: Image, command: Sequence[str], health: Sequence[str], *, port: str) -> None:
    """Start it, wait until the health check says yes, stop it with SIGTERM, and see that it ends well.

    Raises:
        SystemExit: It does not.
    """
    environment = image.environment() | {"HOLDFAST_DATABASE": str(image.folder / "app/image.db")}
    free = free_port()
    process = run(image, [free if word == port else word for word in command], environment)
    asks = [image.inside(free if word == port else word) for word in health]
    asks[0] = str(image.folder / "opt/holdfast/bin" / asks[0])
    deadline = time.monotonic() + 60
    try:
        while subprocess.run(asks, env=environment, check=False).returncode != 0:
            if time.monotonic() > deadline or process.poll() is not None:
                sys.exit(f"not well within a minute: {command}")
            time.sleep(0.5)
        process.send_signal(signal.SIGTERM)
        if (status := process.wait(45)) != 0:
            sys.exit(f"ended with {status}: {command}")
    finally:
        process.kill()


def main() -> int:
    """Build, then migrate, serve and work as compose.yaml says."""
    parser = argparse.ArgumentParser(prog="python -m deploy.rehearse", description=__doc__)
    parser.parse_args()
    compose = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
    with tempfile.TemporaryDirectory(prefix="holdfast-image-") as folder:
        image = Image(Path(folder))
        build(image, (ROOT / "deploy/Dockerfile").read_text())
        size = sum(path.stat().st_size for path in (image.folder / "opt").rglob("*") if path.is_file())
        print(f"what is installed takes {size / 1e6:.0f} MB")
        environment = image.environment() | {"HOLDFAST_DATABASE": str(image.folder / "app/image.db")}
        if run(image, compose["migrate"]["command"], environment).wait(60) != 0:
            return 1
        # The port is the default one: named, so that a free one can take its place.
        serve_until_well(image, [*compose["serve"]["command"], "--port", "8321"], image.health, port="8321")
        serve_until_well(image, compose["worker"]["command"], compose["worker"]["healthcheck"]["test"][1:], port="9464")
    print("the image's commands work: installed, migrated, served, worked, stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
