"""Holdfast: a production runtime for AI agents.

Names load when first used, so that importing the package reads, writes and starts nothing.
"""

from importlib import import_module

from holdfast.version import __version__

_HOMES = {
    "Agent": "holdfast.agent",
    "App": "holdfast.app",
    "Cached": "holdfast.types",
    "Context": "holdfast.types",
    "Conversation": "holdfast.types",
    "Default": "holdfast.types",
    "Limits": "holdfast.types",
    "Model": "holdfast.agent",
    "Panel": "holdfast.teams.panel",
    "Price": "holdfast.types",
    "Reply": "holdfast.types",
    "Say": "holdfast.types",
    "Approved": "holdfast.teams.flow",
    "Flow": "holdfast.teams.flow",
    "StepFailed": "holdfast.errors",
    "StepTimedOut": "holdfast.errors",
    "Workflow": "holdfast.teams.workflow",
    "workflow": "holdfast.teams.workflow",
    "Plan": "holdfast.teams.plan",
    "Planner": "holdfast.teams.planner",
    "Task": "holdfast.teams.plan",
    "Call": "holdfast.types",
    "Calls": "holdfast.types",
    "Final": "holdfast.types",
    "ToolRouter": "holdfast.router",
    "tool": "holdfast.tools.tool",
    "ToolError": "holdfast.errors",
    "RetryLater": "holdfast.errors",
    "Item": "holdfast.types",
    "Items": "holdfast.types",
    "Schedule": "holdfast.types",
    "sensor": "holdfast.sensors",
    "ask_above": "holdfast.policy.rules",
    "ask_above_risk": "holdfast.policy.rules",
    "ask_always": "holdfast.policy.rules",
    "ask_below_confidence": "holdfast.policy.rules",
    "ask_if_any": "holdfast.policy.rules",
    "ask_when": "holdfast.policy.rules",
    "never_ask": "holdfast.policy.rules",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604 # pyright: ignore[reportUnsupportedDunderAll] - __init__.pyi lists them


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'holdfast' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
