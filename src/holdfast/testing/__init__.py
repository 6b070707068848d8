"""What tests of agents need: a scripted model, a clock to turn, a ledger of effects, crashes and faults on demand.

Names load when first used: a test that needs no model does not import the model library.
"""

from importlib import import_module

_HOMES = {
    "Call": "holdfast.types",
    "Calls": "holdfast.types",
    "Final": "holdfast.types",
    "Say": "holdfast.types",
    "Usage": "holdfast.types",
    "Fail": "holdfast.testing.script",
    "Metered": "holdfast.testing.script",
    "Raw": "holdfast.testing.script",
    "Step": "holdfast.testing.script",
    "ScriptedModel": "holdfast.testing.scripted",
    "FakeClock": "holdfast.testing.clock",
    "CrashPlan": "holdfast.testing.crash",
    "CrashingJournal": "holdfast.testing.crash",
    "CrashingTool": "holdfast.testing.crash",
    "crash_point": "holdfast.testing.crash",
    "FaultyJournal": "holdfast.testing.fault",
    "Effect": "holdfast.testing.ledger",
    "Ledger": "holdfast.testing.ledger",
    "NotDeterministic": "holdfast.testing.rehearsal",
    "check_workflow": "holdfast.testing.rehearsal",
}

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll] - __init__.pyi lists them


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'holdfast.testing' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
