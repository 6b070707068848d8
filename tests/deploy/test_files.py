"""The files of deploy/ fit the program: its commands and options, ports, probes, settings and times."""

import asyncio
import re
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import httpx2
import pytest
import yaml

from deploy import healthy
from deploy.rehearse import ROOT, steps
from holdfast import App
from holdfast.config import Settings
from holdfast.doors.cli import build
from holdfast.doors.metrics_port import metrics_port

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
MANIFESTS = [
    (path.name, document)
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]
PODS = [
    (found["metadata"]["name"], found["spec"]["template"]["spec"])
    for _, found in MANIFESTS
    if "template" in found["spec"]
]
CONTAINERS = [(name, pod, container) for name, pod in PODS for container in pod["containers"]]
SERVICES: Mapping[str, Any] = {name: found for name, found in COMPOSE["services"].items() if name != "postgres"}


def of(word: str) -> list[str]:
    return [step.rest for step in steps(DOCKERFILE) if step.word == word]


def commands() -> Iterator[Sequence[str]]:
    yield yaml.safe_load(of("CMD")[0])
    yield from (service["command"] for service in SERVICES.values())
    yield from (container["args"] for _, _, container in CONTAINERS)
    yield from (line.split() for line in re.findall(r"run --rm serve (.+)", (DEPLOY / "compose.yaml").read_text()))


def settings() -> Iterator[tuple[str, str]]:
    for line in of("ENV"):
        yield from re.findall(r"(HOLDFAST_\w+)=(\S+)", line)
    for service in SERVICES.values():
        yield from ((name, value) for name, value in service["environment"].items() if name.startswith("HOLDFAST_"))
    for _, _, container in CONTAINERS:
        yield from ((one["name"], one.get("value", "postgresql://h/d")) for one in container["env"])


@pytest.mark.parametrize("command", list(commands()), ids=" ".join)
def test_every_command_and_option_exists(command: Sequence[str]):
    """What a manifest starts is what this version's command line takes."""
    build().parse_args(list(command), exit_on_error=False, print_error=False)


@pytest.mark.parametrize(("name", "value"), sorted(set(settings())))
def test_every_setting_exists_and_takes_its_value(name: str, value: str):
    """A variable that this version does not know would be set in vain."""
    field = name.removeprefix("HOLDFAST_").lower()
    assert field in Settings.model_fields
    Settings(**{field: re.sub(r"\$\{[^}]+\}", "secret", value)})


def test_the_image_is_pinned_small_and_not_root():
    """A base with a version and slim, versions from constraints.txt, a user of its own, a health check."""
    assert all(re.fullmatch(r"python:3\.\d+-slim-\w+( AS build)?", base) for base in of("FROM"))
    assert any("PIP_CONSTRAINT=/src/constraints.txt" in line for line in of("ENV"))
    assert of("USER") == ["10001:10001"]
    assert "healthy.py" in of("HEALTHCHECK")[0]
    assert not re.search(r"(?i)(password|secret|token|_key)\w*=", DOCKERFILE)


def test_what_the_image_copies_is_there_and_nothing_else_is_sent():
    """Everything is ignored but what is named, and secrets are not."""
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert ignored[0] == "*"
    for line in of("COPY"):
        for source in [word for word in line.split()[:-1] if not line.startswith("--from")]:
            path = source.replace("${APP}", "deploy/app")
            assert (ROOT / path).exists(), path
            assert f"!{path.split('/')[0]}" in ignored, path
    assert any(fnmatch("deploy/.env", pattern) for pattern in ignored[1:] if not pattern.startswith("!"))
    assert ".env" in (ROOT / ".gitignore").read_text().split()


def test_compose_is_reached_from_this_machine_alone_and_holds_no_password():
    """Ports are bound to loopback; the password comes from a file that is not committed."""
    ports = [port for service in COMPOSE["services"].values() for port in service.get("ports", [])]
    assert ports == ["127.0.0.1:8321:8321"]
    text = (DEPLOY / "compose.yaml").read_text()
    assert set(re.findall(r"(?:PASSWORD: |holdfast:)(\$\{\w+)", text)) == {"${POSTGRES_PASSWORD"}
    assert re.search(r"^POSTGRES_PASSWORD=$", (DEPLOY / "env.example").read_text(), re.MULTILINE)


def test_compose_migrates_once_and_before_the_rest():
    """Nobody serves or works before the tables are there."""
    assert SERVICES["migrate"]["restart"] == "no"
    for name in ("serve", "worker"):
        assert SERVICES[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
        assert SERVICES[name]["read_only"]
        assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert COMPOSE["services"]["postgres"]["volumes"][0].split(":")[0] in COMPOSE["volumes"]


def test_workers_are_given_their_grace():
    """Whoever ends a worker waits for longer than its turns get."""
    compose = SERVICES["worker"]
    assert int(compose["stop_grace_period"].removesuffix("s")) > int(compose["environment"]["HOLDFAST_GRACE_S"]) + 5
    pod = dict(PODS)["holdfast-worker"]
    given = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
    assert pod["terminationGracePeriodSeconds"] > int(given["HOLDFAST_GRACE_S"]) + 5
    assert dict(PODS)["holdfast-serve"]["terminationGracePeriodSeconds"] >= 15


@pytest.mark.parametrize(("pod", "container"), [(pod, container) for _, pod, container in CONTAINERS], ids=dict(PODS))
def test_pods_have_no_rights_and_no_secrets(pod: Mapping[str, Any], container: Mapping[str, Any]):
    """No root, no writing, no token of the cluster; the database's address by reference; resources are asked for."""
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == 10001
    assert pod["automountServiceAccountToken"] is False
    own = container["securityContext"]
    assert own["readOnlyRootFilesystem"]
    assert own["allowPrivilegeEscalation"] is False
    assert own["capabilities"] == {"drop": ["ALL"]}
    assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
    assert "memory" in container["resources"]["limits"]
    (database,) = [one for one in container["env"] if one["name"] == "HOLDFAST_DATABASE"]
    assert database["valueFrom"]["secretKeyRef"] == {"name": "holdfast", "key": "database"}


def test_services_and_budgets_choose_pods_that_there_are():
    """Each selector fits the labels of a deployment."""
    labels = [found["spec"]["template"]["metadata"]["labels"] for _, found in MANIFESTS if "template" in found["spec"]]
    for _, found in MANIFESTS:
        chosen = found["spec"].get("selector", {})
        wanted = chosen.get("matchLabels", chosen)
        assert any(wanted.items() <= of_pod.items() for of_pod in labels), found["kind"]


def probes(container: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [found["httpGet"] for name, found in container.items() if name.endswith("Probe")]


def test_probes_of_the_server_are_answered(tmp_path: Path):
    """At the port it listens at, by the name they send: an address of a pod would be refused."""
    (container,) = dict(PODS)["holdfast-serve"]["containers"]
    assert container["ports"][0]["containerPort"] == int(container["args"][-1])

    async def ask() -> list[int]:
        async with App(database=str(tmp_path / "trail.db")) as app:
            await app.list()
            transport = httpx2.ASGITransport(app=app)
            async with httpx2.AsyncClient(transport=transport, base_url="http://10.1.2.3:8321") as http:
                found = [
                    await http.get(one["path"], headers={h["name"]: h["value"] for h in one["httpHeaders"]})
                    for one in probes(container)
                ]
                assert (await http.get("/readyz")).status_code == 421
        return [answer.status_code for answer in found]

    assert asyncio.run(ask()) == [200, 200, 200]


def test_probes_of_a_worker_are_answered(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """At the metrics port, and by the image's own health check."""
    (container,) = dict(PODS)["holdfast-worker"]["containers"]
    assert str(container["ports"][0]["containerPort"]) in container["args"]

    async def ask() -> list[int]:
        async with App(database=str(tmp_path / "trail.db")) as app:
            await app.list()
            async with metrics_port(app, host="127.0.0.1", port=0) as url, httpx2.AsyncClient() as http:
                assert await asyncio.to_thread(healthy.main, url.rpartition(":")[2]) == 0
                return [(await http.get(f"{url}{one['path']}")).status_code for one in probes(container)]

    assert asyncio.run(ask()) == [200, 200, 200]
    assert healthy.main("1") == 1
    assert "ok" in capsys.readouterr().out
