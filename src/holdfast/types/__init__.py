"""The data that passes between the parts: frozen, and free of behaviour."""

from holdfast.types.append import Append, Appended
from holdfast.types.approval import Answer, Approval, ApprovalKind, ApprovalStatus, ApprovalUse, NewApproval, Ruling
from holdfast.types.call import CallChange, CallStatus, Effect, ToolCall
from holdfast.types.context import Context, DepsT_co
from holdfast.types.conversation import CallRecord, Conversation
from holdfast.types.decision import Decision, Proposal, Verdict
from holdfast.types.event import Event, NewEvent
from holdfast.types.execution import ENDED, TRANSITIONS, Claimed, Execution, NewExecution, Status
from holdfast.types.health import Health, Swept
from holdfast.types.reply import Call, Calls, Final, Reply, Say
from holdfast.types.terms import Limits, OnChange, OnFailure, Price
from holdfast.types.usage import Usage
from holdfast.types.value import Json

__all__ = [
    "ENDED",
    "TRANSITIONS",
    "Answer",
    "Append",
    "Appended",
    "Approval",
    "ApprovalKind",
    "ApprovalStatus",
    "ApprovalUse",
    "Call",
    "CallChange",
    "CallRecord",
    "CallStatus",
    "Calls",
    "Claimed",
    "Context",
    "Conversation",
    "Decision",
    "DepsT_co",
    "Effect",
    "Event",
    "Execution",
    "Final",
    "Health",
    "Json",
    "Limits",
    "NewApproval",
    "NewEvent",
    "NewExecution",
    "OnChange",
    "OnFailure",
    "Price",
    "Proposal",
    "Reply",
    "Ruling",
    "Say",
    "Status",
    "Swept",
    "ToolCall",
    "Usage",
    "Verdict",
]
