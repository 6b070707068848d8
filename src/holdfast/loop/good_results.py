"""The last good results of tools that declare `Cached`: kept when they come, found when the tool fails."""

from hashlib import sha256

from holdfast.loop.activation import Activation
from holdfast.loop.history import CallState
from holdfast.ports import Tool
from holdfast.tools.execute import Outcome
from holdfast.trail.codec import as_text, storable
from holdfast.types import Cached, GoodResult


async def keep_good(activation: Activation, call: CallState, outcome: Outcome) -> None:
    """Keep what a tool answered, if it may have to stand in for a later answer."""
    tool = activation.cast.runnable.get(call.tool)
    if tool is None or not isinstance(cached := tool.fallback, Cached) or outcome.status != "completed":
        return
    redactor = activation.desk.redactor
    output = None if outcome.blob else storable(outcome.output, redactor)
    is_json = not isinstance(output, str | None)
    await activation.desk.journal.keep_result(
        GoodResult(
            tool=tool.name,
            key=key_of(activation, call, tool),
            schema_hash=tool.schema_hash,
            output=output,
            content=as_text(output) if is_json else redactor.text(outcome.content),
            execution_id=activation.id,
        ),
        max_age_s=cached.max_age_s,
    )


async def last_good(activation: Activation, call: CallState, tool: Tool, cached: Cached) -> GoodResult | None:
    """What the tool answered to the same call before, if it is young enough."""
    return await activation.desk.journal.last_result(
        tool.name, key_of(activation, call, tool), schema_hash=tool.schema_hash, max_age_s=cached.max_age_s
    )


def key_of(activation: Activation, call: CallState, tool: Tool) -> str:
    """What a result depends on: the call, and who asks where the tool can know that."""
    if not tool.personal:
        return call.digest
    return sha256(f"{call.digest}\n{activation.cast.agent.name}\n{activation.history.user or ''}".encode()).hexdigest()
