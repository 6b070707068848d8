"""`holdfast prune`, and what every reader says of an execution that was pruned."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from holdfast import Agent, App, Say
from holdfast.config import Settings
from holdfast.config.retention import RetentionSettings
from holdfast.doors.cli import build
from holdfast.errors import Pruned, UsageError
from holdfast.trail.committed import Committed
from holdfast.types import PruneRule

clerk = Agent(name="clerk", models=[lambda _: Say("done")])


@pytest.fixture
def database(tmp_path: Path) -> str:
    return str(tmp_path / "trail.db")


def made(database: str) -> str:
    """An execution that has ended."""
    return App(agents=[clerk], database=database).run_sync(clerk, "hello", user="mia").id


def holdfast(*words: str) -> object:
    return build()(words, exit_on_error=False, print_error=False, result_action="return_value")


def test_a_program_has_to_say_yes(database: str, capsys: pytest.CaptureFixture[str]):
    """Without a terminal nothing is pruned that nobody agreed to; the message has the numbers."""
    made(database)
    with pytest.raises(UsageError, match=r"1 executions that ended before .* add --yes"):
        holdfast("prune", "--older-than", "0s", "--database", database)
    assert holdfast("prune", "--older-than", "0s", "--dry-run", "--json", "--database", database) == 0
    assert json.loads(capsys.readouterr().out)["would"]["executions"] == 1


def test_what_stays_is_shown_with_the_date(database: str, capsys: pytest.CaptureFixture[str]):
    """`show` says that it was pruned, and tells what is left; the rest refuses and says why."""
    old = made(database)
    assert holdfast("prune", "--older-than", "0s", "--keep-audit", "--yes", "--json", "--database", database) == 0
    done = json.loads(capsys.readouterr().out)
    assert (done["executions"], done["spared"]) == (1, 0)
    assert holdfast("show", old, "--database", database) == 0
    assert "what it read, said and did is gone" in capsys.readouterr().out
    with pytest.raises(Pruned, match="was pruned on 20"):
        holdfast("tail", old, "--database", database)
    assert holdfast("verify-audit", "--database", database) == 0
    assert "pruned 1" in capsys.readouterr().out


def test_a_file_is_made_smaller_on_request(database: str):
    """With --vacuum the free space goes back to the disk."""

    async def large() -> None:
        async with App(agents=[clerk], database=database) as app:
            for number in range(20):
                await app.run(clerk, f"{number}" * 10_000)

    asyncio.run(large())
    before = Path(database).stat().st_size
    assert holdfast("prune", "--older-than", "0s", "--yes", "--vacuum", "--database", database) == 0
    assert Path(database).stat().st_size < before


def test_an_app_tells_of_what_was_pruned(database: str):
    """Neither events nor a journal nor the execution itself is ever shown as empty."""
    old = made(database)

    async def story() -> None:
        async with App(agents=[clerk], database=database) as app:
            rule = PruneRule(before=app._parts.clock.now(), keep_audit=True)
            assert sum([step.executions async for step in app.control.prune(rule, by="ann")]) == 1
            for after in (0, 99):
                with pytest.raises(Pruned):
                    _ = [event async for event in app.events(old, after=after)]
                with pytest.raises(Pruned):
                    await app.journal(old, after=after, limit=10)
            assert [event.kind for event in await app.remains(old)] == ["journal.pruned"]

    asyncio.run(story())


def test_costs_and_figures_stay_where_the_audit_is_kept(database: str):
    """What models did in the past adds up to the same; without the audit the past shrinks."""
    made(database)

    async def story() -> None:
        async with App(agents=[clerk], database=database) as app:
            before = await app.control.costs(), await app.control.health_metrics()
            for keep_audit in (True, False):
                rule = PruneRule(before=app._parts.clock.now(), keep_audit=keep_audit)
                _ = [step async for step in app.control.prune(rule, by="ann")]
                after = await app.control.costs(), await app.control.health_metrics()
                assert (after == before) is keep_audit

    asyncio.run(story())


def test_a_worker_prunes_by_the_standing_rule(database: str):
    """What `[retention]` says happens as soon as a worker works."""
    old = made(database)
    with closing(sqlite3.connect(database)) as file, file:
        file.execute("UPDATE agent_executions SET completed_at = '2020-01-01T00:00:00.000000+00:00'")

    async def story() -> None:
        done, loop = asyncio.Event(), asyncio.get_running_loop()

        def heed(committed: Committed) -> None:
            if any(entry[0] == "executions.pruned" for ledger in committed.ledgers for entry in ledger.audits):
                loop.call_soon_threadsafe(done.set)

        settings = Settings(retention=RetentionSettings(everything_days=90))
        async with App(agents=[clerk], database=database, settings=settings) as app:
            (await app._open()).observers.add(heed)
            async with app.worker():
                await asyncio.wait_for(done.wait(), 30)
            with pytest.raises(Pruned):
                await app.get(old)

    asyncio.run(story())
