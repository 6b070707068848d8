"""What the docs show of the HTTP door: whom they ask, and their programs and curl lines as a reader runs them."""

import asyncio
import inspect
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

from holdfast import Agent, Call, Conversation, Say, tool

DOCS = Path(__file__).parents[3] / "docs"


@tool(effect="read")
def find_order(order: int) -> str:
    """Find an order."""
    return f"order {order} is on its way"


@tool(effect="irreversible")
def refund(order: int) -> str:
    """Refund an order."""
    return f"order {order} is refunded"


def supports(conversation: Conversation) -> Call | Say:
    if conversation.calls:
        return Say(f"Done: {conversation.calls[0].result}")
    return Call("refund" if "Refund" in str(conversation.input) else "find_order", {"order": 1042})


SUPPORT = Agent(name="support", models=[supports], tools=[find_order, refund])


class Page:
    """One page of the docs."""

    def __init__(self, name: str) -> None:
        self.text = (DOCS / name).read_text(encoding="utf-8")
        titled = r'^```python title="([\w.]+)"\n(.*?)^```$'
        self.programs = dict(re.findall(titled, self.text, re.MULTILINE | re.DOTALL))
        self.curls = re.findall(r"^\$ (curl .*)$", self.text, re.MULTILINE)


def run_program(text: str, name: str) -> None:
    """Run the `main` of a program, with the address and key that its text has by now."""
    page: dict[str, Any] = {"__name__": "page"}
    exec(compile(text, name, "exec"), page)
    done = page["main"]()
    if inspect.iscoroutine(done):
        asyncio.run(done)


def run_curl(line: str) -> str:
    """What a curl line prints."""
    return subprocess.run(shlex.split(line), capture_output=True, text=True, timeout=30, check=True).stdout
