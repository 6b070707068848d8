"""A supervisor whose specialists use all they may, and keep their own account of it: `holdfast worker`'s target."""

import os
from pathlib import Path

from holdfast import Agent, App, Call, Calls, Conversation, Final, Limits, Reply
from tests.incidents.spenders import spender

FANNED_OUT = 6
CEILING = 30_000
"""Tokens of the supervisor, for itself and everybody below it; each specialist alone may use a million."""


def lead(conversation: Conversation) -> Reply:
    if not conversation.calls:
        return Calls([Call("delegate_to_spender", {"task": f"order {number}"}) for number in range(FANNED_OUT)])
    return Final("; ".join(call.status for call in conversation.calls))


def supervisor(folder: Path) -> Agent:
    """Asks six at once, none of which stops by itself before it has to."""
    return Agent(name="supervisor", models=[lead], team=[spender(folder)], limits=Limits(tokens=CEILING))


if "INCIDENT_FOLDER" in os.environ:
    app = App([supervisor(Path(os.environ["INCIDENT_FOLDER"]))])
