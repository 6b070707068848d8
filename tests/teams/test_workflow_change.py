"""A workflow and its journal: what a deploy may change, and what it may not."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from holdfast import App, Context, Flow, Workflow, workflow
from holdfast.types import Execution


def work(name: str) -> str:
    done.append(name)
    return name


done: list[str] = []


async def play(database: str, *versions: Workflow[object]) -> list[Execution]:
    """The same execution under one version of its code after the other, a signal `go` before each but the first."""
    found: list[Execution] = []
    execution = ""
    for number, version in enumerate(versions):
        async with App([version], database) as app:
            if not execution:
                execution = (await app.start("onboard", None)).id
            else:
                await app.send(execution, "go")
            async with app.worker():
                if number == 0:
                    async for event in app.events(execution):
                        if event.kind == "execution.parked":
                            break
                else:
                    await app.wait(execution, 30)
            found.append(await app.get(execution))
    return found


def onboard(function: Callable[[Flow], Awaitable[object]]) -> Workflow[object]:
    done.clear()
    return workflow(name="onboard")(function)


async def first(flow: Flow) -> str:
    await flow.step("open", work, "open")
    await flow.wait_for("go")
    return await flow.step("close", work, "close")


async def with_an_end(flow: Flow) -> str:
    await flow.step("open", work, "open")
    await flow.wait_for("go")
    await flow.step("close", work, "close")
    return await flow.step("tell", work, "tell")


async def renamed(flow: Flow) -> str:
    await flow.step("open account", work, "open account")
    await flow.wait_for("go")
    return "renamed"


async def another_kind(flow: Flow) -> str:
    await flow.approve("open", question="May it?")
    await flow.wait_for("go")
    return "kind"


async def inserted(flow: Flow) -> str:
    flow.now()
    await flow.step("open", work, "open")
    await flow.wait_for("go")
    return "inserted"


async def in_parallel(flow: Flow) -> str:
    await flow.parallel(flow.step("new", work, "new"), flow.wait_for("go"))
    return "parallel"


async def shortened(flow: Flow) -> str:
    return await flow.step("open", work, "open")


def test_what_comes_later_may_change(sqlite_database: str) -> None:
    """Steps behind those that were begun are taken from the new code; finished ones are not done again."""
    _, ended = asyncio.run(play(sqlite_database, onboard(first), onboard(with_an_end)))
    assert (ended.status, ended.result, done) == ("completed", "tell", ["open", "close", "tell"])


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (renamed, "at place 0 the journal has step 'open', the code step 'open account'"),
        (another_kind, "at place 0 the journal has step 'open', the code approve 'open'"),
        (inserted, "at place 0 the journal has step 'open', the code flow.now()"),
        (in_parallel, "at place 0 the journal has step 'open', the code steps in parallel"),
        (shortened, "the journal has wait_for 'go' at place 1; the code does not come to it"),
    ],
)
def test_what_was_begun_may_not_change(
    sqlite_database: str, changed: Callable[[Flow], Awaitable[object]], words: str
) -> None:
    """Code that does not match the journal stops before it does anything, and people see both."""

    async def story() -> None:
        _, stopped = await play(sqlite_database, onboard(first), onboard(changed))
        assert (stopped.status, stopped.status_reason, done) == ("awaiting_review", "WORKFLOW_CHANGED", ["open"])
        async with App([onboard(changed)], sqlite_database) as app:
            (asked,) = await app.approvals()
            assert (asked.kind, words in asked.reason) == ("change", True)
            await app.decide(asked.id, "reject", by="ada")
            ended = await app.resume(stopped.id, timeout_s=30)
        assert (ended.status, ended.status_reason) == ("failed", "WORKFLOW_CHANGED")
        assert words in str(ended.error)

    asyncio.run(story())


def test_people_may_let_changed_code_go_on(sqlite_database: str) -> None:
    """Steps are then known by their names: finished ones keep their results, the others are done."""

    async def story() -> None:
        _, stopped = await play(sqlite_database, onboard(first), onboard(in_parallel))
        async with App([onboard(in_parallel)], sqlite_database) as app:
            (asked,) = await app.approvals()
            await app.decide(asked.id, "approve", by="ada")
            ended = await app.resume(stopped.id, timeout_s=30)
        assert (ended.status, ended.result, done) == ("completed", "parallel", ["new"])

    asyncio.run(story())


def test_a_retry_does_the_failed_step_and_what_was_undone_anew(sqlite_database: str) -> None:
    """Finished steps that were not undone keep their results; an undone one runs again, under another key."""
    keys: list[str] = []
    broken = [True]

    def opened(ctx: Context) -> str:
        keys.append(ctx.idempotency_key.rpartition(":")[2])
        return work("open")

    def tell() -> str:
        if broken:
            raise OSError("no line")
        return work("tell")

    async def flow_of(flow: Flow) -> str:
        await flow.step("read", work, "read", effect="read")
        await flow.step("open", opened, undo=lambda: work("close"))
        return await flow.step("tell", tell, effect="read", retries=0)

    async def story() -> None:
        async with App([onboard(flow_of)], sqlite_database) as app:
            failed = await app.run("onboard", None, timeout_s=30)
            assert failed.status == "failed"
            broken.clear()
            await app.retry(failed.id, by="ada")
            ended = await app.resume(failed.id, timeout_s=30)
        assert (ended.status, done) == ("completed", ["read", "open", "close", "open", "tell"])
        assert keys == ["open", "open#2"]

    asyncio.run(story())
