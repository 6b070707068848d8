"""The dashboard and the alert rules ask for series and labels that there are, in a language that Prometheus reads."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.metrics.conftest import Exposed

DOCS = Path(__file__).parents[2] / "docs"
WORD = re.compile(r"[a-zA-Z_:][\w:]*")
STRING = re.compile(r'"[^"]*"')
SELECTOR = re.compile(r"(holdfast_\w+)\{([^}]*)\}")
KNOWN = frozenset(
    ["sum", "max", "min", "by", "on", "and", "or", "absent", "vector", "rate", "increase", "histogram_quantile"]
)  # what of PromQL these files use


def expressions() -> Iterator[tuple[str, str]]:
    for group in yaml.safe_load((DOCS / "monitoring/alerts.yml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule["alert"], rule["expr"]
    for panel in json.loads((DOCS / "monitoring/grafana.json").read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]


EXPRESSIONS = list(expressions())


def plain(expression: str) -> str:
    """Without strings, ranges and the dashboard's variables."""
    return re.sub(r"\[[^\]]*\]", "", STRING.sub('""', expression))


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS)
def test_every_series_that_is_asked_for_exists(exposed: Exposed, title: str, expression: str):
    """As the process exposes it, with the ending of its kind."""
    asked = set(re.findall(r"holdfast_\w+", expression))
    assert asked
    assert asked <= exposed.names


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS)
def test_every_label_that_is_asked_for_exists(exposed: Exposed, title: str, expression: str):
    """In selectors of its series, and in `by` of any series in the expression; Prometheus adds the instance."""
    for series, inside in SELECTOR.findall(STRING.sub('""', expression)):
        named = set(WORD.findall(inside))
        assert named <= exposed.labels.get(series, named)
    has = {"instance"}.union(*(exposed.labels.get(name, set()) for name in re.findall(r"holdfast_\w+", expression)))
    samples = all(exposed.labels.get(name) is not None for name in re.findall(r"holdfast_\w+", expression))
    grouped = {word for inside in re.findall(r"\b(?:by|on) \(([^)]*)\)", expression) for word in WORD.findall(inside)}
    assert not samples or grouped <= has


@pytest.mark.parametrize(("title", "expression"), EXPRESSIONS)
def test_expressions_are_whole(title: str, expression: str):
    """Brackets match, and no function or keyword is misspelled."""
    stack: list[str] = []
    for char in plain(expression):
        if char in "({":
            stack.append(char)
        elif char in ")}":
            assert stack.pop() == {")": "(", "}": "{"}[char]
    assert stack == []
    outside = re.sub(r"\{[^}]*\}|\b(by|on) \([^)]*\)", r"\1 ", plain(expression))
    words = {word for word in WORD.findall(outside) if not word.startswith("holdfast_")}
    assert words <= KNOWN


def test_every_series_is_documented(exposed: Exposed):
    """And nothing is documented that is not there."""
    page = (DOCS / "monitoring.md").read_text()
    told = set(re.findall(r"`(holdfast_\w+)`", page))
    names = {name for name in exposed.names if "holdfast" in name and not name.endswith("_created")}
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in names}
    assert told == families


def test_every_rule_says_what_to_do(exposed: Exposed):
    """Each alert has a severity and a summary; each panel a place of its own."""
    rules = yaml.safe_load((DOCS / "monitoring/alerts.yml").read_text())["groups"][0]["rules"]
    assert all(rule["labels"]["severity"] in {"warning", "critical"} for rule in rules)
    assert all(rule["annotations"]["summary"] for rule in rules)
    panels = json.loads((DOCS / "monitoring/grafana.json").read_text())["panels"]
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(places) == len(set(places)) == len({panel["id"] for panel in panels})
