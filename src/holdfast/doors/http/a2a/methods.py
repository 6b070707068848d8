"""The operations of A2A by name, as both bindings call them."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request
from google.protobuf.message import Message

from holdfast.doors.http.a2a.push import Push
from holdfast.doors.http.a2a.tasks import Tasks
from holdfast.doors.http.a2a.wire import Data, UnsupportedOperationError, kinds
from holdfast.doors.http.reached import reached_agent
from holdfast.types import Caller


@dataclass(frozen=True, slots=True, kw_only=True)
class Method:
    """One operation."""

    takes: type[Message]
    """What its parameters are."""
    call: Callable[[Tasks, Data], Awaitable[Data | None]] | None = None
    stream: Callable[[Tasks, Data], AsyncGenerator[Data]] | None = None
    """One of the two: it answers once, or tells what happens."""


async def _no_extended_card(_: Tasks, __: Data) -> Data:
    raise UnsupportedOperationError("there is one card, for everybody")


METHODS: Final[Mapping[str, Method]] = {
    "SendMessage": Method(takes=kinds.SendMessageRequest, call=Tasks.send),
    "SendStreamingMessage": Method(takes=kinds.SendMessageRequest, stream=Tasks.stream),
    "GetTask": Method(takes=kinds.GetTaskRequest, call=Tasks.get),
    "ListTasks": Method(takes=kinds.ListTasksRequest, call=Tasks.list),
    "CancelTask": Method(takes=kinds.CancelTaskRequest, call=Tasks.cancel),
    "SubscribeToTask": Method(takes=kinds.SubscribeToTaskRequest, stream=Tasks.subscribe),
    "CreateTaskPushNotificationConfig": Method(
        takes=kinds.TaskPushNotificationConfig, call=lambda tasks, asked: tasks.push.create(asked)
    ),
    "GetTaskPushNotificationConfig": Method(
        takes=kinds.GetTaskPushNotificationConfigRequest, call=lambda tasks, asked: tasks.push.get(asked)
    ),
    "ListTaskPushNotificationConfigs": Method(
        takes=kinds.ListTaskPushNotificationConfigsRequest, call=lambda tasks, asked: tasks.push.list(asked)
    ),
    "DeleteTaskPushNotificationConfig": Method(
        takes=kinds.DeleteTaskPushNotificationConfigRequest, call=lambda tasks, asked: tasks.push.delete(asked)
    ),
    "GetExtendedAgentCard": Method(takes=kinds.GetExtendedAgentCardRequest, call=_no_extended_card),
}


def tasks_of(request: Request, caller: Caller, agent: str) -> Tasks:
    """The tasks that a request is about.

    Raises:
        NotFound: There is no such agent, or it is not theirs.
    """
    state: Any = request.state
    reached_agent(state.app, caller, agent)
    push = Push(app=state.app, outside=state.outside, caller=caller, agent=agent)
    key = request.headers.get("idempotency-key")
    return Tasks(app=state.app, caller=caller, agent=agent, closing=state.closing, push=push, key=key)


async def begun(stream: AsyncGenerator[Data]) -> AsyncGenerator[Data]:
    """The same stream, once its first message is there: what is refused is refused before anything is said."""
    first = await anext(stream, None)

    async def whole() -> AsyncGenerator[Data]:
        try:
            if first is not None:
                yield first
            async for one in stream:
                yield one
        finally:
            await stream.aclose()

    return whole()
