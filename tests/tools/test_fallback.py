"""Declaring what stands in for a tool: what cannot work is refused at once, with the fix."""

import pytest

from holdfast import Agent, Cached, Default, tool
from holdfast.errors import DeclarationError


def named(name: str, effect: str = "read", **options: object):
    """A tool with one argument."""

    @tool(name=name, effect=effect, **options)
    def find(order: str) -> str:
        """Find an order."""
        return order

    return find


@tool(effect="read")
def takes_more(order: str, depth: int) -> str:
    """Find an order."""
    return order


@tool(effect="read")
def takes_none() -> str:
    """Find an order."""
    return ""


@pytest.mark.parametrize(
    ("effect", "fallback", "why"),
    [
        ("read", named("pay", "irreversible"), "may do no more than the tool"),
        ("idempotent", named("pay", "irreversible"), "may do no more than the tool"),
        ("read", takes_more, "needs depth"),
        ("read", takes_none, "does not take order"),
        ("read", named("find"), "go in a circle"),
        ("read", print, "decorated with @tool"),
        ("idempotent", Cached(max_age_s=1), "Cached is for"),
        ("read", Cached(max_age_s=0), "give seconds above 0"),
        ("read", Default(7), "not of the type it returns"),
        ("read", Default(object()), "cannot be written as JSON"),
    ],
)
def test_a_fallback_that_cannot_work_is_refused(effect: str, fallback: object, why: str) -> None:
    """The message names what to change."""
    with pytest.raises(DeclarationError, match=why):
        named("find", effect, fallback=fallback)


def test_a_chain_has_three_links_at_most() -> None:
    """A fourth tool behind a tool is refused."""
    three = named("b", fallback=named("c", fallback=named("d")))
    with pytest.raises(DeclarationError, match="more than 3 tools"):
        named("z", fallback=named("a", fallback=three))


def test_two_tools_of_one_name_are_refused_also_as_fallbacks() -> None:
    """What runs must be clear from the name."""
    with pytest.raises(DeclarationError, match="one of them a fallback"):
        Agent(name="a", models=["test:x"], tools=[named("find", fallback=named("look")), named("look", "idempotent")])
