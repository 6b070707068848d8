"""What workers of the people incidents run: a clerk whose payments two of finance must agree to."""

import os
from pathlib import Path

from holdfast import Agent, App, Context, Limits, ask_always, tool
from holdfast.testing import Call
from tests.incidents.desk import clerk, happen, look, to_do
from tests.incidents.place import Place

FINANCE = ask_always(
    reviewers="finance", quorum=2, expires_s=3.0, remind_s=0.3, ladder=[("lead", 0.6), ("on-call", 0.9)]
)
"""Of rules in production the times are hours."""


@tool(effect="irreversible", review=ask_always(reviewers="finance", quorum=2))
async def wire(ctx: Context[Path], order: str, trouble: str = "") -> str:
    """Wire money; two of finance must agree."""
    return await happen(ctx, "wire", order, trouble)


@tool(effect="irreversible", review=FINANCE)
async def hurry(ctx: Context[Path], order: str, trouble: str = "") -> str:
    """Wire money; nobody has long to agree."""
    return await happen(ctx, "hurry", order, trouble)


@tool(effect="irreversible", review=ask_always(reviewers="finance"))
async def note(ctx: Context[Path], order: str, trouble: str = "") -> str:
    """Book something; one of finance must agree."""
    return await happen(ctx, "note", order, trouble)


def reviewed(folder: Path) -> Agent:
    """The clerk with tools that people are asked about."""
    return clerk(folder, tools=[look, wire, hurry, note], limits=Limits(repeats=50))


def begin(place: Place, *messages: list[Call] | Call) -> str:
    """Take a request, and leave it to a worker of this file."""

    async def story(app: App) -> str:
        return (await app.start("clerk", to_do(*messages))).id

    return str(place.play(story, place.app(reviewed(place.folder))))


if "INCIDENT_FOLDER" in os.environ:
    app = App([reviewed(Path(os.environ["INCIDENT_FOLDER"]))])
