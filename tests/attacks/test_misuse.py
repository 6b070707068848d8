"""Misuse of the API: each gets an error that names the fix, at once."""

import asyncio
from pathlib import Path

import pytest

from holdfast import Agent, App, Limits, Say
from holdfast.errors import DeclarationError, NotFound, UsageError
from holdfast.testing import ScriptedModel
from tests.attacks.test_messages_stay_valid import play


def app_at(path: Path) -> App:
    return App([Agent(name="clerk", models=[ScriptedModel([Say("done")])])], str(path / "holdfast.db"))


@pytest.mark.parametrize(
    "options",
    [
        {"limits": Limits(tokens="many")}, {"limits": Limits(cost_usd=float("nan"))}, {"limits": {"steps": 3}},
        {"limits": Limits(steps=-1)}, {"limits": Limits(step_timeout_s=-1)}, {"instructions": None}, {"name": 5},
        {"on_failure": "panic"}, {"max_output_tokens": 0}, {"corrections": -1}, {"context_window": 0},
        {"models": "openai:gpt-5.2"},
    ],
)  # fmt: skip
def test_a_value_that_cannot_work_is_refused_where_it_is_declared(options: dict[str, object]) -> None:
    """Not by each execution, again and again."""
    with pytest.raises(DeclarationError):
        Agent(**{"name": "clerk", "models": [ScriptedModel([Say("done")])], **options})


@pytest.mark.parametrize(
    "options", [{"user": 5}, {"thread": 5}, {"idempotency_key": 5}, {"priority": "high"}, {"priority": 10**30}]
)
def test_a_request_of_wrong_types_is_refused(tmp_path: Path, options: dict[str, object]) -> None:
    """Nothing is stored."""

    async def story(app: App) -> int:
        with pytest.raises(UsageError):
            await app.start("clerk", "go", **options)
        return len(await app.list())

    assert play(app_at(tmp_path), story) == 0


def test_listening_to_nothing_is_told(tmp_path: Path) -> None:
    """The words of an execution that does not exist end at once, with the reason."""

    async def story(app: App) -> None:
        with pytest.raises(NotFound):
            async for _ in app.tokens("nope"):
                pass

    play(app_at(tmp_path), lambda app: asyncio.wait_for(story(app), 10))
