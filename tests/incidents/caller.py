"""Clerks with a chain of two providers, for when one is away: `holdfast worker tests/incidents/caller.py`."""

import os
from pathlib import Path

from holdfast import Agent, App, Conversation, Say
from tests.incidents.desk import clerk

PRIMARY, SECOND = "openai-chat:gpt-5.2", "anthropic:claude-sonnet-5"


def by_rules(_conversation: Conversation) -> Say:
    """What is said when no model is there."""
    return Say("We will write to you today.")


def agents(folder: Path) -> list[Agent]:
    """One that ends in a rule, and one that ends in a person."""
    return [
        clerk(folder, models=[PRIMARY, SECOND, by_rules]),
        clerk(folder, name="careful", models=[PRIMARY, SECOND], on_failure="review"),
    ]


app = App(agents(Path(os.environ.get("INCIDENT_FOLDER", "."))))
