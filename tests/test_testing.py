"""What `holdfast.testing` promises to tests of agents."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import BaseModel

import holdfast.testing
from holdfast import Call, Calls, Final, Say
from holdfast.errors import StoreUnavailable, UsageError
from holdfast.loop.transcript import Answered, Responded, Told
from holdfast.testing import (
    CrashingJournal,
    CrashingTool,
    CrashPlan,
    Fail,
    FakeClock,
    FaultyJournal,
    Ledger,
    Metered,
    Raw,
    ScriptedModel,
)
from holdfast.testing.crash import VARIABLE
from holdfast.types import Append, Appended, Usage
from tests.loop.asking import NoAnswer, answer, ask, chain, converse, request, scripted

# --- the scripted model -----------------------------------------------------------------------------------


def test_steps_are_taken_in_order():
    """Each turn takes the next step of the list."""
    models = chain(scripted(Call("find", {"id": 1}), Calls([Call("a"), Call("b")]), Say("done")))
    responses = converse(models, 3)
    assert [[call.tool for call in response.calls] for response in responses] == [["find"], ["a", "b"], []]
    assert responses[-1].text == "done"


def test_a_fresh_instance_goes_on_where_the_conversation_stands():
    """After a crash a new process's script continues at the right step."""
    steps = [Call("a"), Call("b"), Say("done")]
    before = converse(chain(ScriptedModel(steps)), 2)
    resumed = request(Told("hi"), *[Responded(response.json) for response in before])
    assert ask(chain(ScriptedModel(steps)), resumed).text == "done"


def test_the_step_is_found_after_a_compaction():
    """A digest in the place of earlier steps does not make the script start over."""
    steps = [Call("a"), Call("b"), Say("done")]
    last = converse(chain(ScriptedModel(steps)), 2)[-1]
    assert ask(chain(ScriptedModel(steps)), request(Told("digest"), Responded(last.json))).text == "done"


def test_words_recalled_from_a_thread_are_no_steps():
    """A new execution in a thread starts at the first step."""
    continued = request(Told("earlier"), Answered("so it was"), Told("and now?"))
    assert ask(chain(scripted(Say("first"), Say("second"))), continued).text == "first"


def test_answers_of_other_rungs_are_counted():
    """A turn that another model answered is not asked of the script again."""
    other = ask(chain(scripted(Say("x"), name="other"))).json | {"provider_name": "openai"}
    assert ask(chain(scripted(Say("first"), Say("second"))), request(Told("a"), Responded(other))).text == "second"


def test_one_instance_serves_many_executions_at_once():
    """Concurrent conversations do not take each other's steps."""
    models = chain(scripted(Fail("overload"), Say("one"), Say("two"), latency_s=0.001))

    async def all_at_once() -> set[str]:
        asked = [answer(models, request(Told(str(n))), tries=2) for n in range(50)]
        return {response.text for response in await asyncio.gather(*asked)}

    assert asyncio.run(all_at_once()) == {"one"}


def test_a_failure_delays_the_step_after_it():
    """The attempt after a Fail is the step that follows it."""
    response = ask(chain(scripted(Fail("overload"), Say("hello"), Say("not this"))), tries=2)
    assert response.text == "hello"


def test_a_script_that_ends_in_a_failure_keeps_failing():
    """A model that is down stays down."""
    models = chain(scripted(Fail("quota")))
    for _ in range(3):
        with pytest.raises(NoAnswer):
            ask(models)


def test_a_failure_may_be_any_exception():
    """An error that the library does not know is played as it is."""
    with pytest.raises(NoAnswer, match="ZeroDivisionError: odd"):
        ask(chain(scripted(Fail(ZeroDivisionError("odd")))))


def test_a_failure_of_no_known_class_is_refused():
    """A misspelt class is found when the script is written."""
    with pytest.raises(UsageError, match="rate_limit"):
        Fail("ratelimit")


def test_running_past_the_end_says_which_step_was_asked_for():
    """A script that is too short explains itself."""
    with pytest.raises(NoAnswer, match="has 1 answers and was asked for number 2"):
        converse(chain(scripted(Call("a"))), 2)


def test_a_function_of_the_messages_may_be_the_script():
    """A script can react to what it is told."""
    models = chain(ScriptedModel(lambda messages: Say(messages[-1].parts[-1].content.upper())))
    assert ask(models, request(Told("hello"))).text == "HELLO"


def test_raw_messages_are_played_as_they_are():
    """Malformed arguments and truncation reach the loop unmended."""
    response = ask(chain(scripted(Raw("half", calls=[("refund", '{"amount": 1')], finish_reason="length"))))
    assert (response.text, response.calls[0].arguments, response.finish_reason) == ("half", '{"amount": 1', "length")


def test_an_empty_message_can_be_played():
    """A model that says nothing at all says nothing at all."""
    response = ask(chain(scripted(Raw(""))))
    assert (response.text, response.calls) == ("", ())


def test_a_final_value_takes_the_form_of_the_agents_output():
    """Final is the output tool's call where there is one, wrapped where it must be, and text elsewhere."""

    class Answer(BaseModel):
        text: str

    given = [(Answer, {"text": "x"}), (list[int], [1]), (str, "x")]
    told = [ask(chain(scripted(Final(value)), output=output)) for output, value in given]
    assert [[call.arguments for call in response.calls] for response in told] == [
        [{"text": "x"}],
        [{"result": [1]}],
        [],
    ]
    assert told[-1].text == "x"


def test_a_step_may_say_what_it_used():
    """Budgets can be tested with exact numbers."""
    usage = Usage(input_tokens=7, output_tokens=3, cache_read_tokens=2)
    assert ask(chain(scripted(Metered(Say("x"), usage)))).usage == usage


# --- the clock --------------------------------------------------------------------------------------------


def test_time_stands_still_until_it_is_advanced():
    """Nothing passes by itself."""
    clock = FakeClock(datetime(2026, 5, 1, tzinfo=UTC))
    clock.advance(90)
    assert (clock.now(), clock.monotonic()) == (datetime(2026, 5, 1, 0, 1, 30, tzinfo=UTC), 90)


def test_sleepers_wake_in_the_order_of_their_times():
    """Who sleeps shorter wakes first, whoever lay down first."""
    clock, woken = FakeClock(), list[float]()

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    async def story() -> None:
        tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (3, 1, 2, 60)]
        await clock.until_sleeping(4)
        clock.advance(3)
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(0)
        assert (woken, clock.sleeping) == ([1, 2, 3], 1)
        tasks[-1].cancel()

    asyncio.run(story())


def test_an_automatic_clock_lets_sleepers_through():
    """Backoff costs a test no time."""
    clock = FakeClock(auto=True)
    asyncio.run(clock.sleep(3_600))
    assert clock.monotonic() == 3_600


def test_time_does_not_go_back():
    """A monotonic clock is one; the wall clock alone may be set."""
    clock = FakeClock()
    clock.set(datetime(2020, 1, 1, tzinfo=UTC))
    assert clock.monotonic() == 0
    with pytest.raises(ValueError, match="does not go back"):
        clock.advance(-1)


# --- crashes and faults -----------------------------------------------------------------------------------

APPEND = Append(execution_id="e", fence=1, events=())


class Appends:
    """A journal that counts."""

    def __init__(self) -> None:
        self.appended = 0

    async def append(self, _append: Append) -> Appended:
        self.appended += 1
        return Appended(seq=self.appended, cancel_requested=False)


class Crash(BaseException):
    """Stands for SIGKILL where a test wants to live on."""


def crash() -> None:
    raise Crash


@pytest.mark.parametrize(("at", "stored"), [("before-commit:2", 1), ("after-commit:2", 2)])
def test_a_journal_crashes_around_the_commit_that_was_named(at: str, stored: int):
    """A crash before a commit stores nothing of it; one after it, all."""
    journal = Appends()
    crashing = CrashingJournal(journal, CrashPlan(at, crash=crash))

    async def three() -> None:
        for _ in range(3):
            await crashing.append(APPEND)

    with pytest.raises(Crash):
        asyncio.run(three())
    assert journal.appended == stored


class Refund:
    """A tool that counts."""

    name = "refund"
    schema_hash = "h"

    def __init__(self) -> None:
        self.runs = 0

    async def run(self, _context: object, _arguments: object) -> str:
        self.runs += 1
        return "done"


@pytest.mark.parametrize(("at", "runs"), [("before-tool:refund", 0), ("after-tool:refund", 1)])
def test_a_tool_crashes_around_its_run(at: str, runs: int):
    """A crash before a tool leaves no effect; one after it leaves an effect that nobody recorded."""
    tool = Refund()
    with pytest.raises(Crash):
        asyncio.run(CrashingTool(tool, CrashPlan(at, crash=crash)).run(None, {}))
    assert tool.runs == runs


def test_wrappers_are_what_they_wrap_in_everything_else():
    """A wrapped tool is still a tool, a wrapped journal still a journal."""
    journal = Appends()
    assert CrashingTool(Refund()).schema_hash == "h"
    assert CrashingJournal(journal).appended == FaultyJournal(journal).appended == 0


def test_a_plan_counts_the_points_that_were_passed():
    """A run without a crash tells a crash matrix where it can crash."""
    plan = CrashPlan()
    plan.reach("after-commit")
    plan.reach("after-commit")
    assert plan.passed == {"after-commit": 2}


@pytest.mark.parametrize("at", [":3", "after-commit:0"])
def test_a_plan_without_a_point_is_refused(at: str):
    """A crash that would never come is no test."""
    with pytest.raises(UsageError, match="after-commit:7"):
        CrashPlan(at)


def test_the_process_kills_itself_inside_a_tool(tmp_path: Path):
    """A named point ends the process as kill -9 does, with the effect written down and nothing else."""
    path = tmp_path / "ledger"
    code = (
        "import sys; from holdfast.testing import Ledger; ledger = Ledger(sys.argv[1]);"
        "[ledger.record(f'k{n}', 'refund', {'n': n}) for n in range(5)]"
    )
    environment = os.environ | {VARIABLE: "inside-tool:refund:2"}
    ended = subprocess.run([sys.executable, "-c", code, str(path)], env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    assert [effect.key for effect in Ledger(path).effects()] == ["k0", "k1"]


def test_a_paused_journal_holds_appends_back():
    """While the database is away an append waits; it is stored when the database is back."""
    journal = Appends()
    faulty = FaultyJournal(journal)

    async def story() -> int:
        faulty.pause()
        waiting = asyncio.create_task(faulty.append(APPEND))
        await faulty.until_waiting()
        held_back = journal.appended
        faulty.resume()
        await waiting
        return held_back

    assert (asyncio.run(story()), journal.appended) == (0, 1)


def test_a_journal_can_be_told_to_fail():
    """A refused append stores nothing, and the next one is served."""
    journal = Appends()
    faulty = FaultyJournal(journal)
    faulty.fail_next(StoreUnavailable())
    with pytest.raises(StoreUnavailable):
        asyncio.run(faulty.append(APPEND))
    asyncio.run(faulty.append(APPEND))
    assert journal.appended == 1


# --- the ledger -------------------------------------------------------------------------------------------


def test_the_ledger_tells_what_happened_twice(tmp_path: Path):
    """An effect under the same key that happened again is found."""
    ledger = Ledger(tmp_path / "ledger")
    for key in ("a", "b", "a"):
        ledger.record(key, "refund", {"amount": 5})
    assert ledger.repeated() == {"a": 2}
    assert (ledger.happened("b"), ledger.happened("c")) == (True, False)


def test_the_ledger_keeps_who_did_what(tmp_path: Path):
    """Each effect has its tool, arguments and process."""
    ledger = Ledger(tmp_path / "ledger")
    ledger.record("a", "refund", {"on": datetime(2026, 1, 1, tzinfo=UTC)})
    ledger.record("b", "send")
    effect = ledger.effects("refund")[0]
    assert (effect.args, effect.pid) == ({"on": "2026-01-01T00:00:00Z"}, os.getpid())
    assert len(ledger.effects()) == 2


def test_processes_share_a_ledger(tmp_path: Path):
    """Entries of several processes at once are all there, and whole."""
    path = tmp_path / "ledger"
    code = (
        "import sys; from holdfast.testing import Ledger; ledger = Ledger(sys.argv[1]);"
        "[ledger.record(f'{sys.argv[2]}:{n}', 'refund', {'pad': 'x' * 500}) for n in range(50)]"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(path), str(n)]) for n in range(3)]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    assert len({effect.key for effect in Ledger(path).effects()}) == 150


def test_every_name_loads():
    """What the package lists is there."""
    for name in holdfast.testing.__all__:
        assert getattr(holdfast.testing, name) is not None
