"""The research team example: documents that contradict each other, and reviewers who do, offline."""

import asyncio
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from holdfast import Agent, App, Conversation, Panel, Reply, Say
from holdfast.types import Execution

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "research_team"))

from library import FOLDER, read_document, search_documents
from research import lead, researcher, reviewers, writer

QUESTION = "How many parcels arrive damaged, and what is the cause of damage?"


def run(database: str, agent: Agent, *, question: str = QUESTION, answer: str | None = None) -> tuple[Execution, list]:
    """The execution at its end, and what the panel decided on the way."""

    async def whole() -> tuple[Execution, list]:
        async with App([agent], database) as app, app.worker():
            started = await app.start("lead", question)
            while not (ended := await app.wait(started.id, 30)).ended:
                (asked,) = await app.approvals()
                await app.decide(asked.id, "answer", by="ada", note=answer)
            found = [e.data async for e in app.events(ended.id, follow=False) if e.kind == "panel.resolved"]
            return ended, found

    return asyncio.run(whole())


def test_the_reviewers_contradict_each_other_and_then_agree(sqlite_database: str) -> None:
    """A majority wants the first draft revised; the second says where the sources disagree, and is accepted."""
    ended, decided = run(sqlite_database, lead)
    assert [one["outcome"] for one in decided] == ["majority", "agreed"]
    assert [(vote["agent"], vote["side"]) for vote in decided[0]["votes"]] == [
        ("sources", 1), ("honesty", 1), ("brevity", 2),
    ]  # fmt: skip
    assert (ended.status, ended.result["accepted"], ended.descendants) == ("completed", True, 10)
    for figure in ("3.1 %", "5.4 %", "1.2 %", "2.9 %"):
        assert figure in ended.result["text"]


def without(name: str) -> Agent:
    """The team with a reviewer who fails."""

    def fails(_: Conversation) -> Reply:
        return Say("")

    members = [replace(one, models=[fails]) if one.name == name else one for one in reviewers.members]
    panel: Panel = replace(reviewers, members=members)
    return replace(lead, team=[researcher, writer, panel])


@pytest.mark.parametrize(("answer", "rounds"), [("brevity", 1), ("sources", 2)])
def test_a_tie_is_decided_by_a_person(sqlite_database: str, answer: str, rounds: int) -> None:
    """Where one reviewer fails and the other two disagree, somebody chooses whose review counts."""
    ended, decided = run(sqlite_database, without("honesty"), answer=answer)
    assert (decided[0]["outcome"], decided[0]["by"], decided[0]["member"]) == ("chosen", "ada", answer)
    assert "a tie at 1 of 2" in decided[0]["before"][0]
    assert (len(decided), ended.result["accepted"]) == (rounds, True)


def test_what_the_documents_do_not_say_is_not_made_up(sqlite_database: str) -> None:
    """The team says that it cannot complete, and why."""
    ended, _ = run(sqlite_database, lead, question="Who designed the lamp?")
    assert (ended.status, ended.status_reason) == ("failed", "CANNOT_COMPLETE")


def test_the_researcher_reads_its_folder_and_nothing_else() -> None:
    """A name that leads elsewhere finds nothing."""
    assert search_documents.function("stronger boxes")[0] == "box-trial.md"
    assert len(list(FOLDER.glob("*.md"))) == 5
    with pytest.raises(Exception, match="no document"):
        read_document.function("../README.md")
