"""Panels: the same task for several specialists, and what counts where they contradict each other."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from pydantic import BaseModel

from holdfast import Agent, App, Call, Calls, Conversation, Final, Limits, Panel, Reply, Say, workflow
from holdfast.config import Settings
from holdfast.doors.absent import absent_people
from holdfast.doors.story import Story
from holdfast.errors import DeclarationError
from holdfast.types import Event, Execution


class Review(BaseModel):
    verdict: str
    words: str = ""
    confidence: float = 0.5


def member(name: str, verdict: str | None, *, confidence: float = 0.5, **options: object) -> Agent[Review]:
    """A reviewer who always says this; `None`: who fails."""

    def review(_: Conversation) -> Reply:
        if verdict is None:
            return Say("")
        return Final(Review(verdict=verdict, words=f"says {name}", confidence=confidence))

    return Agent(name=name, models=[review], output=Review, **options)


def members(*verdicts: str | None) -> list[Agent[Review]]:
    return [member(f"{chr(97 + place)}", verdict) for place, verdict in enumerate(verdicts)]


def lead(conversation: Conversation) -> Reply:
    if not conversation.calls:
        return Calls([Call("delegate_to_reviewers", {"task": "Is it good?", "context": {"text": "it"}})])
    return Final(conversation.calls[-1].status)


def boss(panel: Panel[Review], **options: object) -> Agent:
    return Agent(**{"name": "boss", "models": [lead], "team": [panel], **options})


def play(database: str, agent: Agent, story: Callable[[App], Awaitable[None]]) -> None:
    async def whole() -> None:
        async with App([agent], database) as app:
            await story(app)

    asyncio.run(whole())


async def worked(app: App) -> Execution:
    async with app.worker():
        started = await app.start("boss", "Review.")
        return await app.wait(started.id, 30)


async def resolved(app: App, execution: Execution) -> list[Event]:
    return [e async for e in app.events(execution.id, follow=False) if e.kind == "panel.resolved"]


def decided(database: str, panel: Panel[Review]) -> tuple[Event, dict[str, object]]:
    """The event, and what the supervisor is given."""
    found: list[tuple[Event, dict[str, object]]] = []

    async def story(app: App) -> None:
        ended = await worked(app)
        (event,) = await resolved(app, ended)
        (call,) = (await app.get(ended.id)).tool_calls
        found.append((event, {"status": call.status, **call.tool_output}))

    play(database, boss(panel), story)
    return found[0]


def test_results_that_agree_in_the_named_fields_are_the_answer_of_the_surest(database: str) -> None:
    """One task is one execution for each member, side by side; what they agree on comes back as one result."""
    agree = [member("a", "good", confidence=0.4), member("b", "good", confidence=0.9)]

    async def story(app: App) -> None:
        ended = await worked(app)
        (event,) = await resolved(app, ended)
        assert (event.data["outcome"], event.data["member"]) == ("agreed", "b")
        assert event.data["decision"]["gate"] == "agreement"
        assert {one.parent_id for name in "ab" for one in await app.list(agent=name)} == {ended.id}
        assert [one.input_data for one in await app.list(agent="a")] == [
            {"task": "Is it good?", "context": {"text": "it"}}
        ]
        kinds = [e.kind async for e in app.events(ended.id, follow=False)]
        assert kinds.index("child.started") == kinds.index("call.decided") + 1
        assert ended.descendants == 2

    play(database, boss(Panel("reviewers", agree, agree=["verdict"])), story)


@pytest.mark.parametrize(
    ("verdicts", "outcome", "status"),
    [(("good", "bad"), "undecided", "completed"), (("good", None, None), "too_few", "failed")],
)
def test_the_supervisor_is_given_every_result(
    sqlite_database: str, verdicts: tuple[str | None, ...], outcome: str, status: str
) -> None:
    """Whatever comes of it has a name and a reason, and the call says what each member came to."""
    event, told = decided(sqlite_database, Panel("reviewers", members(*verdicts)))
    assert (event.data["outcome"], told["outcome"], told["status"], told["result"]) == (outcome, outcome, status, None)
    assert event.data["decision"]["reason"] == told["reason"]
    assert [one["status"] for one in told["members"]] == ["failed" if v is None else "completed" for v in verdicts]


def test_the_record_says_who_voted_what_and_what_was_tried_first(sqlite_database: str) -> None:
    """Sides, scores, costs and the reason of a member that failed; the vote that did not decide before the score."""
    panel = Panel(
        "reviewers",
        members("good", "bad", None),
        agree=["verdict"],
        resolve=["vote", lambda it: len(it.verdict)],
    )
    event, _ = decided(sqlite_database, panel)
    votes = {vote["agent"]: vote for vote in event.data["votes"]}
    assert [(vote["side"], vote["score"]) for vote in votes.values()] == [(1, 4), (2, 3), (None, None)]
    assert "MALFORMED_OUTPUT" in votes["c"]["reason"]
    assert event.data["before"] == ["vote: a against b: a tie at 1 of 2"]


def people(*verdicts: str | None, **asked: object) -> Agent:
    return boss(Panel("reviewers", members(*verdicts), agree=["verdict"], resolve="person", people=asked))


@pytest.mark.parametrize(
    ("answer", "outcome", "status", "whose"),
    [("B", "chosen", "completed", "b"), (None, "rejected", "denied", None)],
)
def test_a_person_chooses_between_the_results(
    database: str, answer: str | None, outcome: str, status: str, whose: str | None
) -> None:
    """People see every result, those who may answer are asked once, and the choice is the answer."""

    async def story(app: App) -> None:
        async with app.worker():
            started = await app.start("boss", "Review.")
            await app.wait(started.id, 30)
            (asked,) = await app.approvals()
            assert (asked.kind, asked.reviewers) == ("question", "editors")
            assert asked.arguments["results"]["a"]["verdict"] == "good"
            await (
                app.decide(asked.id, "answer", by="ada", note=answer)
                if answer
                else app.decide(asked.id, "reject", by="ada", note="ask again")
            )
            ended = await app.wait(started.id, 30)
        (event,) = await resolved(app, ended)
        assert (event.data["outcome"], event.data["member"], event.data["by"]) == (outcome, whose, "ada")
        assert (ended.status, ended.result, len(await app.approvals(None))) == ("completed", status, 1)

    play(database, people("good", "bad", reviewers="editors"), story)


def test_doctor_knows_whom_a_panel_asks() -> None:
    """A group that nobody is in could never choose."""
    settings = Settings(people={"Ada": {"groups": ["leads"]}})
    (wrong,) = absent_people(people("good", "bad", reviewers="editors"), settings)
    assert wrong.startswith("the panel reviewers asks the group 'editors', and nobody is in it")


def test_an_answer_that_names_nobody_is_asked_about_again(sqlite_database: str) -> None:
    """A choice counts only if it is one of the results."""

    async def story(app: App) -> None:
        async with app.worker():
            started = await app.start("boss", "Review.")
            for said in ("the second one", "b"):
                await app.wait(started.id, 30)
                (asked,) = await app.approvals()
                await app.decide(asked.id, "answer", by="ada", note=said)
            ended = await app.wait(started.id, 30)
        assert "which is none of the names" in asked.reason
        assert (await resolved(app, ended))[0].data["member"] == "b"

    play(sqlite_database, people("good", "bad"), story)


def test_nobody_chooses_in_time(sqlite_database: str) -> None:
    """Silence counts as no: no result counts, and the supervisor is told so."""

    async def story(app: App) -> None:
        async with app.worker():
            started = await app.start("boss", "Review.")
            async for _ in app.events(started.id):  # until it has ended
                pass
            ended = await app.get(started.id)
        (event,) = await resolved(app, ended)
        assert (event.data["outcome"], event.data["decision"]["verdict"]) == ("expired", "deny")
        assert "counts as no" in event.data["decision"]["reason"]

    play(sqlite_database, people("good", "bad", expires_s=0.2), story)


def test_a_panel_has_the_room_of_its_members(sqlite_database: str) -> None:
    """They start together or not at all: descendants are counted, and what is left is shared among all of them."""

    async def story(app: App) -> None:
        async with app.worker():
            started = await app.start("boss", "Review.")
            ended = await app.wait(started.id, 30)
        (call,) = (await app.get(ended.id)).tool_calls
        assert (call.status, await app.list(agent="a")) == ("denied", [])

    lame = boss(Panel("reviewers", members("good", "bad")), limits=Limits(depth=0))
    play(sqlite_database, lame, story)


def test_each_member_is_held_a_share_of_what_is_left(sqlite_database: str) -> None:
    """The ceilings of a panel's members together are within the supervisor's remainder."""

    async def story(app: App) -> None:
        ended = await worked(app)
        held = [e.data["ceiling"]["tokens"] async for e in app.events(ended.id, follow=False) if "ceiling" in e.data]
        assert (len(held), sum(held) <= 10_000, min(held) > 2_000) == (3, True, True)

    play(sqlite_database, boss(Panel("reviewers", members("a", "b", "c")), limits=Limits(tokens=10_000)), story)


def test_panels_wait_for_their_turn(sqlite_database: str) -> None:
    """Where there is no room for all of a panel's members, it starts when the children at work have ended."""

    def both(conversation: Conversation) -> Reply:
        call = Call("delegate_to_reviewers", {"task": "Is it good?"})
        return Final("done") if conversation.calls else Calls([call, call])

    async def story(app: App) -> None:
        ended = await worked(app)
        assert [event.data["outcome"] for event in await resolved(app, ended)] == ["agreed", "agreed"]
        assert ended.descendants == 4

    panel = Panel("reviewers", members("good", "good"), agree=["verdict"])
    play(sqlite_database, boss(panel, models=[both], limits=Limits(children=3)), story)


def test_a_decision_is_told_by_show(sqlite_database: str) -> None:
    """`holdfast show` names the outcome, the gate, the reason, and what each member said."""
    told: list[str] = []

    async def story(app: App) -> None:
        (event,) = await resolved(app, await worked(app))
        told.extend(text.plain for text in Story(whole=True).tell(event))

    panel = Panel("reviewers", members("good", "bad", "bad"), agree=["verdict"], resolve="vote")
    play(sqlite_database, boss(panel), story)
    said = "\n".join(told)
    assert "panel reviewers majority: b, by vote: 2 of 3: a against b and c" in said
    assert "c completed (side 2, confidence 0.5, $0.0000)" in said


@workflow
async def flows(flow: object) -> Review:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("declare", "said"),
    [
        (lambda: Panel("x", members("good")), "two or more"),
        (lambda: Panel("x y", members("good", "bad")), "use letters"),
        (lambda: Panel("x", [*members("good"), "b"]), "give agents"),
        (lambda: Panel("x", [*members("good"), flows]), "takes an input of its own"),
        (lambda: Panel("x", [member("a", "good"), member("a", "bad")]), "two members of one name"),
        (lambda: Panel("x", [member("a", "good"), Agent(name="b", models=[lead])]), "declare the same output="),
        (lambda: Panel("x", members("good", "bad"), agree=["mark"]), "Review has verdict, words, confidence"),
        (lambda: Panel("x", members("good", "bad"), agree="verdict"), r"agree=\['verdict'\]"),
        (lambda: Panel("x", members("good", "bad"), resolve="majority"), "use 'supervisor', 'vote'"),
        (lambda: Panel("x", members("good", "bad"), resolve=["person", "vote"]), "put it last"),
        (lambda: Panel("x", members("good", "bad"), minimum=3), "give 1 to 2"),
        (lambda: Panel("x", members("good", "bad"), people={"reviewers": "editors"}), "add it to resolve="),
        (lambda: Panel("x", members("good", "bad"), resolve="person", people={"quorum": 2}), "leave quorum out"),
        (lambda: boss(Panel("x", members("good", "bad")), limits=Limits(children=1)), "start together"),
    ],
)
def test_a_panel_that_cannot_work_says_so_where_it_is_declared(declare: Callable[[], object], said: str) -> None:
    """The message names the fix."""
    with pytest.raises(DeclarationError, match=said):
        declare()
