"""The path of an execution through its workflow as a graph: from its journal, and from the code what else there was."""

import ast
import inspect
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias, cast

from pydantic_core import to_json

from holdfast.teams.workflow import Workflow
from holdfast.trail import events as kinds
from holdfast.types import Event, Json, Status

State = Literal[
    "pending", "running", "waiting", "in_doubt", "completed", "failed", "cancelled", "undone", "replaced",
    "not reached", "not taken",
]  # fmt: skip
"""`waiting` is for people; what waits for time, a signal or its turn is `pending`."""
AHEAD: Final[frozenset[State]] = frozenset({"not reached", "not taken", "replaced"})
"""What did not happen, and may not."""
Data: TypeAlias = Mapping[str, Any]
_AT_FIRST: Final[Mapping[str, State]] = {"approve": "waiting", "sleep": "pending", "wait": "pending"}
"""State of a step that has begun; of every other kind it is running."""
_CALLS: Final = {
    "step": "step",
    "agent": "agent",
    "approve": "approve",
    "sleep": "sleep",
    "wait_for": "wait",
    "map": "map",
}
"""Methods of a flow that make steps, and the kinds of these."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One step."""

    name: str
    kind: str
    """`step`, `agent`, `approve`, `sleep`, `wait`, `undo`; of one that is known from the code alone perhaps `map`."""
    state: State
    at: str | None
    """Its place: `2.0.1` stands in the first branch of what stood third. `None`: it was not come to, or it undoes."""
    does: str = ""
    """Who does it: the agent or tool; the signal that is waited for."""
    about: str = ""
    """A result, an error or what it waits for, in few words."""
    child: str | None = None
    """The execution that an agent's step is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """What follows what, by name."""

    before: str
    after: str
    taken: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """Steps in order, and what follows what."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


def recorded_path(events: Sequence[Event], workflow: Workflow[object] | None = None) -> Path:
    """The path that a journal tells of.

    Args:
        events: Of one execution, from its beginning.
        workflow: Its declaration, for steps that the code has and the journal not. Default: the journal alone.
    """
    nodes = _nodes(events)
    edges = [*_line(nodes, ""), *_undos(nodes)]
    if workflow is not None:
        ended = any(event.kind in {kinds.COMPLETED, kinds.FAILED, kinds.CANCELLED} for event in events)
        further, ways = _not_taken(nodes, steps_in_code(workflow), "not taken" if ended else "not reached")
        nodes |= further
        edges += ways
    return Path(nodes=tuple(nodes.values()), edges=tuple(edges))


def steps_in_code(workflow: Workflow[object]) -> Sequence[tuple[str, str]]:
    """Kind and name of the steps whose names stand in the workflow's own code, in the order of the lines."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(workflow.function)))
    except (OSError, TypeError, SyntaxError):  # made at run time: there is no code to read
        return ()
    found = [(call.lineno, call.col_offset, *step) for call in _calls(tree) if (step := _step(call))]
    return list(dict.fromkeys((kind, name) for _, _, kind, name in sorted(found)))


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _step(call: ast.Call) -> tuple[str, str] | None:
    method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    if method not in _CALLS:
        return None
    named = next((key.value for key in call.keywords if key.arg == "name"), call.args[0] if call.args else None)
    if not isinstance(named, ast.Constant) or not isinstance(named.value, str):
        return None
    return _CALLS[method], named.value


def _nodes(events: Sequence[Event]) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    by_call: dict[str, str] = {}
    for event in events:
        data = cast("Data", event.data)
        match event.kind:
            case kinds.STEP_STARTED:
                by_call[data["call_id"]] = data["name"]
                nodes[data["name"]] = _begun(data)
            case kinds.STEP_ENDED:
                nodes[data["name"]] = _ended(nodes[data["name"]], data)
                if data["kind"] == "undo" and data["status"] == "completed":
                    _undone(nodes, data["name"])
            case kinds.CHILD_STARTED if data["call_id"] in by_call:
                name = by_call[data["call_id"]]
                nodes[name] = replace(nodes[name], child=data["child_id"])
            case _:
                pass
    return nodes


def _begun(data: Data) -> Node:
    kind, until = str(data["kind"]), data.get("until")
    return Node(
        name=data["name"],
        kind=kind,
        state=_AT_FIRST.get(kind, "running"),
        at=None if kind == "undo" else str(data["at"]),
        does=str(data.get("agent") or data.get("signal") or ""),
        about=f"until {until[:16].replace('T', ' ')}" if until else "",
    )


def _ended(node: Node, data: Data) -> Node:
    if data.get("check"):
        return replace(node, state="failed", about=brief(data["check"]))
    match data["status"]:
        case "completed" if node.kind == "approve":
            result = cast("Data", data["result"])
            said = "approved" if result["approved"] else "refused"
            by = f" by {result['by']}" if result["by"] else ", nobody answered"
            return replace(node, state="completed", about=said + by)
        case "completed":
            return replace(node, state="completed", about=brief(data["result"]))
        case "failed":
            return replace(node, state="failed", about=brief(data["error"]))
        case "in_doubt":
            return replace(node, state="in_doubt", about=brief(data["error"]))
        case _:
            return replace(node, state="pending", about="tried again later")


def _undone(nodes: dict[str, Node], name: str) -> None:
    done = name.removeprefix("undo ")
    if done in nodes:
        nodes[done] = replace(nodes[done], state="undone")


def brief(value: Json) -> str:
    """A result or an error in few words."""
    text = "" if value is None else _flat(value)
    text = " ".join(text[:400].split())
    return text if len(text) <= 80 else f"{text[:79]}…"


def _flat(value: Json) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Mapping) and value:
        return ", ".join(f"{name}: {_flat(item)}" for name, item in value.items())
    return to_json(value).decode()


def in_order(path: Path) -> Sequence[Node]:
    """The nodes, each behind all that come before it, else in the order that they have."""
    left = {node.name: node for node in path.nodes}
    before: dict[str, set[str]] = {name: set() for name in left}
    for edge in path.edges:
        if edge.before in left and edge.after in left:
            before[edge.after].add(edge.before)
    found: list[Node] = []
    while left:
        # A circle cannot be: if there is one all the same, its first node goes on.
        name = next((name for name in left if not before[name] & left.keys()), next(iter(left)))
        found.append(left.pop(name))
    return found


def direct(path: Path) -> Sequence[Edge]:
    """The edges without those that other ways through the graph say already."""
    after: dict[str, set[str]] = {}
    for edge in path.edges:
        after.setdefault(edge.before, set()).add(edge.after)
    return [edge for edge in path.edges if not _by_others(edge, after)]


def _by_others(edge: Edge, after: Mapping[str, set[str]]) -> bool:
    ahead, seen = [name for name in after[edge.before] if name != edge.after], set[str]()
    while ahead:
        name = ahead.pop()
        if name == edge.after:
            return True
        if name not in seen and name != edge.before:
            seen.add(name)
            ahead += after.get(name, ())
    return False


def with_children(path: Path, children: Mapping[str, Status]) -> Path:
    """The path, where an agent's step stands as its child execution does now.

    Args:
        path: As the parent's journal tells it.
        children: Status of each child by its id.
    """
    return replace(path, nodes=tuple(_as_child(node, children.get(node.child or "")) for node in path.nodes))


def _as_child(node: Node, status: Status | None) -> Node:
    if node.state != "running" or status not in {"awaiting_review", "cancelled"}:
        return node
    return replace(node, state="waiting" if status == "awaiting_review" else "cancelled")


# --- what follows what


def _line(nodes: Mapping[str, Node], prefix: str) -> list[Edge]:
    edges, _, _ = _walk({node.at: name for name, node in nodes.items() if node.at is not None}, prefix)
    return edges


def _walk(places: Mapping[str, str], prefix: str) -> tuple[list[Edge], list[str], list[str]]:
    """The edges of one branch, what it begins with, and what it ends with."""
    edges: list[Edge] = []
    first: list[str] = []
    last: list[str] = []
    for number in _numbers(places, prefix):
        inside, begins, ends = _stand(places, f"{prefix}{number}")
        edges += inside
        edges += [Edge(before=before, after=after) for before in last for after in begins]
        first, last = first or begins, ends or last
    return edges, first, last


def _stand(places: Mapping[str, str], place: str) -> tuple[list[Edge], list[str], list[str]]:
    """What stands at one place: a step, or branches side by side."""
    if place in places:
        return [], [places[place]], [places[place]]
    walks = [_walk(places, f"{place}.{branch}.") for branch in _numbers(places, f"{place}.")]
    return (
        [edge for edges, _, _ in walks for edge in edges],
        [name for _, begins, _ in walks for name in begins],
        [name for _, _, ends in walks for name in ends],
    )


def _numbers(places: Mapping[str, str], prefix: str) -> list[int]:
    below = (place[len(prefix) :] for place in places if place.startswith(prefix))
    return sorted({int(rest.split(".")[0]) for rest in below})


def _undos(nodes: Mapping[str, Node]) -> list[Edge]:
    undos = [name for name, node in nodes.items() if node.kind == "undo"]
    return [
        Edge(before=name.removeprefix("undo "), after=name) for name in undos if name.removeprefix("undo ") in nodes
    ]


def _not_taken(
    nodes: Mapping[str, Node], code: Sequence[tuple[str, str]], state: State
) -> tuple[dict[str, Node], list[Edge]]:
    """Steps of the code that were not come to, each behind the step that stands before it in the code."""
    further: dict[str, Node] = {}
    edges: list[Edge] = []
    before: list[str] = []
    for kind, name in code:
        known = [name] if name in nodes else [one for one in nodes if one.startswith(f"{name}[")]
        if not known:
            further[name] = Node(name=name, kind=kind, state=state, at=None)
            edges += [Edge(before=one, after=name, taken=False) for one in before]
            known = [name]
        before = known
    return further, edges
