"""Agents that the command line's tests run: rules for models, a file for a ledger."""

import time
from pathlib import Path

from holdfast import Agent, App, Call, Calls, Conversation, Final, Limits, Say, ask_always, tool
from holdfast.ports import Rule
from holdfast.types import Reply


@tool(effect="read")
def look_up(order: str) -> str:
    """Look up an order."""
    return f"order {order} is on its way"


@tool(effect="irreversible", review=ask_always)
def pay(amount: int) -> str:
    """Pay somebody."""
    with Path("ledger.txt").open("a", encoding="utf-8") as ledger:
        ledger.write(f"{amount}\n")
    return f"paid {amount}"


@tool(effect="read", timeout_s=60)
def wait_for_flag() -> str:
    """Wait until the test lets it go on."""
    Path("waiting").touch()
    while not Path("flag").exists():
        time.sleep(0.02)
    return "the flag is there"


def ended(conversation: Conversation, tool_name: str) -> str | None:
    """What a call came to, if it was made."""
    return next((str(call.result) for call in conversation.calls if call.tool == tool_name), None)


def once(call: Call) -> Rule:
    """A rule that makes one call and answers with what came of it."""

    def rule(conversation: Conversation) -> Reply:
        result = ended(conversation, call.tool)
        return call if result is None else Final(result)

    return rule


def echo(conversation: Conversation) -> Reply:
    return Final(f"you said: {conversation.input}")


def for_ever(conversation: Conversation) -> Reply:
    return Calls([Call("look_up", {"order": str(len(conversation.calls))})])


def hostile(conversation: Conversation) -> Reply:
    return Say("\x1b[31mred\x1b]0;title\x07\u202etxt.exe\rovertyped\n[bold]markup[/bold]")


echoer = Agent(name="echoer", models=[echo])
finder = Agent(name="finder", models=[once(Call("look_up", {"order": "1042"}))], tools=[look_up])
payer = Agent(name="payer", models=[once(Call("pay", {"amount": 120}))], tools=[pay])
treasurer = Agent(name="treasurer", models=[once(Call("delegate_to_payer", {"task": "pay"}))], team=[payer])
asker = Agent(name="asker", models=[once(Call("ask_person", {"question": "Which colour?"}))])
waiter = Agent(name="waiter", models=[once(Call("wait_for_flag"))], tools=[wait_for_flag])
endless = Agent(name="endless", models=[for_ever], tools=[look_up], limits=Limits(steps=2))
attacker = Agent(name="attacker", models=[hostile])
app = App(agents=[echoer, finder, payer, treasurer, asker, waiter, endless, attacker])
