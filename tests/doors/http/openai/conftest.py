"""Agents behind the Responses API, and OpenAI's own client in front of it."""

import threading
from collections.abc import Iterator

import openai
import pytest
from pydantic import BaseModel

from holdfast import Agent, Call, Calls, Conversation, Final, Say, tool
from tests.doors.http.live import Live


class Gate:
    """Holds a tool until a test lets it go."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()

    def reset(self) -> None:
        self.entered.clear()
        self.opened.clear()


GATE = Gate()


class Parcel(BaseModel):
    """What the typed agent gives."""

    city: str
    days: int


@tool(effect="read")
def look(order: int) -> str:
    """Look an order up."""
    return f"order {order} is on its way"


@tool(effect="read", timeout_s=20)
def hold() -> str:
    """Take a while."""
    GATE.entered.set()
    GATE.opened.wait(15)
    return "held"


@tool(effect="irreversible")
def pay(amount: int) -> str:
    """Pay somebody."""
    return f"paid {amount}"


def helps(conversation: Conversation) -> Call | Say:
    if not conversation.calls:
        return Call("look", {"order": 1042})
    before = " ".join(note for note in conversation.notes if "Mia" in note)
    return Say(f"It is on its way, {'Mia' if before else 'whoever you are'}.")


def pays(conversation: Conversation) -> Call | Calls | Say:
    if conversation.calls:
        return Say(f"done: {conversation.calls[0].result}")
    return Call("pay", {"amount": 120})


def pays_twice(conversation: Conversation) -> Calls | Say:
    if conversation.calls:
        return Say("both done")
    return Calls([Call("pay", {"amount": 1}), Call("pay", {"amount": 2})])


def parcels(conversation: Conversation) -> Final:
    return Final(Parcel(city="Oslo", days=2))


def waits(conversation: Conversation) -> Call | Say:
    return Say("waited") if conversation.calls else Call("hold")


def fails(conversation: Conversation) -> Call:
    return Call("look", {"order": 1})


def echoes(conversation: Conversation) -> Say:
    return Say(str(conversation.input))


def asks(conversation: Conversation) -> Call | Say:
    if conversation.calls:
        return Say(f"sent: {conversation.calls[0].result}")
    return Call("ask_person", {"question": "Which city?"})


AGENTS = [
    Agent(name="helper", models=[helps], tools=[look]),
    Agent(name="payer", models=[pays], tools=[pay]),
    Agent(name="spender", models=[pays_twice], tools=[pay]),
    Agent(name="sorter", models=[parcels], output=Parcel),
    Agent(name="waiter", models=[waits], tools=[hold]),
    Agent(name="failer", models=[fails], tools=[look]),
    Agent(name="asker", models=[asks]),
    Agent(name="echo", models=[echoes]),
]


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    served = Live(AGENTS, str(tmp_path_factory.mktemp("openai") / "holdfast.db"))
    yield served
    GATE.opened.set()
    served.close()


def client_of(live: Live, role: str = "operator", key: str | None = None) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{live.url}/v1/openai", api_key=key or live.keys[role], max_retries=0)


@pytest.fixture
def client(live: Live) -> Iterator[openai.OpenAI]:
    with client_of(live) as made:
        yield made


@pytest.fixture
def gate() -> Iterator[Gate]:
    GATE.reset()
    yield GATE
    GATE.opened.set()
