"""What an app says to a request that cannot work."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from holdfast import Agent, App
from holdfast.errors import DeclarationError, NotFound, UsageError
from holdfast.testing import Say, ScriptedModel

CLERK = Agent(name="clerk", models=[ScriptedModel([Say("hello")])])


@pytest.fixture
def app(tmp_path: Path) -> App:
    return App([CLERK], str(tmp_path / "trail.db"))


def play(app: App, story: Callable[[App], Awaitable[object]]) -> object:
    async def whole() -> object:
        async with app:
            return await asyncio.wait_for(story(app), 20)

    return asyncio.run(whole())


@pytest.mark.parametrize("given", [CLERK, "clerk", [len], 7])
def test_an_app_wants_a_list_of_agents(given: object):
    """What is none is refused where it is written, with what to write."""
    with pytest.raises(DeclarationError, match=r"list of agents.*App\(\["):
        App(given)  # type: ignore[arg-type]


def test_an_app_without_agents_says_so(tmp_path: Path):
    """It may look; asked to work, it names what is missing."""
    with pytest.raises(NotFound, match=r"App\(agents=\[\.\.\.\]\)"):
        App([], str(tmp_path / "trail.db")).run_sync("clerk", "Hello?")


def test_run_sync_in_an_event_loop_names_run(app: App):
    """In async code and notebooks the answer is to await."""

    async def story(app: App) -> None:
        with pytest.raises(UsageError, match=r"await app\.run"):
            app.run_sync("clerk", "Hello?")

    play(app, story)


def test_a_status_that_is_none_is_refused(app: App):
    """A typo does not look like an empty list."""

    async def story(app: App) -> None:
        with pytest.raises(UsageError, match=r"'done'.*completed"):
            await app.list(status="done")  # type: ignore[arg-type]
        with pytest.raises(UsageError, match=r"'yes'.*approved"):
            await app.approvals("yes")  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="limit=0"):
            await app.list(limit=0)

    play(app, story)


@pytest.mark.parametrize("slots", [0, -1, 1.5, True])
def test_a_worker_needs_a_slot(app: App, slots: int):
    """One that could never work is refused, rather than waiting for ever."""

    async def story(app: App) -> None:
        with pytest.raises(UsageError, match="concurrency="):
            async with app.worker(concurrency=slots):
                pass
        with pytest.raises(UsageError, match="concurrency="):
            await app.work(concurrency=slots)

    play(app, story)
