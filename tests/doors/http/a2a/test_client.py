"""The unmodified client of the A2A SDK drives agents, over both bindings."""

import pytest
from a2a.client.errors import A2AClientError
from a2a.helpers import get_artifact_text, get_message_text
from a2a.types import (
    CancelTaskRequest,
    GetTaskRequest,
    ListTasksRequest,
    Role,
    SubscribeToTaskRequest,
    TaskState,
)
from a2a.utils.errors import (
    A2AError,
    InvalidParamsError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedOperationError,
)

from tests.doors.http.a2a.conftest import BINDINGS, client_of, data, run, sent, states, words
from tests.doors.http.live import Live
from tests.doors.http.openai.conftest import Gate

both = pytest.mark.parametrize("binding", BINDINGS)


@both
def test_a_message_becomes_a_task_with_an_artifact(live: Live, binding: str) -> None:
    """The client that does not stream gets the task when it is done."""

    async def story() -> None:
        async with client_of(live, "echo", binding=binding, streaming=False) as client:
            (told,) = await sent(client, words("hello", context_id="greetings-" + binding))
            assert states([told]) == ["COMPLETED"]
            assert get_artifact_text(told.task.artifacts[0]) == "hello"
            assert told.task.context_id == "greetings-" + binding
            assert live.do(live.app.get(told.task.id)).thread_id == told.task.context_id

    run(story)


@both
def test_a_stream_tells_the_states_in_order(live: Live, binding: str) -> None:
    """First the task, then its updates, to the end."""

    async def story() -> None:
        async with client_of(live, "echo", binding=binding) as client:
            told = await sent(client, words("hello"))
            assert told[0].HasField("task")
            assert states(told) == ["SUBMITTED", "WORKING", "COMPLETED"]
            assert [get_artifact_text(one.artifact_update.artifact) for one in told if one.HasField("artifact_update")]

    run(story)


def test_data_is_the_agents_input_as_it_is(live: Live) -> None:
    """Whole numbers stay whole, which the protocol's own data does not know."""

    async def story() -> None:
        async with client_of(live, "echo") as client:
            told = await sent(client, data({"order": 1042, "price": 1.5}))
            task = await client.get_task(GetTaskRequest(id=told[0].task.id))
            assert live.do(live.app.get(task.id)).input_data == {"order": 1042, "price": 1.5}

    run(story)


@both
def test_a_reply_with_the_same_task_continues_it(live: Live, binding: str) -> None:
    """`awaiting_review` is `input_required`; words decide, as the caller, with the rest of them as the note."""

    async def story() -> None:
        async with client_of(live, "payer", binding=binding) as client:
            asked = await sent(client, words("pay"))
            assert states(asked) == ["SUBMITTED", "WORKING", "INPUT_REQUIRED"]
            question = asked[-1].status_update.status.message
            assert question.parts[0].text == "May payer run pay?"
            assert dict(question.parts[1].data.struct_value)["arguments"]["amount"] == 120
            task_id = asked[0].task.id
            told = await sent(client, words("Approve, it is agreed", task_id=task_id))
            assert states(told) == ["WORKING", "COMPLETED"]
            (approval,) = live.do(live.app.approvals(None, execution_id=task_id))
            assert (approval.answer, approval.decided_by, approval.note) == ("approve", "operator", "it is agreed")
            task = await client.get_task(GetTaskRequest(id=task_id))
            assert [message.role for message in task.history] == [Role.ROLE_USER, Role.ROLE_AGENT, Role.ROLE_USER]

    run(story)


def test_data_answers_one_of_several_questions(live: Live) -> None:
    """Each is named by its id; words alone would not say which is meant."""

    async def story() -> None:
        async with client_of(live, "spender", streaming=False) as client:
            (asked,) = await sent(client, words("pay"))
            unclear = await sent(client, words("approve", task_id=asked.task.id))
            assert "2 questions are open" in get_message_text(unclear[0].task.status.message)
            one, two = live.do(live.app.approvals("open", execution_id=asked.task.id))
            answer = {"approval": one.id, "answer": "reject", "note": "too much"}
            (still,) = await sent(client, data(answer, task_id=asked.task.id))
            assert states([still]) == ["INPUT_REQUIRED"]
            edit = {"approval": two.id, "answer": "approve", "edit": {"amount": 5}}
            (done,) = await sent(client, data(edit, task_id=asked.task.id))
            assert states([done]) == ["COMPLETED"]
        (paid,) = [call for call in live.do(live.app.get(asked.task.id)).tool_calls if call.status == "completed"]
        assert paid.tool_output == "paid 5"

    run(story)


def test_a_question_of_the_agent_is_answered_in_words(live: Live) -> None:
    """Whatever is said is the answer."""

    async def story() -> None:
        async with client_of(live, "asker", streaming=False) as client:
            (asked,) = await sent(client, words("send it"))
            assert "Which city?" in get_message_text(asked.task.status.message)
            (told,) = await sent(client, words("Oslo", task_id=asked.task.id))
            assert "Oslo" in get_artifact_text(told.task.artifacts[0])

    run(story)


@pytest.mark.parametrize(
    ("said", "role", "explained"),
    [("perhaps", "operator", "approve or reject"), ("approve", "runner", "the role approver")],
)
def test_what_is_no_answer_is_explained(live: Live, said: str, role: str, explained: str) -> None:
    """The task goes on waiting, and the reply says what is needed."""

    async def story() -> None:
        async with client_of(live, "payer", role=role, streaming=False) as client:
            (asked,) = await sent(client, words("pay"))
            (told,) = await sent(client, words(said, task_id=asked.task.id))
            assert states([told]) == ["INPUT_REQUIRED"]
            assert explained in get_message_text(told.task.status.message)
        assert live.do(live.app.get(asked.task.id)).status == "awaiting_review"

    run(story)


@both
def test_a_task_that_runs_is_followed_by_who_subscribes(live: Live, gate: Gate, binding: str) -> None:
    """The client that did not wait gets the task as it stands, then what becomes of it."""

    async def story() -> None:
        async with client_of(live, "waiter", binding=binding, streaming=False) as client:
            (begun,) = await sent(client, words("wait"), return_immediately=True)
            assert states([begun]) in (["SUBMITTED"], ["WORKING"])
        async with client_of(live, "waiter", binding=binding) as client:
            told = []
            async for one in client.subscribe(SubscribeToTaskRequest(id=begun.task.id)):
                told.append(one)
                gate.opened.set()
            assert told[0].HasField("task")
            assert states(told)[-1] == "COMPLETED"
            with pytest.raises(UnsupportedOperationError):
                async for _ in client.subscribe(SubscribeToTaskRequest(id=begun.task.id)):
                    pass

    run(story)


def test_a_stream_that_a_dead_server_cut_goes_on_at_another(live: Live, gate: Gate) -> None:
    """The task is in the journal: any server tells the rest of it."""

    async def story() -> None:
        doomed, task_id = Live(live.agents, live.database, worker=False), ""
        async with client_of(doomed, "waiter", key=live.keys["operator"]) as client:
            try:
                async for one in client.send_message(_message("wait")):
                    task_id = task_id or one.task.id
                    if states([one]) == ["WORKING"]:
                        doomed.kill()
            except (A2AClientError, OSError):
                pass  # it is cut, not ended
        assert task_id
        async with client_of(live, "waiter") as client:
            told = []
            async for one in client.subscribe(SubscribeToTaskRequest(id=task_id)):
                told.append(one)
                gate.opened.set()
        assert states(told)[-1] == "COMPLETED"
        doomed.close()

    run(story)


@both
def test_tasks_are_listed_by_page_state_and_context(live: Live, binding: str) -> None:
    """Artifacts only where they are asked for; the token of the last page is empty."""

    async def story() -> None:
        context = f"list-{binding}"
        async with client_of(live, "echo", binding=binding, streaming=False) as client:
            made = [(await sent(client, words(str(n), context_id=context)))[0].task.id for n in range(3)]
            first = await client.list_tasks(ListTasksRequest(context_id=context, page_size=2))
            assert [task.id for task in first.tasks] == made[:0:-1]
            assert (first.total_size, len(first.tasks[0].artifacts)) == (3, 0)
            asked = ListTasksRequest(context_id=context, page_size=2, page_token=first.next_page_token)
            rest = await client.list_tasks(asked)
            assert [task.id for task in rest.tasks] == made[:1]
            assert rest.next_page_token == ""
            done = await client.list_tasks(
                ListTasksRequest(
                    context_id=context, status=TaskState.TASK_STATE_COMPLETED, include_artifacts=True, history_length=1
                )
            )
            assert [get_artifact_text(task.artifacts[0]) for task in done.tasks] == ["2", "1", "0"]
            assert len(done.tasks[0].history) == 1
            failed = await client.list_tasks(ListTasksRequest(context_id=context, status="TASK_STATE_FAILED"))
            assert not failed.tasks

    run(story)


@both
def test_a_task_that_waits_is_cancelled_once(live: Live, binding: str) -> None:
    """What is over is not cancelable."""

    async def story() -> None:
        async with client_of(live, "payer", binding=binding, streaming=False) as client:
            (asked,) = await sent(client, words("pay"))
            task = await client.cancel_task(CancelTaskRequest(id=asked.task.id))
            assert task.status.state == TaskState.TASK_STATE_CANCELED
            with pytest.raises(TaskNotCancelableError):
                await client.cancel_task(CancelTaskRequest(id=asked.task.id))
            with pytest.raises(UnsupportedOperationError, match="canceled"):
                await sent(client, words("approve", task_id=asked.task.id))

    run(story)


@both
def test_a_failed_task_says_why(live: Live, binding: str) -> None:
    """The reason is the journal's."""

    async def story() -> None:
        async with client_of(live, "failer", binding=binding, streaming=False) as client:
            (told,) = await sent(client, words("x"))
            assert states([told]) == ["FAILED"]
            assert "LOOP_DETECTED" in get_message_text(told.task.status.message)

    run(story)


@both
def test_what_others_started_does_not_exist(live: Live, binding: str) -> None:
    """Another user's task is not found, whatever is tried with it, and its conversation is not joined."""

    async def story() -> None:
        async with client_of(live, "echo", binding=binding, streaming=False) as client:
            (theirs,) = await sent(client, words("secret", context_id=f"private-{binding}"))
        async with client_of(live, "echo", role="runner", binding=binding, streaming=False) as client:
            for attempt in (
                lambda: client.get_task(GetTaskRequest(id=theirs.task.id)),
                lambda: client.cancel_task(CancelTaskRequest(id=theirs.task.id)),
                lambda: sent(client, words("more", task_id=theirs.task.id)),
            ):
                with pytest.raises(TaskNotFoundError):
                    await attempt()
            with pytest.raises(InvalidParamsError, match="not yours"):
                await sent(client, words("tell me", context_id=f"private-{binding}"))
            assert theirs.task.id not in [task.id for task in (await client.list_tasks(ListTasksRequest())).tasks]

    run(story)


@pytest.mark.parametrize(("role", "status"), [("viewer", "403"), (None, "401")])
def test_who_may_not_is_told_by_http(live: Live, role: str | None, status: str) -> None:
    """A viewer starts nothing; nobody without a key does anything."""

    async def story() -> None:
        key = live.keys[role] if role else "hf_nobody"
        async with client_of(live, "echo", key=key, streaming=False) as client:
            with pytest.raises((A2AClientError, A2AError), match=status):
                await sent(client, words("hello"))

    run(story)


def _message(text: str) -> object:
    from a2a.types import SendMessageRequest

    return SendMessageRequest(message=words(text))
