"""The path through a workflow as a graph."""

import asyncio

from holdfast import App, Flow, workflow
from holdfast.teams.paths import Path, recorded_path
from holdfast.teams.workflow import Workflow


def fail() -> None:
    raise OSError("no line")


@workflow
async def onboard(flow: Flow, strict: bool) -> None:
    await flow.step("open", lambda: "A1", undo=lambda: None)
    await flow.parallel(flow.step("left", lambda: 1, effect="read"), flow.step("right", lambda: 2, effect="read"))
    if strict:
        await flow.approve("sign off", question="May it?")
    await flow.map("each", abs, [1, 2], effect="read")
    await flow.step("tell", fail, effect="read", retries=0)


def path_of(database: str, flow: Workflow[object], given: object) -> Path:
    async def whole() -> Path:
        async with App([flow], database) as app:
            ended = await app.run(flow, given, timeout_s=30)
            return recorded_path([event async for event in app.events(ended.id, follow=False)], flow)

    return asyncio.run(whole())


def test_a_path_has_states_branches_and_what_was_not_taken(sqlite_database: str) -> None:
    """Nodes with what became of them, edges in order, branches side by side, and what was skipped."""
    path = path_of(sqlite_database, onboard, False)
    states = {node.name: node.state for node in path.nodes}
    assert states == {
        "open": "undone", "left": "completed", "right": "completed", "each[0]": "completed", "each[1]": "completed",
        "tell": "failed", "undo open": "completed", "sign off": "not taken",
    }  # fmt: skip
    ways = {(edge.before, edge.after) for edge in path.edges if edge.taken}
    assert ways >= {
        ("open", "left"),
        ("open", "right"),
        ("left", "each[0]"),
        ("right", "each[1]"),
        ("open", "undo open"),
    }
    assert ("right", "sign off") in {(edge.before, edge.after) for edge in path.edges if not edge.taken}


def test_what_is_still_ahead_is_not_called_skipped(sqlite_database: str) -> None:
    """While people decide, the steps behind are not reached yet."""
    path = path_of(sqlite_database, onboard, True)
    states = {node.name: node.state for node in path.nodes}
    assert (states["sign off"], states["tell"]) == ("waiting", "not reached")
