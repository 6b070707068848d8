import asyncio
import contextvars
import threading
from decimal import Decimal

import pytest

from holdfast.errors import DeclarationError, InvalidArguments
from holdfast.ports import Tool
from holdfast.tools.tool import DeclaredTool, tool
from holdfast.types import Context
from tests.tools.kit import context


def as_port(declared: Tool) -> Tool:
    return declared


def test_undeclared_effect_is_irreversible():
    """Forgetting the effect is safe: the tool counts as irreversible and has no retries."""

    @tool
    def pay(amount: int): ...

    assert (pay.effect, pay.retries, pay.review, pay.on_change) == ("irreversible", 0, None, "review")


@pytest.mark.parametrize(("effect", "retries"), [("read", 2), ("idempotent", 2), ("irreversible", 0)])
def test_default_retries(effect, retries):
    """What may run again is retried twice unless declared otherwise."""
    assert tool(len_of, effect=effect).retries == retries


def len_of(text: str) -> int:
    return len(text)


def test_it_is_still_a_function():
    """A declared tool is called in its author's tests like the function it is."""

    @tool(effect="read")
    async def find_order(order_id: str) -> str:
        return f"order {order_id}"

    assert asyncio.run(find_order("1042")) == "order 1042"
    assert tool(len_of)("four") == 4


def test_name_and_description():
    """Name and description come from the function unless declared."""

    @tool
    def pay():
        """Pay a bill.

        Only once.

        Args: none
        """

    assert pay.name == "pay"
    assert pay.description.startswith("Pay a bill.\n\nOnly once.")
    renamed = tool(len_of, name="length", description="How long.")
    assert (renamed.name, renamed.description) == ("length", "How long.")


def test_context_comes_first_and_unseen():
    """A first parameter `Context` is given to the function, and the model knows nothing of it."""

    @tool
    async def pay(ctx: Context[str], amount: Decimal):
        return ctx.idempotency_key, amount

    assert list(pay.parameters["properties"]) == ["amount"]
    assert asyncio.run(as_port(pay).run(context(), {"amount": "5.10"})) == ("e1:1:0", Decimal("5.10"))


def test_sync_tool_runs_in_a_thread():
    """A sync tool blocks nobody else: it runs in a thread, with the caller's context variables."""
    who = contextvars.ContextVar("who")

    @tool
    def act():
        return threading.current_thread() is threading.main_thread(), who.get()

    async def scenario():
        who.set("ada")
        return await act.run(context(), {})

    assert asyncio.run(scenario()) == (False, "ada")


def test_sync_function_that_gives_something_to_await():
    """A decorated coroutine function that lost its `async` is still awaited."""

    async def inner():
        return "inner"

    def outer():
        return inner()

    assert asyncio.run(tool(outer).run(context(), {})) == "inner"


def test_bound_method():
    """A method of an object is declared through the object."""

    class Shop:
        stock = 3

        def count(self, sku: str) -> int:
            return self.stock

    count = tool(Shop().count, effect="read")
    assert asyncio.run(count.run(context(), {"sku": "a"})) == 3


def test_run_refuses_arguments_that_do_not_fit():
    """Arguments are checked before the function is entered, even when `validate` was forgotten."""
    with pytest.raises(InvalidArguments):
        asyncio.run(tool(len_of).run(context(), {"text": None}))


def test_probe():
    """A probe is asked with the same arguments, as Python values."""

    @tool
    async def refund(ctx: Context, order_id: str, amount: Decimal): ...

    assert not refund.has_probe

    @refund.probe
    def happened(order_id: str, amount: Decimal):
        return order_id, amount

    assert refund.has_probe
    asked = asyncio.run(refund.ask_probe(context(), {"order_id": "7", "amount": "5"}))
    assert asked == ("7", Decimal(5))
    assert happened("7", Decimal(5)) == asked


def test_a_tool_can_be_kept_in_sets_and_compared():
    """Tools are compared by identity."""
    one, other = tool(len_of), tool(len_of)
    assert len({one, one, other}) == 2


@pytest.mark.parametrize(
    ("options", "lesson"),
    [
        ({"effect": "irreversible", "retries": 1}, 'Declare effect="idempotent"'),
        ({"effect": "read", "retries": -1}, "give 0 or more"),
        ({"effect": "write"}, "use one of read, idempotent, irreversible"),
        ({"timeout_s": 0}, "give seconds above 0"),
        ({"timeout_s": float("inf")}, "give seconds above 0"),
        ({"name": "look up"}, "set name="),
        ({"name": "x" * 65}, "1 to 64 letters"),
        ({"review": True}, "use ask_when"),
    ],
)
def test_options_that_cannot_work(options, lesson):
    """A mistake in a declaration is refused at once, with the fix."""
    with pytest.raises(DeclarationError, match=lesson):
        tool(len_of, **options)


def probe_of_a_read(declared: DeclaredTool):
    tool(len_of, effect="read").probe(len_of)


def second_probe(declared: DeclaredTool):
    declared.probe(len_of)
    declared.probe(len_of)


def probe_with_other_parameters(declared: DeclaredTool):
    declared.probe(lambda: None)


@pytest.mark.parametrize(
    ("mistake", "lesson"),
    [
        (probe_of_a_read, "only irreversible tools have a probe"),
        (second_probe, "has a probe already"),
        (probe_with_other_parameters, "give it the same parameters"),
    ],
)
def test_probes_that_cannot_work(mistake, lesson):
    """A probe that could not be asked is refused at once."""
    with pytest.raises(DeclarationError, match=lesson):
        mistake(tool(len_of))


def test_asking_a_missing_probe():
    """Asking a tool without a probe says how to register one."""
    with pytest.raises(DeclarationError, match="@len_of"):
        asyncio.run(tool(len_of).ask_probe(context(), {"text": "a"}))
