"""`holdfast workers`, `workers drain`, `unpin`, and what `doctor` says of pins."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from holdfast.engine.clock import SystemClock, new_id
from holdfast.trail.redact import DEFAULT
from holdfast.trail.trail import Trail, open_trail
from holdfast.types import Offer
from tests.conformance.world import new_execution
from tests.doors.conftest import Cli

T = TypeVar("T")
WORKER = "box-1-4711-c2a9f0"


def on_record(cli: Cli, story: Callable[[Trail], Awaitable[T]]) -> T:
    async def opened() -> T:
        database = str(cli.folder / ".holdfast" / "holdfast.db")
        trail = await open_trail(database, clock=SystemClock(), new_id=new_id, redactor=DEFAULT)
        try:
            return await story(trail)
        finally:
            await trail.close()

    return asyncio.run(opened())


async def a_fleet(trail: Trail) -> str:
    """A worker that serves version 2 of an agent, and an execution that is pinned to version 1 of it."""
    offer = Offer(version="9.1", app_version="blue", serves={"payer": "2"}, capacity=8)
    await trail.register(WORKER, host="box-1 b p s", pid=4711, lease_s=600, offer=offer)
    return (await trail.start(new_execution(id=new_id(), agent_type="payer", pinned=True))).id


def test_a_worker_is_seen_and_drained_from_elsewhere(cli: Cli) -> None:
    """The next command sees that it drains: it is on record, with who and why."""
    assert cli("migrate").status == 0
    on_record(cli, a_fleet)
    told = cli("workers").out
    assert all(word in told for word in (WORKER, "payer 2", "9.1 (blue)", "nobody serves payer 1: 1 waiting"))
    assert "stops" in cli("workers", "drain", "c2a9f0", "--why", "the box goes").out
    worker, left = cli("workers", "--json").rows
    assert (worker["id"], worker["drains_since"] is not None, worker["capacity"]) == (WORKER, True, 8)
    assert (left["unserved"]["agent"], left["unserved"]["pinned_to"]) == ("payer", "1")
    (entry,) = [row for row in cli("audit", "--json").rows if row["kind"] == "worker.drained"]
    assert entry["data"]["why"] == "the box goes"
    assert "told before" in cli("workers", "drain", WORKER).out
    assert cli("workers", "drain", "nobody").status == 2


def test_doctor_names_what_is_pinned_elsewhere_and_unpin_lets_it_go(cli: Cli) -> None:
    """Before the deploy; afterwards nothing of it is left."""
    for name, version in (("old", 1), ("new", 2)):
        agent = f"Agent(name='payer', models=[lambda c: Final('x')], version='{version}', pinned=True)"
        (cli.folder / f"{name}.py").write_text(f"from holdfast import Agent, Final\na = {agent}\n")
    first, second = (cli("run", "old.py:a", "hi", "--no-wait").out.strip() for _ in range(2))
    told = cli("doctor", "new.py")
    assert "pinned to version 1, which is not this code's" in told.out
    assert "2 waiting" in told.out
    assert cli("unpin", first[-8:]).out == "1 execution goes on with any version of payer\n"
    assert cli("doctor", "new.py", "--json").row["execution_id"] == second
    assert cli("unpin", "payer", "--version", "1", "--json").row == {"agent": "payer", "unpinned": 1}
    assert "no waiting execution" in cli("doctor", "new.py").out
    assert "nothing of payer was pinned" in cli("unpin", "payer").err
