"""Where clients want to be told of their tasks: push notification configurations, kept with the task."""

from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from holdfast.app import App
from holdfast.doors.http.a2a import address
from holdfast.doors.http.a2a.wire import Data, InvalidParamsError, TaskNotFoundError, needed
from holdfast.doors.http.guard import entitled
from holdfast.doors.http.reached import reached
from holdfast.outside import Outside
from holdfast.trail.subscriptions import Subscription
from holdfast.types import Caller

MOST: Final = 10
"""Of one task."""
_LONGEST: Final = 2_000
"""Characters of an address, a token or credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Push:
    """The push notification configurations of one agent's tasks, as one caller may see them."""

    app: App
    outside: Outside
    caller: Caller
    agent: str

    async def create(self, asked: Data, *, at: int | None = None) -> Data:
        """Tell a client from now on, or from behind an event; one of the same id takes the place of the other."""
        entitled(self.caller, "run")
        seq = await self._reached(needed(asked, "taskId"))
        await self.refuse_unfit(asked)
        config = {**asked, "id": asked.get("id") or uuid4().hex}
        known = await self.outside.subscriptions.subscriptions(config["taskId"])
        if len(known) >= MOST and config["id"] not in {one.id for one in known}:
            raise InvalidParamsError(f"a task has at most {MOST} push notification configurations: delete one")
        await self.outside.subscriptions.subscribe(
            config["taskId"], config["id"], config, told_seq=seq if at is None else at
        )
        return config

    async def get(self, asked: Data) -> Data:
        """One configuration, without its secrets."""
        found = await self._of(needed(asked, "taskId"))
        for one in found:
            if one.id == asked.get("id"):
                return _shown(one)
        raise TaskNotFoundError(f"the task has no push notification configuration {asked.get('id')!r}")

    async def list(self, asked: Data) -> Data:
        """Those of a task, without their secrets."""
        return {"configs": [_shown(one) for one in await self._of(needed(asked, "taskId"))]}

    async def delete(self, asked: Data) -> None:
        """End one; ending it twice is ending it once."""
        entitled(self.caller, "run")
        await self._reached(needed(asked, "taskId"))
        await self.outside.subscriptions.unsubscribe(asked["taskId"], needed(asked, "id"))

    async def _of(self, task_id: str) -> "tuple[Subscription, ...]":
        await self._reached(task_id)
        return tuple(await self.outside.subscriptions.subscriptions(task_id))

    async def _reached(self, task_id: str) -> int:
        """How far the task is."""
        line = await reached(self.app, self.caller, task_id, what="task")
        if line.agent_type != self.agent:
            raise TaskNotFoundError(f"there is no task {task_id!r}")
        return line.last_seq

    async def refuse_unfit(self, config: Data) -> None:
        """Refuse what cannot be told, or must not be called.

        Raises:
            InvalidParamsError: It cannot be; the message says why.
        """
        authentication: Data = config.get("authentication", {})
        secrets = (config.get("token", ""), authentication.get("scheme", ""), authentication.get("credentials", ""))
        for words in (config.get("id", ""), config.get("url", ""), *secrets):
            if len(words) > _LONGEST or not (words.isascii() and words.isprintable()):
                raise InvalidParamsError(f"give at most {_LONGEST} characters of ASCII that can be printed")
        try:
            await address.resolved(config.get("url", ""), private=self.app.settings.private_webhooks)
        except address.UnknownHost:
            return  # names may be away for a while, as their hosts may: it is looked up again for each delivery
        except address.Unreachable as error:
            raise InvalidParamsError(f"url: {error}") from error


def _shown(subscription: Subscription) -> Data:
    """As the client gave it, without what only it and its webhook have to know."""
    config: Data = {key: value for key, value in subscription.config.items() if key != "token"}
    if "authentication" in config:
        config["authentication"] = {"scheme": config["authentication"].get("scheme", "")}
    return config
