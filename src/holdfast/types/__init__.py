"""The data that passes between the parts: frozen, and free of behaviour."""

from holdfast.types.append import Append, Appended
from holdfast.types.approval import (
    Answer,
    Approval,
    ApprovalKind,
    ApprovalStatus,
    ApprovalUse,
    NewApproval,
    Ruling,
    Settled,
)
from holdfast.types.call import CallChange, CallStatus, Effect, ToolCall
from holdfast.types.context import Context, DepsT_co
from holdfast.types.control import (
    Account,
    Admission,
    Breaker,
    BreakerKind,
    BreakerStatus,
    Budget,
    BudgetScope,
    Candidate,
    Controls,
    Grant,
    ModelUsage,
    OnExhausted,
    OverRate,
    Rate,
    RateScope,
    RateUnit,
    Report,
    Switch,
    SwitchKind,
)
from holdfast.types.conversation import CallRecord, Conversation
from holdfast.types.decision import Decision, Proposal, Verdict
from holdfast.types.delivery import Address, Card, Closed, Delivery, Notice, Outgoing, Severity
from holdfast.types.event import Event, NewEvent
from holdfast.types.execution import ENDED, TRANSITIONS, Claimed, Execution, NewExecution, Status
from holdfast.types.fallback import Cached, Default, GoodResult
from holdfast.types.feedback import Feedback, FeedbackKind
from holdfast.types.health import Health, Swept
from holdfast.types.reply import Call, Calls, Final, Reply, Say
from holdfast.types.routing import Due, Routing, Vote
from holdfast.types.terms import Limits, OnChange, OnFailure, OnRateLimit, Price
from holdfast.types.usage import Usage
from holdfast.types.value import Json

__all__ = [
    "ENDED",
    "TRANSITIONS",
    "Account",
    "Address",
    "Admission",
    "Answer",
    "Append",
    "Appended",
    "Approval",
    "ApprovalKind",
    "ApprovalStatus",
    "ApprovalUse",
    "Breaker",
    "BreakerKind",
    "BreakerStatus",
    "Budget",
    "BudgetScope",
    "Cached",
    "Call",
    "CallChange",
    "CallRecord",
    "CallStatus",
    "Calls",
    "Candidate",
    "Card",
    "Claimed",
    "Closed",
    "Context",
    "Controls",
    "Conversation",
    "Decision",
    "Default",
    "Delivery",
    "DepsT_co",
    "Due",
    "Effect",
    "Event",
    "Execution",
    "Feedback",
    "FeedbackKind",
    "Final",
    "GoodResult",
    "Grant",
    "Health",
    "Json",
    "Limits",
    "ModelUsage",
    "NewApproval",
    "NewEvent",
    "NewExecution",
    "Notice",
    "OnChange",
    "OnExhausted",
    "OnFailure",
    "OnRateLimit",
    "Outgoing",
    "OverRate",
    "Price",
    "Proposal",
    "Rate",
    "RateScope",
    "RateUnit",
    "Reply",
    "Report",
    "Routing",
    "Ruling",
    "Say",
    "Settled",
    "Severity",
    "Status",
    "Swept",
    "Switch",
    "SwitchKind",
    "ToolCall",
    "Usage",
    "Verdict",
    "Vote",
]
