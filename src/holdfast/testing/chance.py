"""Finds where a workflow's own code asks the clock or chance: what a run again cannot come to twice."""

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterator
from typing import Final

_FLEETING: Final = {
    "datetime.now": "flow.now()",
    "datetime.utcnow": "flow.now()",
    "datetime.today": "flow.now()",
    "date.today": "flow.now().date()",
    "time.time": "flow.now()",
    "time.time_ns": "flow.now()",
    "time.monotonic": "flow.now()",
    "random.random": "flow.random()",
    "random.randint": "flow.random()",
    "random.choice": "flow.random()",
    "random.uniform": "flow.random()",
    "random.shuffle": "flow.random()",
    "uuid.uuid1": "a step",
    "uuid.uuid4": "a step, or the execution's id",
    "uuid4": "a step, or the execution's id",
    "secrets.token_hex": "a step",
    "secrets.token_urlsafe": "a step",
    "os.urandom": "a step",
}
"""Calls that are never the same twice, and what stands for them in a workflow."""


def calls_of_chance(function: Callable[..., object]) -> str | None:
    """Where the function's own code makes such a call, not that of functions it gives to steps; `None`: nowhere."""
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):  # made at run time: there is no code to read
        return None
    for call in _own_calls(tree.body[0]):
        spelled = ast.unparse(call.func)
        for name, instead in _FLEETING.items():
            if spelled == name or spelled.endswith(f".{name}"):
                line = first + call.lineno - 1
                return f"line {line} calls {spelled}(), which differs each time the code runs: use {instead}"
    return None


def _own_calls(node: ast.AST) -> Iterator[ast.Call]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _own_calls(child)
