"""Incident 18: the history outgrows the context window."""

from pathlib import Path

from pydantic_ai.messages import ModelRequest, ModelResponse, ToolCallPart, ToolReturnPart

from holdfast import Agent, App, Context, Limits, tool
from holdfast.testing import Call, Calls, Say, ScriptedModel
from tests.incidents.desk import ledger_in
from tests.incidents.place import Place, events_of

WINDOW = 6_000
TASK = "Read all pages of the file MARIGOLD and tell Ada."


@tool(effect="read")
def read(ctx: Context[Path], page: int) -> str:
    """Read a page."""
    return f"page {page}: " + f"line of page {page}. " * 60


@tool(effect="irreversible")
def tell(ctx: Context[Path], to: str) -> str:
    """Tell a person; asks every time."""
    ledger_in(ctx.deps).record(ctx.idempotency_key, "tell", {"to": to})
    return "told"


def paired(messages: list) -> bool:
    """Whether every call has its result in the next message, and no result comes without its call."""
    open_calls: list[str] = []
    for message in messages:
        if isinstance(message, ModelResponse):
            if open_calls:
                return False
            open_calls = [part.tool_call_id for part in message.parts if isinstance(part, ToolCallPart)]
        elif isinstance(message, ModelRequest):
            for part in message.parts:
                if isinstance(part, ToolReturnPart):
                    open_calls.remove(part.tool_call_id)
    return not open_calls


def reader(folder: Path, heard: list[str]) -> Agent:
    """Reads ten pages, tells, reads ten more, tells together with another page, reads on, and ends."""
    turns = [Call("read", {"page": n}) for n in range(10)]
    turns += [Call("tell", {"to": "Ada"}), *(Call("read", {"page": n}) for n in range(10, 20))]
    turns += [Calls([Call("tell", {"to": "Bob"}), Call("read", {"page": 20})])]
    turns += [*(Call("read", {"page": n}) for n in range(21, 30)), Say("all read")]
    scripted = ScriptedModel(turns)

    def listen(messages: list) -> object:
        assert paired(messages), messages
        heard.append("\n".join(str(part) for message in messages for part in message.parts))
        number = sum(f"page {n}:" in text for n in range(30) for text in heard[-1:])
        assert number < 30
        return scripted._slots[len(heard) - 1].step

    return Agent(
        name="clerk", models=[ScriptedModel(listen)], tools=[read, tell], deps=folder, context_window=WINDOW,
        limits=Limits(steps=100, tokens=10**6), instructions="Read.", max_output_tokens=500,
    )  # fmt: skip


def test_compaction_is_recorded_and_nothing_owed_is_lost(place: Place):
    """The history outgrows the window: compacted on the record; task, approvals and people's words stay."""
    heard: list[str] = []

    async def first(app: App) -> str:
        parked = await app.run("clerk", TASK)
        [asked] = await app.approvals()
        assert asked.arguments == {"to": "Ada"}
        await app.decide(asked.id, "approve", by="Eve", edit={"to": "Ada L."}, note="use the full name")
        return parked.id

    async def second(app: App) -> str:
        parked = await app.resume(identity)
        assert parked.status == "awaiting_review"
        return parked.id

    async def third(app: App) -> tuple:
        [asked] = await app.approvals()
        assert asked.arguments == {"to": "Bob"}
        await app.decide(asked.id, "approve", by="Eve")
        return await app.resume(identity), await events_of(app, identity)

    identity = place.play(first, place.app(reader(place.folder, heard)))
    for story in (second, third):  # each a new process as far as the execution can tell
        came = place.play(story, place.app(reader(place.folder, heard)))
    ended, events = came
    assert (ended.status, ended.result, ended.step_count) == ("completed", "all read", len(heard))
    assert [effect.args["to"] for effect in place.ledger.effects()] == ["Ada L.", "Bob"]

    compactions = [event.data for event in events if event.kind == "context.compacted"]
    assert len(compactions) >= 3
    assert all(data["bytes_after"] < data["bytes_before"] for data in compactions)
    # What the model was given fits the window at three bytes a token, and always says what the task is.
    assert max(map(len, heard)) < WINDOW * 3
    assert all("MARIGOLD" in text for text in heard)
    assert all(name in heard[-1] for name in ("Ada L.", "Bob"))  # whom it told: forgotten is told twice
    # The original is all there.
    read_back = [event.data["content"] for event in events if event.kind == "call.ended"]
    assert [page for page in range(30) if f"page {page}: " + f"line of page {page}. " * 60 in read_back] == [*range(30)]


def test_a_question_open_across_a_compaction_stays_open(place: Place):
    """The history outgrows the window while a person is asked: the question waits, and its answer arrives."""
    heard: list[str] = []

    def model(messages: list) -> object:
        heard.append(str(messages))
        turn = len(heard)
        if turn == 20:
            return Calls([Call("ask_person", {"question": "Which COLOUR?"}), Call("read", {"page": 99})])
        return Call("read", {"page": turn}) if turn < 36 else Say("done")

    agent = Agent(name="clerk", models=[ScriptedModel(model)], tools=[read], deps=place.folder, context_window=WINDOW,
                  limits=Limits(steps=100, tokens=10**6), max_output_tokens=500)  # fmt: skip

    async def story(app: App) -> None:
        parked = await app.run("clerk", TASK)
        [asked] = await app.approvals()
        assert (asked.question, parked.status) == ("Which COLOUR?", "awaiting_review")
        await app.decide(asked.id, "answer", by="Ada", note="VERMILION")
        ended = await app.resume(parked.id)
        assert ended.status == "completed"
        kinds = [event.kind for event in await events_of(app, parked.id)]
        last = len(kinds) - kinds[::-1].index("context.compacted")
        assert kinds.index("context.compacted") < kinds.index("approval.opened") < last

    place.play(story, place.app(agent))
    assert all("VERMILION" in text for text in heard[20:])
