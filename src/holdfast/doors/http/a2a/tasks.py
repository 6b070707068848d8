"""What a client of A2A can do with tasks: send, look, list, cancel, subscribe. A task is an execution."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import uuid4

from holdfast.app import App
from holdfast.doors.http.a2a import wire
from holdfast.doors.http.a2a.push import Push
from holdfast.doors.http.a2a.reading import Reply, read_input, read_reply
from holdfast.doors.http.a2a.story import STATUSES, Story, state_of, task_of
from holdfast.doors.http.a2a.wire import Data
from holdfast.doors.http.guard import entitled
from holdfast.doors.http.patience import hear_out
from holdfast.doors.http.reached import continued_thread, reached
from holdfast.errors import AlreadyDecided, IllegalTransition, InvalidArguments, NotEntitled, NotFound, UsageError
from holdfast.policy.roles import may
from holdfast.types import Caller, Event, Line, Wanted

LONGEST_WAIT_S: Final = 600
"""For how long a message is waited for that does not say `returnImmediately`."""
_CANCEL_S: Final = 5
_PAGE, _LARGEST_PAGE = 50, 100
_COUNTED: Final = 1_000
"""Tasks that a list counts at most."""
_LONGEST_NAME: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Tasks:
    """The tasks of one agent, as one caller may see them."""

    app: App
    caller: Caller
    agent: str
    closing: asyncio.Event
    """Set when the server begins to stop."""
    push: Push
    key: str | None = None
    """The request's idempotency key."""

    # --- sending

    async def send(self, asked: Data) -> Data:
        """Take a message; the task once it rests, or at once where the client wants that."""
        configuration: Data = asked.get("configuration", {})
        length = _history_length(configuration)
        story, remark = await self._taken(asked.get("message", {}), configuration)
        if remark is not None:
            return {"task": story.question(remark)}
        if not configuration.get("returnImmediately"):
            await self._rested(story, LONGEST_WAIT_S)
        return {"task": story.task(history_length=length)}

    async def stream(self, asked: Data) -> AsyncGenerator[Data]:
        """Take a message; the task, then what becomes of it until it rests."""
        configuration: Data = asked.get("configuration", {})
        length = _history_length(configuration)
        story, remark = await self._taken(asked.get("message", {}), configuration)
        if remark is not None:
            yield {"task": story.question(remark)}
            return
        yield {"task": story.task(history_length=length)}
        async with aclosing(self._updates(story, lambda: story.rests)) as updates:
            async for update in updates:
                yield update

    async def _taken(self, message: Data, configuration: Data) -> tuple[Story, str | None]:
        """The task that a message is for; and what is still to be said, if it is no answer to what was asked."""
        wanted: Data | None = configuration.get("taskPushNotificationConfig")
        if wanted is not None:
            await self.push.refuse_unfit(wanted)
        if task_id := message.get("taskId"):
            story, remark = await self._answered(task_id, message)
        else:
            story, remark = await self._started(message), None
        if wanted is not None:
            await self.push.create({**wanted, "taskId": story.id}, at=story.seq)
        return story, remark

    async def _started(self, message: Data) -> Story:
        entitled(self.caller, "run")
        asked, context = read_input(message), message.get("contextId")
        if context is None:
            context = uuid4().hex
        elif len(context) > _LONGEST_NAME:
            raise wire.InvalidParamsError(f"contextId: at most {_LONGEST_NAME} characters")
        else:
            await self._known_context(context)
        execution = await self.app.start(
            self.agent,
            asked,
            user=self.caller.user,
            thread=context,
            idempotency_key=None if self.key is None else f"a2a:{self.caller.user or ''}:{self.caller.name}:{self.key}",
            origin={"door": "a2a", "a2a": {"message": message}},
        )
        return await self._told(execution.id, limit=1)

    async def _known_context(self, context: str) -> None:
        try:
            await continued_thread(self.app, self.caller, context)
        except NotFound as error:
            raise wire.InvalidParamsError(f"the context {context!r} is not yours: leave it out") from error

    async def _answered(self, task_id: str, message: Data) -> tuple[Story, str | None]:
        await self._reached(task_id)
        story = await self._told(task_id)
        if message.get("contextId", story.context) != story.context:
            raise wire.InvalidParamsError(f"the task is of the context {story.context}: leave contextId out")
        if story.state != "TASK_STATE_INPUT_REQUIRED":
            raise wire.UnsupportedOperationError(
                f"the task is {_plain(story.state)} and takes no message: send one without taskId"
            )
        remark = await self._answer(task_id, message)
        if remark is None:
            await self._went_on(story)
        return story, remark

    async def _went_on(self, story: Story) -> None:
        """Let the story go on to where it was answered, and no further: what follows is told as it is in a stream."""
        async with aclosing(self._events(story.id, after=story.seq, follow=False)) as events:
            async for event in events:
                story.hear(event)
                if not story.rests:
                    return

    async def _answer(self, task_id: str, message: Data) -> str | None:
        """Answer as the caller; or say why it was no answer."""
        if not may(self.caller, "decide"):
            return "A person is asked, and your key may not answer: one with the role approver may."
        waiting = await self.app.approvals("open", execution_id=task_id)
        reply = read_reply(message, waiting)
        if not isinstance(reply, Reply):
            return reply
        try:
            await self.app.decide(
                reply.approval_id, reply.answer, by=self.caller.name, note=reply.note, edit=reply.edit
            )
        except (AlreadyDecided, NotEntitled, InvalidArguments, UsageError) as refused:
            return str(refused)
        return None

    # --- looking

    async def get(self, asked: Data) -> Data:
        """One task."""
        length = _history_length(asked)
        await self._reached(wire.needed(asked, "id"))
        return (await self._told(asked["id"])).task(history_length=length)

    async def list(self, asked: Data) -> Data:
        """Tasks, newest first; messages and artifacts only where they are asked for."""
        size = int(asked.get("pageSize", _PAGE))
        if not 1 <= size <= _LARGEST_PAGE:
            raise wire.InvalidParamsError(f"pageSize: 1 to {_LARGEST_PAGE}")
        length, since = _history_length(asked), asked.get("statusTimestampAfter")
        wanted = _wanted(self.agent, asked)
        after = asked.get("pageToken") or None
        if after is not None and not await self.app.glance.lines_of(self.caller, [after]):
            raise wire.InvalidParamsError("pageToken: give the nextPageToken of the page before")
        found = [line for line in await self._lines(wanted, after=after, limit=_COUNTED) if _fits(line, asked, since)]
        total = found
        if after is not None:
            whole = await self._lines(wanted, after=None, limit=_COUNTED)
            total = [line for line in whole if _fits(line, asked, since)]
        page = found[:size]
        token = page[-1].id if len(found) > size else ""
        # The protocol wants the newest change first: within a page it is.
        page.sort(key=lambda line: line.updated_at, reverse=True)
        shown = [await self._shown(line, length=length, artifacts=bool(asked.get("includeArtifacts"))) for line in page]
        return {"tasks": shown, "nextPageToken": token, "pageSize": len(page), "totalSize": len(total)}

    async def _lines(self, wanted: Wanted, *, after: str | None, limit: int) -> "list[Line]":
        return [*await self.app.glance.lines(self.caller, wanted, limit=limit, after=after)]

    async def _shown(self, line: Line, *, length: int | None, artifacts: bool) -> Data:
        if not length and not artifacts:
            return task_of(line)
        told = (await self._told(line.id)).task(history_length=length or 0, artifacts=artifacts)
        return {**told, "artifacts": told.get("artifacts", [])} if artifacts else told

    async def subscribe(self, asked: Data) -> AsyncGenerator[Data]:
        """The task, then what becomes of it until it ends."""
        await self._reached(wire.needed(asked, "id"))
        story = await self._told(asked["id"])
        if story.ended:
            raise wire.UnsupportedOperationError(f"the task is {_plain(story.state)}: there is nothing to wait for")
        yield {"task": story.task()}
        async with aclosing(self._updates(story, lambda: story.ended)) as updates:
            async for update in updates:
                yield update

    # --- steering

    async def cancel(self, asked: Data) -> Data:
        """Stop a task: at once if it waits, else after the call that runs now."""
        entitled(self.caller, "run")
        await self._reached(wire.needed(asked, "id"))
        try:
            await self.app.cancel(asked["id"], by=self.caller.name)
        except IllegalTransition as error:
            raise wire.TaskNotCancelableError(str(error)) from error
        story = await self._told(asked["id"])
        await self._ended(story)
        return story.task()

    # --- how

    async def _reached(self, task_id: str) -> None:
        line = await reached(self.app, self.caller, task_id, what="task")
        if line.agent_type != self.agent:
            raise NotFound(f"there is no task {task_id!r}")

    async def _told(self, task_id: str, *, limit: int | None = None) -> Story:
        """A task as it stands; with `limit` as it stood after so many events."""
        story = Story(task_id)
        async with aclosing(self._events(task_id, after=0, follow=False)) as events:
            async for event in events:
                story.hear(event)
                if story.seq == limit:
                    break
        return story

    async def _updates(self, story: Story, done: Callable[[], bool]) -> AsyncGenerator[Data]:
        """What becomes of a task, event by event, until it is done."""
        if done():
            return
        async with aclosing(self._events(story.id, after=story.seq, follow=True)) as events:
            async for event in events:
                for update in story.hear(event):
                    yield update
                if done():
                    return

    def _events(self, task_id: str, *, after: int, follow: bool) -> AsyncGenerator[Event]:
        return self.app.events(task_id, after=after, follow=follow)

    async def _rested(self, story: Story, timeout_s: float) -> None:
        """Let the story go on until it rests, the server stops, or so many seconds have gone by."""
        if not story.rests:
            await self._until(story, timeout_s, lambda: story.rests)

    async def _ended(self, story: Story) -> None:
        if not story.ended:
            await self._until(story, _CANCEL_S, lambda: story.ended)

    async def _until(self, story: Story, timeout_s: float, done: Callable[[], bool]) -> None:
        def hear(event: Event) -> bool:
            story.hear(event)
            return done()

        events = self._events(story.id, after=story.seq, follow=True)
        await hear_out(events, hear, closing=self.closing, timeout_s=timeout_s)


def _history_length(asked: Data) -> int | None:
    length = asked.get("historyLength")
    if length is not None and length < 0:
        raise wire.InvalidParamsError("historyLength: 0 or more")
    return length


def _wanted(agent: str, asked: Data) -> Wanted:
    # What is pending may be working by the protocol's words: it waits for a moment only.
    status = STATUSES.get(asked.get("status", ""))
    return Wanted(
        agents=(agent,), thread=asked.get("contextId") or None, status=None if status == "running" else status
    )


def _fits(line: Line, asked: Data, since: str | None) -> bool:
    state = asked.get("status")
    if state is not None and state_of(line) != state:
        return False
    return since is None or line.updated_at > datetime.fromisoformat(since)


def _plain(state: str) -> str:
    return state.removeprefix("TASK_STATE_").replace("_", " ").lower()
