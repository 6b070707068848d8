"""Works the support desk's tickets without a runtime: the rules decide, the tools run, rules of review are asked."""

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from desk_tools import (
    find_customer,
    find_order,
    refund,
    search_policy,
    send_email,
    track_shipment,
    update_address,
)
from resolution import Resolution
from rules import answer_by_rules
from shop import Shop
from tickets import Ticket, load_tickets

from holdfast import Calls, Final, ToolError
from holdfast.tools.result import present
from holdfast.types import Call, CallRecord, Context, Conversation, Execution, Proposal

TOOLS = {
    tool.name: tool
    for tool in (find_customer, find_order, track_shipment, search_policy, update_address, refund, send_email)
}
TICKETS = {ticket.id: ticket for ticket in load_tickets()}
HANDED_OVER = "handed over"


@dataclass
class Desk:
    shop: Shop
    approve: bool = True

    def context(self, *, user: str | None, call_id: str = "e:1:0") -> Context[Shop]:
        moment = datetime(2026, 11, 21, tzinfo=UTC)
        execution = Execution(
            id="e", parent_id=None, thread_id=None, user_id=user, agent_type="support", agent_version="1",
            status="running", status_reason=None, priority=0, input_data=None, state=None, result=None, error=None,
            step_count=0, token_count=0, cost_usd=Decimal(0), reserved_tokens=0, reserved_usd=Decimal(0),
            lease_owner=None, fence=1, wake_at=None, deadline=None, cancel_requested_at=None, idempotency_key=None,
            last_seq=0, created_at=moment, updated_at=moment, completed_at=None,
        )  # fmt: skip
        return Context(
            deps=self.shop, execution=execution, call_id=call_id, step=1, idempotency_key=call_id, attempt=1, user=user
        )

    def call(self, name: str, *, user: str | None, call_id: str = "e:1:0", **arguments: object) -> Any:
        tool = TOOLS[name]
        checked = tool.validate(json.loads(json.dumps(arguments, default=str)))
        value = asyncio.run(tool.run(self.context(user=user, call_id=call_id), checked))
        return present(value).output

    def verdict(self, name: str, *, user: str | None, **arguments: object) -> str:
        tool = TOOLS[name]
        checked = tool.validate(json.loads(json.dumps(arguments, default=str)))
        proposal = Proposal(
            call_id="c", execution_id="e", step=1, tool=name, effect=tool.effect, arguments=checked,
            args=tool.typed(checked), digest="", schema_hash="", agent="support", user=user,
        )  # fmt: skip
        return tool.review(proposal).verdict if tool.review else "allow"

    def dispatch(self, ticket: Ticket, call: Call, index: int) -> tuple[CallRecord, bool]:
        checked = TOOLS[call.tool].validate(json.loads(json.dumps(dict(call.args))))
        asked = self.verdict(call.tool, user=ticket.sender, **call.args) == "review"
        if asked and not self.approve:
            return CallRecord(tool=call.tool, arguments=checked, status="denied", result="A person said no."), True
        try:
            value = self.call(call.tool, user=ticket.sender, call_id=f"{ticket.id}:{index}", **call.args)
        except ToolError as error:
            return CallRecord(tool=call.tool, arguments=checked, status="failed", result=str(error)), asked
        return CallRecord(tool=call.tool, arguments=checked, status="completed", result=value), asked

    def work(self, ticket: Ticket, notes: tuple[str, ...] = ()) -> "Outcome":
        conversation = Conversation(
            input=ticket.as_input(), calls=(), notes=notes, tools=tuple(TOOLS), user=ticket.sender, closing=False
        )
        asked = False
        for _ in range(12):
            reply = answer_by_rules(conversation)
            assert reply == answer_by_rules(conversation)
            match reply:
                case Final(Resolution() as result):
                    return Outcome(conversation=conversation, asked=asked, result=result)
                case Call("cannot_complete", args):
                    return Outcome(conversation=conversation, asked=asked, handed_over=str(args["reason"]))
                case Call() | Calls():
                    calls = reply.calls if isinstance(reply, Calls) else [reply]
                    for call in calls:
                        record, needed_a_person = self.dispatch(ticket, call, len(conversation.calls))
                        conversation = replace(conversation, calls=(*conversation.calls, record))
                        asked |= needed_a_person
                case other:
                    pytest.fail(f"{ticket.id}: {other!r}")
        pytest.fail(f"{ticket.id} does not end")


@dataclass(kw_only=True)
class Outcome:
    conversation: Conversation
    asked: bool
    result: Resolution | None = None
    handed_over: str = ""

    @property
    def ending(self) -> tuple[str, ...]:
        if self.result is None:
            return (HANDED_OVER, self.handed_over)
        return (*(["asks"] if self.asked else []), *self.result.actions)


def rows(shop: Shop, query: str, *values: object) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(shop.path)) as db:
        return db.execute(query, values).fetchall()
