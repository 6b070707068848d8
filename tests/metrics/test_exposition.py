"""What Prometheus is told: numbers that happened, labels that are bounded, and an answer at all times."""

import asyncio

import pytest

from holdfast import App
from holdfast.trail.metrics import exposition
from holdfast.types import Rate
from tests.metrics.conftest import BUSY, Exposed, a_day, clerk, play, scrape


def test_executions_are_counted_by_status_and_agent(exposed: Exposed):
    """Live ones as they stand, ended ones ever."""
    assert exposed.value("holdfast_executions", agent="clerk", status="pending") == 1
    assert exposed.value("holdfast_executions", agent="payer", status="awaiting_review") == 1
    assert exposed.value("holdfast_executions_ended_total", agent="clerk", status="completed") == 1
    assert exposed.value("holdfast_execution_seconds_count", agent="clerk", status="completed") == 1
    assert exposed.value("holdfast_queue_depth", agent="clerk") == 1


def test_tools_are_counted_by_outcome(exposed: Exposed):
    """What completed, what failed, and how long what ran took."""
    assert exposed.value("holdfast_tool_calls_total", tool="find", outcome="completed") == 1
    assert exposed.value("holdfast_tool_calls_total", tool="weigh", outcome="failed") == 1
    assert exposed.value("holdfast_tool_call_seconds_count", tool="find") == 1


def test_what_a_model_made_up_is_no_label(exposed: Exposed):
    """A tool that nobody declared counts as unknown, whatever the model called it."""
    assert exposed.value("holdfast_tool_calls_total", tool="(unknown)", outcome="failed") == 1
    assert "SECRET_7" not in exposed.text


def test_no_series_names_an_execution_or_a_user(exposed: Exposed):
    """The number of series does not grow with the work."""
    assert "post.example" not in exposed.text
    assert not {"execution", "execution_id", "user", "thread"} & set().union(*exposed.labels.values())


def test_models_are_counted_with_tokens_and_cost(exposed: Exposed):
    """An attempt that failed counts as one."""
    model = "scripted:small"
    assert exposed.value("holdfast_model_calls_total", agent="clerk", model=model, outcome="answered") == 3
    assert exposed.value("holdfast_model_calls_total", agent="clerk", model=model, outcome="failed") == 1
    assert exposed.value("holdfast_model_call_failures_total", model=model, failure="overload") == 1
    assert exposed.value("holdfast_tokens_total", agent="clerk", model=model, kind="output") == 30
    assert exposed.value("holdfast_cost_usd_total", agent="clerk", model=model) > 0


def test_steps_and_commits_are_timed(exposed: Exposed):
    """Three steps of the clerk; and every transaction."""
    assert exposed.value("holdfast_step_seconds_count", agent="clerk") == 3
    assert exposed.value("holdfast_commit_seconds_count") >= 8
    assert exposed.value("holdfast_commit_requests_sum") >= exposed.value("holdfast_commit_requests_count")


def test_people_and_controls_show(exposed: Exposed):
    """A question that is open, a breaker that is, and a budget that is hardly used."""
    assert exposed.value("holdfast_approvals_open", agent="payer", kind="call") == 1
    assert exposed.value("holdfast_breaker_state", kind="model", name="openai:gpt-5.2") == 2
    assert 0 < exposed.value("holdfast_budget_used_ratio", budget="daily", subject="") < 0.01
    assert exposed.value("holdfast_database_up") == 1


def test_a_rate_that_makes_wait_shows(sqlite_database: str):
    """The second model call of a minute has to wait most of it."""

    async def story(app: App) -> Exposed:
        await scrape(app)
        rate = Rate(name="pace", scope="global", unit="model_calls", limit=1, per_s=60)
        await app.control.set_rate(rate, by="ann")
        await app.start("clerk", "first")
        await app.start("clerk", "second")
        await app.work(drain=True)
        return await scrape(app)

    found = play(App([clerk("Hello.")], sqlite_database), story)
    assert isinstance(found, Exposed)
    assert found.value("holdfast_refusals_total", reason="rate_limited") == 1
    assert 30 < found.value("holdfast_rate_wait_seconds_sum") <= 60


def test_scrapes_that_come_close_together_look_once(sqlite_database: str, monkeypatch: pytest.MonkeyPatch):
    """Ten at once ask the database one time."""
    looks: list[object] = []
    honest = exposition.stand
    monkeypatch.setattr(exposition, "stand", lambda *given: looks.append(given) or honest(*given))

    async def story(app: App) -> None:
        await asyncio.gather(*(scrape(app) for _ in range(10)))

    play(App([clerk("Hello.")], sqlite_database), story)
    assert len(looks) == 1


def test_openmetrics_is_spoken_to_whoever_asks(sqlite_database: str):
    """Prometheus says in its Accept header what it reads."""

    async def story(app: App) -> tuple[bytes, str]:
        return await app.control.metrics_text("application/openmetrics-text; version=1.0.0")

    body, content_type = play(App([clerk("Hello.")], sqlite_database), story)
    assert content_type.startswith("application/openmetrics-text")
    assert body.rstrip().endswith(b"# EOF")


def test_nothing_is_counted_while_nobody_asks(sqlite_database: str):
    """Without a scrape no observer hangs on the writer."""

    async def story(app: App) -> bool:
        await app.run("clerk", "Good morning")
        return bool((await app._open()).observers)

    assert play(App([clerk("Hello.")], sqlite_database), story) is False


@pytest.mark.postgres
def test_postgresql_tells_the_same(postgres_database: str):
    """Live, ended, spent: each query in that database's words."""
    agents = [clerk(*BUSY), clerk("Done.", name="payer")]
    found = play(App(agents, postgres_database), a_day)
    assert isinstance(found, Exposed)
    assert found.value("holdfast_executions_ended_total", agent="payer", status="completed") == 1
    assert found.value("holdfast_execution_seconds_bucket", agent="clerk", status="completed", le="60.0") == 1
    assert found.value("holdfast_tokens_total", agent="clerk", model="scripted:small", kind="output") == 30
    assert found.value("holdfast_queue_depth", agent="clerk") == 1
