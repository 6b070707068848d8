"""The OpenAPI document is what the server does: whatever is sent, it answers as documented, and never with a 5xx."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from holdfast.doors.http.options import HttpOptions
from tests.doors.http.api.served import Served


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory, migrated_file: Path) -> Iterator[Served]:
    path = shutil.copy(migrated_file, tmp_path_factory.mktemp("document") / "trail.db")
    made = Served(str(path), HttpOptions(requests_per_minute=10_000_000, console=False))
    yield made
    made.close()


@pytest.fixture(scope="module")
def document(served: Served) -> dict[str, Any]:
    """The document, with ids of what there is, so that requests reach more than 404."""
    found = httpx2.get(f"http://127.0.0.1:{served.port}/openapi.json").json()
    done = [served.run(served.app.run(agent, "?", user="ann", thread="a")) for agent in ("helper", "payer", "failer")]
    (approval,) = served.run(served.app.approvals())
    known = {"executions": [one.id for one in done], "approvals": [approval.id], "threads": ["a"]}
    ours = ("/v1/", "/healthz", "/readyz", "/metrics")
    others = "/v1/openai/"  # another's protocol, with answers of its own
    paths = found["paths"].items()
    found["paths"] = {path: one for path, one in paths if path.startswith(ours) and not path.startswith(others)}
    for path, operations in found["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                noun = path.split("/")[2] if path.startswith("/v1/") else ""
                if parameter["name"] == "id" and noun in known:
                    parameter["schema"] = {"enum": [*known[noun], "none"]}
    return found


# What fits the schema may still not work: two idempotency keys, a budget of two units, an answer to no question.
EXCLUDED = [positive_data_acceptance]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.value)
def test_every_answer_is_documented(document: dict[str, Any], served: Served, mode: GenerationMode) -> None:
    """Requests that fit the document and such that do not: no 5xx, no other status, type or body than it says."""
    # Each request brings our key, so schemathesis is not to make up others: that is what the next test does.
    open_to_all = {
        path: {verb: {**one, "security": []} for verb, one in of.items()} for path, of in document["paths"].items()
    }
    schema = schemathesis.openapi.from_dict({**document, "paths": open_to_all})
    schema.config.update(base_url=f"http://127.0.0.1:{served.port}")
    wrong: list[str] = []
    for operation in (found.ok() for found in schema.get_all_operations()):
        strategy = operation.as_strategy(generation_mode=mode)
        try:
            _fuzz(strategy, served)
        except Unsatisfiable:
            continue  # it takes nothing that could be wrong
        except BaseExceptionGroup as failed:  # one operation's fault hides no other's
            wrong += [f"{operation.label}: {one}" for one in failed.exceptions]
    assert wrong == []


def _fuzz(strategy: Any, served: Served) -> None:
    @given(case=strategy)
    @settings(
        max_examples=5,
        phases=[Phase.generate],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    def check(case: schemathesis.Case) -> None:
        key = {"authorization": f"Bearer {served.key}"}
        case.call_and_validate(headers=key, timeout=20, excluded_checks=EXCLUDED)

    check()


def test_every_path_of_the_api_wants_a_key(document: dict[str, Any], served: Served) -> None:
    """Without one each answers 401, whatever is sent."""
    with httpx2.Client(base_url=f"http://127.0.0.1:{served.port}") as http:
        found = {
            (method, path): http.request(method, path.replace("{digest}", "0" * 64)).status_code
            for path, operations in document["paths"].items()
            for method in operations
            if path.startswith("/v1/")
        }
    assert len(found) > 40
    assert set(found.values()) == {401}


def test_every_operation_is_explained(document: dict[str, Any]) -> None:
    """Each has a name, a summary, a description and a noun; what it takes has examples or descriptions."""
    operations = [one for paths in document["paths"].values() for one in paths.values()]
    names = [one["operationId"] for one in operations]
    assert len(set(names)) == len(names)
    assert all(one["summary"] and one["description"] and one["tags"] for one in operations)
    nouns = {tag["name"] for tag in document["tags"]}
    assert {tag for one in operations for tag in one["tags"]} <= nouns
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
