"""One execution is one trace, as a real OTLP receiver gets it."""

import asyncio
from typing import Any

import pytest

from holdfast import Agent, App, Call, Calls, Say, tool
from holdfast.engine.clock import new_id
from holdfast.loop.started import started_event
from holdfast.testing import Fail, ScriptedModel
from holdfast.types import Execution, NewExecution
from tests.telemetry import desk
from tests.telemetry.desk import agree, ask, clerk, named, of, one, orphans, play, traced
from tests.telemetry.receiver import Receiver

LOOK, SEND = Call("look", {"order": "7"}), Call("send", {"to": "bob@example.org"})


def test_an_execution_is_one_trace(sqlite_database: str, receiver: Receiver):
    """Root, activation, step, model call and tool call are nested in a trace that has the execution's id."""
    execution = ask(traced(sqlite_database, clerk([LOOK, Say("On its way.")]), otlp_endpoint=receiver.url))
    spans = of(receiver, execution)
    root, activation = one(spans, "invoke_agent clerk"), one(spans, "activation")
    first, call = one(spans, "step 1"), one(spans, "execute_tool look")
    assert (root.parent, activation.parent, first.parent, call.parent) == ("", root.id, activation.id, first.id)
    assert [span.parent for span in named(spans, "chat")] == [first.id, one(spans, "step 2").id]
    assert (orphans(spans), len({span.id for span in spans})) == ([], len(spans))


def test_spans_lie_within_their_parents(sqlite_database: str, receiver: Receiver):
    """A span begins after its parent began, and ends before it ended."""
    execution = ask(traced(sqlite_database, clerk([LOOK, Say("On its way.")]), otlp_endpoint=receiver.url))
    spans = {span.id: span for span in of(receiver, execution)}
    for span in spans.values():
        around = spans.get(span.parent, span)
        assert around.start <= span.start <= span.end <= around.end, (span.name, around.name)


def test_a_model_call_says_what_the_conventions_ask(sqlite_database: str, receiver: Receiver):
    """Provider, models, tokens and finish reason are where every GenAI dashboard looks for them."""
    execution = ask(traced(sqlite_database, clerk([LOOK, Say("On its way.")]), otlp_endpoint=receiver.url))
    first, last = named(of(receiver, execution), "chat scripted")
    assert first.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "scripted",
        "gen_ai.request.model": "scripted",
        "gen_ai.response.model": "scripted",
        "gen_ai.request.max_tokens": 4096,
        "gen_ai.usage.input_tokens": 60,
        "gen_ai.usage.output_tokens": 10,
        "gen_ai.response.finish_reasons": ["tool_call"],
        "gen_ai.agent.name": "clerk",
        "gen_ai.conversation.id": execution.id,
    }
    assert (first.kind, last.attributes["gen_ai.response.finish_reasons"]) == ("CLIENT", ["stop"])


def test_a_tool_call_says_what_the_conventions_ask(sqlite_database: str, receiver: Receiver):
    """Tool, call id, effect, decision, attempt and status are on the call's span."""
    execution = ask(traced(sqlite_database, clerk([LOOK, Say("On its way.")]), otlp_endpoint=receiver.url))
    call = one(of(receiver, execution), "execute_tool")
    assert call.attributes == {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "look",
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": "s0-0",
        "holdfast.call.id": f"{execution.id}:1:0",
        "holdfast.tool.effect": "read",
        "holdfast.tool.status": "completed",
        "holdfast.tool.attempt": 1,
        "holdfast.decision.verdict": "allow",
        "holdfast.decision.gate": "review_rule",
    }


def test_the_root_says_what_it_came_to(sqlite_database: str, receiver: Receiver):
    """Agent, status, steps and all tokens are on the root; the program's name is on the resource."""
    app = traced(sqlite_database, clerk([LOOK, Say("So.")]), otlp_endpoint=receiver.url, service_name="shop")
    root = one(of(receiver, ask(app)), "invoke_agent")
    assert (root.resource["service.name"], root.scope, root.error) == ("shop", "holdfast", None)
    said = {name: root.attributes[f"holdfast.{name}"] for name in ("status", "steps")}
    assert said == {"status": "completed", "steps": 2}
    assert root.attributes["gen_ai.usage.input_tokens"] == 60 + 80


def test_each_failed_attempt_at_a_model_is_a_span(sqlite_database: str, receiver: Receiver):
    """A provider that is down, and the one that answers instead, are both in the trace."""
    models = [ScriptedModel([Fail("authentication")], name="first"), ScriptedModel([Say("So.")], name="second")]
    execution = ask(traced(sqlite_database, clerk([], models=models), otlp_endpoint=receiver.url))
    failed, answered = named(of(receiver, execution), "chat")
    assert (failed.error, failed.attributes["error.type"]) == ("authentication", "authentication")
    assert (failed.attributes["gen_ai.request.model"], answered.attributes["gen_ai.request.model"]) == (
        "first",
        "second",
    )
    assert (answered.error, answered.attributes["holdfast.model.rung"]) == (None, 1)


def test_a_tool_that_fails_is_an_error_in_the_trace(sqlite_database: str, receiver: Receiver):
    """Its span has the class of the failure, and no words of it."""

    @tool(effect="read", retries=0)
    def fall() -> str:
        """Fail."""
        raise RuntimeError("the door of Bob's house is shut")

    agent = clerk([Call("fall", {}), Say("Sorry.")], tools=[fall])
    call = one(of(receiver, ask(traced(sqlite_database, agent, otlp_endpoint=receiver.url))), "execute_tool fall")
    assert (call.error, call.attributes["error.type"], call.attributes["holdfast.tool.status"]) == (
        "error",
        "error",
        "failed",
    )


def test_a_failed_execution_names_its_reason(sqlite_database: str, receiver: Receiver):
    """The root of an execution that ends failed is an error with the reason that the journal has."""
    agent = clerk([Fail("authentication")])
    execution = ask(traced(sqlite_database, agent, otlp_endpoint=receiver.url))
    root = one(of(receiver, execution), "invoke_agent")
    assert execution.status == "failed"
    assert (root.error, root.attributes["holdfast.reason"]) == (execution.status_reason, execution.status_reason)


def test_what_a_gate_denies_is_told_on_the_step(sqlite_database: str, receiver: Receiver):
    """A call that never runs has no span of its own: the step says which gate said no."""
    execution = ask(traced(sqlite_database, clerk([Call("fly", {}), Say("No.")]), otlp_endpoint=receiver.url))
    (moment,) = one(of(receiver, execution), "step 1").events
    name, said = moment
    assert (name, said["holdfast.decision.verdict"], said["holdfast.decision.gate"]) == (
        "gate.decided",
        "deny",
        "known_tool",
    )
    assert said["gen_ai.tool.name"] == "fly"


def test_calls_at_once_are_side_by_side(sqlite_database: str, receiver: Receiver):
    """Two reads of one message are two spans of one step, whose times are those of the calls."""
    steps = [Calls([LOOK, Call("look_slowly", {"order": "8"})]), Say("So.")]
    execution = ask(traced(sqlite_database, clerk(steps), otlp_endpoint=receiver.url))
    spans = of(receiver, execution)
    calls = named(spans, "execute_tool")
    assert [call.parent for call in calls] == [one(spans, "step 1").id] * 2
    assert sorted(call.attributes["gen_ai.tool.call.id"] for call in calls) == ["s0-0", "s0-1"]


def test_a_wait_for_people_is_in_the_trace_that_goes_on_after_it(sqlite_database: str, receiver: Receiver):
    """Another worker, later, goes on with the same trace; what it then does is linked to the wait."""
    steps = [SEND, Say("Sent.")]
    execution = ask(traced(sqlite_database, clerk(steps), otlp_endpoint=receiver.url))
    assert agree(traced(sqlite_database, clerk(steps), otlp_endpoint=receiver.url), execution.id).status == "completed"
    spans = of(receiver, execution)
    root, wait = one(spans, "invoke_agent"), one(spans, "approval send")
    before, after = named(spans, "activation")
    assert (wait.parent, wait.attributes["holdfast.approval.answer"]) == (root.id, "approve")
    assert before.end <= after.start
    assert after.links == one(spans, "execute_tool send").links == [(wait.trace, wait.id)]
    assert (orphans(spans), len({span.id for span in spans})) == ([], len(spans))


def test_a_child_is_linked_to_its_parent(sqlite_database: str, receiver: Receiver):
    """An execution that another one started has a trace of its own, with a link to the other's root."""
    agent = clerk([Say("So.")])

    async def story(app: App) -> Execution:
        parent = await app.run("clerk", "parent", timeout_s=20)
        child = NewExecution(
            id=new_id(),
            agent_type="clerk",
            agent_version="1",
            input_data="child",
            started=started_event(agent, "child", user=None, thread=None, priority=0),
            parent_id=parent.id,
        )
        await (await app._parts.trail()).start(child)
        return await app.resume(child.id, timeout_s=20)

    child = play(traced(sqlite_database, agent, otlp_endpoint=receiver.url), story)
    parent = next(span for span in receiver.named("invoke_agent") if child.parent_id.replace("-", "") == span.trace)
    assert one(of(receiver, child), "invoke_agent").links == [(parent.trace, parent.id)]


def test_the_trace_of_what_is_cancelled_while_it_waits_ends(sqlite_database: str, receiver: Receiver):
    """No worker has it then: whoever cancels tells its end, and that of the wait."""
    execution = ask(traced(sqlite_database, clerk([SEND]), otlp_endpoint=receiver.url))
    play(traced(sqlite_database, clerk([SEND]), otlp_endpoint=receiver.url), lambda app: app.cancel(execution.id))
    spans = of(receiver, execution)
    assert one(spans, "invoke_agent").attributes["holdfast.status"] == "cancelled"
    assert one(spans, "approval send").attributes["holdfast.approval.answer"] == "withdrawn"
    assert orphans(spans) == []


def test_a_retry_goes_on_in_the_trace_that_had_ended(sqlite_database: str, receiver: Receiver):
    """It is a span under the root, which was told already, and no span is told twice."""

    execution = ask(traced(sqlite_database, clerk([Fail("authentication")]), otlp_endpoint=receiver.url))

    async def story(app: App) -> Execution:
        await app.retry(execution.id)
        return await app.resume(execution.id, timeout_s=20)

    again_app = traced(sqlite_database, clerk([Say("So.")]), otlp_endpoint=receiver.url)
    assert play(again_app, story).status == "completed"
    spans = of(receiver, execution)
    again = one(spans, "retry")
    assert (again.parent, again.error) == (one(spans, "invoke_agent").id, None)
    assert named(spans, "activation")[-1].parent == again.id
    assert len({span.id for span in spans}) == len(spans)


@pytest.mark.parametrize("call", ["look", "look_slowly"])
def test_a_tool_s_own_instrumentation_finds_the_span_of_its_call(sqlite_database: str, receiver: Receiver, call: str):
    """While a tool runs, in a thread too, the current span is that of its call."""
    agent = clerk([Call(call, {"order": "7"}), Say("So.")])
    execution = ask(traced(sqlite_database, agent, otlp_endpoint=receiver.url))
    (current,) = desk.seen
    span = one(of(receiver, execution), "execute_tool")
    assert (f"{current.trace_id:032x}", f"{current.span_id:016x}") == (span.trace, span.id)
    assert current.trace_flags.sampled


def test_no_trace_of_what_is_not_sampled(sqlite_database: str, receiver: Receiver):
    """With a ratio of 0 nothing is sent, and what a tool itself traces is told so."""
    agent = clerk([LOOK, Say("So.")])
    execution = ask(traced(sqlite_database, agent, otlp_endpoint=receiver.url, sample_ratio=0))
    assert of(receiver, execution) == []
    assert [current.trace_flags.sampled for current in desk.seen] == [False]


def test_nothing_is_sent_that_was_said(sqlite_database: str, receiver: Receiver):
    """Inputs, outputs, arguments, results, questions and notes stay at home unless capture is on."""
    words = everything(receiver, talk(sqlite_database, receiver))
    assert [word for word in ("Wally", "bob@example.org", "Ada", "Farewell") if word in words] == []


def test_content_is_sent_on_demand_without_secrets(sqlite_database: str, receiver: Receiver):
    """With capture it is out of the journal: what redaction takes out there is not here either."""
    execution = talk(sqlite_database, receiver, capture_content=True)
    words = everything(receiver, execution)
    assert [word for word in ("Wally", "bob@example.org", "Ada", "Farewell") if word not in words] == []
    assert "sk-" not in words
    root = one(of(receiver, execution), "invoke_agent")
    assert '"role": "user"' in root.attributes["gen_ai.input.messages"]
    assert '"role": "assistant"' in root.attributes["gen_ai.output.messages"]


def talk(database: str, receiver: Receiver, **telemetry: Any) -> Execution:
    steps = [SEND, Say("Farewell.")]
    agent: Agent[Any] = clerk(steps)
    first = traced(database, agent, otlp_endpoint=receiver.url, **telemetry)
    execution = ask(first, "I am Wally; my key is sk-aaaaAAAA1111bbbbBBBB2222ccccCCCC")
    return agree(traced(database, agent, otlp_endpoint=receiver.url, **telemetry), execution.id)


def everything(receiver: Receiver, execution: Execution) -> str:
    spans = of(receiver, execution)
    assert spans
    return repr([(span.name, span.attributes, span.events, span.error) for span in spans])


def test_a_hundred_executions_at_once_keep_their_traces_apart(sqlite_database: str, receiver: Receiver):
    """Each has one root, and nothing of another."""

    async def story(app: App) -> Execution:
        made = [await app.start("clerk", f"order {number}") for number in range(100)]
        async with app.worker():
            await asyncio.gather(*(app.wait(execution.id, 30) for execution in made))
        return made[-1]

    before = len(receiver.spans)
    play(traced(sqlite_database, clerk([LOOK, Say("So.")]), otlp_endpoint=receiver.url), story)
    traces: dict[str, list[str]] = {}
    for span in receiver.spans[before:]:
        traces.setdefault(span.trace, []).append(span.name)
    told = {tuple(sorted(names)) for names in traces.values()}
    assert (len(traces), len(told)) == (100, 1)
