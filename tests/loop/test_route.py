"""Many tools: which ones a model is shown, how it asks for more, and what the record says of it."""

import asyncio
from collections.abc import Sequence

import pytest

from bench.company_tools import QUESTIONS, UNSEEN, tools
from holdfast import Agent, App, Conversation, ToolRouter, tool
from holdfast.errors import DeclarationError
from holdfast.loop.context import known_prefix
from holdfast.loop.fold import apply
from holdfast.loop.history import History
from holdfast.loop.prompt import tool_size
from holdfast.testing import Call, Fail, Say, ScriptedModel
from holdfast.testing.scripted import as_error
from holdfast.types import Event, Execution
from tests.loop.desk import World

MANY = tools()
OWN = {"find_tools", "cannot_complete", "ask_person"}


class Watched(ScriptedModel):
    """A scripted model that remembers what it was shown."""

    def __init__(self, *steps: object, **options: object) -> None:
        super().__init__(list(steps), **options)
        self.shown: list[list[str]] = []

    async def request(self, messages: object, settings: object, parameters: object) -> object:
        names = [one.name for one in parameters.function_tools]
        self.shown.append([name for name in names if name not in OWN])
        return await super().request(messages, settings, parameters)


class Busy(Watched):
    """One that has too many requests the first time."""

    async def request(self, *asked: object) -> object:
        came = await super().request(*asked)
        if len(self.shown) == 1:
            raise as_error(Fail("rate_limit"), "busy")
        return came


@tool(effect="read")
def find_order(order_id: str) -> str:
    """Look up one order by its number."""
    return f"order {order_id}: a parcel that arrived broken, the customer wants the payment back"


def with_find_order() -> list[object]:
    return [find_order, *(one for one in MANY if one.name != "find_order")]


def run(world: World, model: Watched, input: object, **options: object) -> tuple[Execution, list[Event]]:  # noqa: A002
    options.setdefault("tools", with_find_order())
    app = App([Agent(name="clerk", models=[model], **options)], str(world.path / "holdfast.db"))

    async def story() -> tuple[Execution, list[Event]]:
        async with app:
            ended = await app.run("clerk", input, timeout_s=30)
            return ended, [event async for event in app.events(ended.id, follow=False)]

    return asyncio.run(story())


def lists(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if event.kind == "tools.shortlisted"]


def test_a_model_is_shown_a_dozen_of_many_tools(world: World) -> None:
    """Those that the question seems to need, beside the tools that every agent has; the record names them."""
    model = Watched(Say("done"))
    ended, events = run(world, model, "I want my money back for order 88")
    assert ended.status == "completed"
    assert len(model.shown[0]) == 12
    assert "refund_payment" in model.shown[0]
    (chosen,) = lists(events)
    assert chosen.data["added"]["ranked"] == model.shown[0]
    assert chosen.data["decision"]["reason"] == "12 of 100 tools, by their words"


def test_thirty_tools_are_all_shown(world: World) -> None:
    """Without a router, and nothing is written about it."""
    model = Watched(Say("done"))
    _, events = run(world, model, "hello", tools=MANY[:30])
    assert model.shown[0] == [one.name for one in MANY[:30]]
    assert lists(events) == []


def test_a_list_that_nothing_is_added_to_is_written_once(world: World) -> None:
    """However many turns follow: an event more each would be paid for by whoever keeps the record."""
    model = Watched(*(Call("find_order", {"order_id": str(number)}) for number in range(4)), Say("done"))
    router = ToolRouter(most=6, always=["refund_payment", "report_damaged_goods", "track_parcel", "find_customer"])
    _, events = run(world, model, "Look at order 1", router=router)
    assert len(lists(events)) == 1
    assert len(set(map(tuple, model.shown))) == 1


def test_what_a_result_brings_up_joins_the_list_at_its_end(world: World) -> None:
    """The tools before stay where they were, so that what a provider cached of them still fits."""
    model = Watched(Call("find_order", {"order_id": "7"}), Say("done"))
    run(world, model, "What is the matter with order 7?", router=ToolRouter(most=2, always=["find_order"]))
    first, second = model.shown
    assert "report_damaged_goods" not in first
    assert second[: len(first)] == first
    assert "report_damaged_goods" in second[len(first) :]


def test_a_model_asks_for_more_and_can_call_it_in_its_next_message(world: World) -> None:
    """The answer names what fits, without a model; from the next turn on the tool is defined."""
    model = Watched(Call("find_tools", {"need": "weather forecast"}), Say("done"))
    ended, events = run(world, model, "hello", router=ToolRouter(most=3))
    assert ended.tool_calls[0].tool_output["found"][0]["name"] == "weather"
    assert "weather" not in model.shown[0]
    assert "weather" in model.shown[1]
    assert "weather" in lists(events)[1].data["added"]["found"]


def test_a_model_that_names_all_tools_gets_a_dozen(world: World) -> None:
    """Asking for more is no way around the list."""
    everything = ", ".join(one.name for one in MANY)
    model = Watched(Call("find_tools", {"need": everything}), Say("done"))
    ended, _ = run(world, model, "hello")
    assert len(ended.tool_calls[0].tool_output["found"]) == 12
    assert len(model.shown[1]) <= 24


def test_find_tools_names_every_tool(world: World) -> None:
    """So a model knows what there is, at a small part of what the definitions would cost."""
    model = Watched(Say("done"))
    run(world, model, "hello")
    told = {one.name: one.description for one in model.last_parameters.function_tools}["find_tools"]
    assert all(one.name in told for one in MANY)


def test_a_tool_that_was_not_shown_runs_when_it_is_called(world: World) -> None:
    """It is declared, and its gates hold; from then on it is on the list, and the record says why."""
    model = Watched(Call("find_order", {"order_id": "7"}), Say("done"))
    ended, events = run(world, model, "What is the weather in Oslo?", router=ToolRouter(most=2))
    assert "find_order" not in model.shown[0]
    assert ended.tool_calls[0].status == "completed"
    assert lists(events)[1].data["added"]["called"] == ["find_order"]
    assert "find_order" in model.shown[1]


def test_a_tool_that_is_not_shown_still_asks_a_person(world: World) -> None:
    """A shortlist saves tokens; it is no gate, and takes none away."""

    @tool(effect="irreversible")
    def wipe() -> str:
        """Wipe everything."""
        return "wiped"

    ended, _ = run(world, Watched(Call("wipe", {}), Say("done")), "the weather?", tools=[*MANY, wipe])
    assert ended.status == "awaiting_review"


def test_rules_know_their_tools_and_are_shown_none(world: World) -> None:
    """Plain code calls what it knows; a list for it would be noise on the record."""

    def knows(conversation: Conversation) -> Call | Say:
        return Say("done") if conversation.calls else Call("find_order", {"order_id": "7"})

    ended, events = run(world, knows, "hello")
    assert (ended.status, lists(events)) == ("completed", [])


def test_what_must_be_shown_is_shown(world: World) -> None:
    """Before anything that only seems to fit."""
    model = Watched(Say("done"))
    run(world, model, "I want my money back", router=ToolRouter(most=3, always=["deploy", "weather"]))
    assert model.shown[0][:2] == ["deploy", "weather"]
    assert len(model.shown[0]) == 3


def test_a_list_that_grew_too_long_is_drawn_up_anew_with_what_was_used(world: World) -> None:
    """Twice its size is the most; what was called stays."""
    needs = ["weather forecast", "book a hotel", "roll back", "sign a contract"]
    model = Watched(
        Call("find_order", {"order_id": "1"}), *(Call("find_tools", {"need": need}) for need in needs), Say("done")
    )
    _, events = run(world, model, "order 1", router=ToolRouter(most=6))
    assert max(map(len, model.shown)) <= 12
    assert all("find_order" in names for names in model.shown[1:])
    assert any(event.data["anew"] for event in lists(events)[1:])


def test_an_authors_function_says_what_is_shown(world: World) -> None:
    """In its order, and nothing that it leaves out."""

    def rank(conversation: Conversation, tools: Sequence[object]) -> list[str]:
        assert conversation.input == "hello"
        assert len(tools) == 100
        return ["weather", "deploy", "no such tool"]

    model = Watched(Say("done"))
    _, events = run(world, model, "hello", router=ToolRouter(rank=rank))
    assert model.shown[0] == ["weather", "deploy"]
    assert lists(events)[0].data["by"] == "rank"


def test_words_decide_when_an_authors_function_fails(world: World) -> None:
    """The execution goes on, and the record says why."""

    def rank(conversation: Conversation, tools: Sequence[object]) -> list[str]:
        raise RuntimeError("no idea")

    model = Watched(Say("done"))
    ended, events = run(world, model, "I want my money back", router=ToolRouter(rank=rank))
    assert ended.status == "completed"
    assert "refund_payment" in model.shown[0]
    assert (lists(events)[0].data["by"], "no idea" in lists(events)[0].data["fell_back"]) == ("words", True)


def letters(texts: Sequence[str]) -> list[list[float]]:
    """An embedder of one's own: how often each letter stands in a text."""
    return [[float(text.lower().count(chr(97 + place))) for place in range(26)] for text in texts]


def test_an_embedder_ranks_by_likeness_and_knows_the_tools_vectors_by_heart(world: World) -> None:
    """One question for all tools in a process, then one for each thing that people say."""
    asked: list[int] = []

    def embed(texts: Sequence[str]) -> list[list[float]]:
        asked.append(len(texts))
        return letters(texts)

    model = Watched(Call("find_order", {"order_id": "7"}), Say("done"))
    _, events = run(world, model, "weather: Weather forecast for a place. (city, day)", router=ToolRouter(embed=embed))
    assert model.shown[0][0] == "weather"
    assert asked == [100, 1]
    assert lists(events)[0].data["by"] == "embedding"


def test_an_embedder_of_the_model_library_is_counted(world: World) -> None:
    """What its questions cost in tokens counts against the limits like any other."""
    from pydantic_ai import Embedder
    from pydantic_ai.embeddings import TestEmbeddingModel

    router = ToolRouter(embed=Embedder(TestEmbeddingModel()))
    ended, events = run(world, Watched(Say("done")), "I want my money back", router=router)
    said = lists(events)[0].data
    assert said["gen_ai.request.model"] == "test:test"
    assert said["gen_ai.usage.input_tokens"] > 0
    models = sum(
        event.data["gen_ai.usage.input_tokens"] for event in events if "gen_ai.usage.input_tokens" in event.data
    )
    out = sum(event.data.get("gen_ai.usage.output_tokens", 0) for event in events)
    assert ended.token_count == models + out


def test_an_embedder_that_is_down_costs_one_try_and_not_one_each_turn(world: World) -> None:
    """The words decide meanwhile."""
    tries: list[int] = []

    def embed(texts: Sequence[str]) -> list[list[float]]:
        tries.append(1)
        raise OSError("no route to host")

    model = Watched(Say(""), Say(""), Say("done"))
    ended, events = run(world, model, "I want my money back", router=ToolRouter(embed=embed))
    assert ended.status == "completed"
    assert len(tries) == 1
    assert "no route to host" in lists(events)[0].data["fell_back"]


def test_a_turn_that_is_taken_up_again_pays_for_no_second_question(world: World) -> None:
    """Its list is on the record already: a model that was busy is asked again with the same."""
    asked: list[int] = []

    def embed(texts: Sequence[str]) -> list[list[float]]:
        asked.append(len(texts))
        return letters(texts)

    model = Busy(Say("done"))
    ended, events = run(world, model, "I want my money back", router=ToolRouter(embed=embed))
    assert ended.status == "completed"
    assert "execution.parked" in [event.kind for event in events]
    assert asked == [100, 1]
    assert len(set(map(tuple, model.shown))) == 1


def test_a_worker_that_takes_over_shows_the_same_list(world: World) -> None:
    """A deploy in between that ranks otherwise changes nothing of what was shown."""
    path = str(world.path / "holdfast.db")
    first, second = Watched(Call("ask_person", {"question": "Which one?"})), Watched(Call("x", {}), Say("done"))

    def agent(model: Watched, most: int) -> Agent:
        return Agent(name="clerk", models=[model], tools=with_find_order(), router=ToolRouter(most=most))

    async def story() -> Execution:
        async with App([agent(first, 8)], path) as app:
            waiting = await app.run("clerk", "I want my money back")
        async with App([agent(second, 5)], path) as app:
            (asked,) = await app.approvals(execution_id=waiting.id)
            await app.decide(asked.id, "answer", by="mia", note="that one")
            return await app.resume(waiting.id, timeout_s=30)

    assert asyncio.run(story()).status == "completed"
    assert second.shown[0][:8] == first.shown[0]


def test_a_longer_list_is_held_room_for(world: World) -> None:
    """What the provider counted was without the tools that joined: their definitions are reserved besides."""
    history = History(last_usage=(100, 10), entries_at_last_usage=2, shortlist=["weather"])
    chosen = {"step": 2, "anew": False, "added": {"found": ["deploy"]}, "added_tokens": 500}
    apply(history, "tools.shortlisted", chosen)
    assert (history.shortlist, known_prefix(history)) == (["weather", "deploy"], (610, 2))
    _, events = run(
        world, Watched(Call("find_tools", {"need": "deploy"}), Say("done")), "hello", router=ToolRouter(most=2)
    )
    (sizes,) = [event.data["added_tokens"] for event in lists(events)[1:]]
    assert sizes >= sum(tool_size(one) for one in MANY if one.name == "deploy")


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        ({"most": 0}, "1 or more"),
        ({"always": "find_order"}, "a list"),
        ({"rank": "best"}, "give a function"),
        ({"embed": "gpt"}, "provider:model"),
        ({"rank": lambda _, __: [], "embed": letters}, "give one of them"),
        ({"timeout_s": 0}, "more than 0"),
    ],
)
def test_a_router_that_cannot_work_names_the_fix(options: dict[str, object], fix: str) -> None:
    """Where it is declared."""
    with pytest.raises(DeclarationError, match=fix):
        ToolRouter(**options)


def test_a_provider_of_embeddings_that_there_is_not_is_refused(world: World) -> None:
    """When the app makes its agents ready, not by quietly ranking by words for ever."""
    router = ToolRouter(embed="opnai:text-embedding-3-small")
    with pytest.raises(DeclarationError, match="no provider 'opnai'"):
        run(world, Watched(Say("done")), "hello", router=router)


def test_a_router_shows_only_tools_that_there_are() -> None:
    """And an agent with many has no tool of the name by which a model asks for more."""
    with pytest.raises(DeclarationError, match="no tool 'gone'"):
        Agent(name="a", models=[Watched()], tools=MANY, router=ToolRouter(always=["gone"]))

    @tool(name="find_tools", effect="read")
    def mine(need: str) -> str:
        """Mine."""
        return need

    with pytest.raises(DeclarationError, match="rename yours"):
        Agent(name="a", models=[Watched()], tools=[*MANY, mine])
    Agent(name="a", models=[Watched()], tools=[mine])


def test_the_tool_that_people_need_is_among_the_first_twelve() -> None:
    """Of a hundred tools of one company, for questions as people ask them; docs/tool-router.md has the figures."""
    from bench.router import recall

    assert recall(QUESTIONS) >= 0.85
    assert recall(UNSEEN) >= 0.7
