"""A rung of the chain that is plain code: a function that sees the conversation and answers."""

import asyncio
from collections.abc import Awaitable
from decimal import Decimal
from inspect import isawaitable

from holdfast.loop.failure import RuleFailed
from holdfast.loop.output import OutputContract
from holdfast.loop.prompt import Prompt
from holdfast.loop.reply import rule_response, said
from holdfast.loop.request import OnToken, Reading, Request
from holdfast.ports import Clock, Rule
from holdfast.types import Price, Reply, Usage

FREE = Price(input_usd_per_mtok=Decimal(0), output_usd_per_mtok=Decimal(0))


class RuleRung:
    """Asks a rule function. It costs nothing and counts no tokens.

    A synchronous rule runs on the event loop: it is meant to decide from what it is given, not to wait.
    """

    tokens = False
    caches = False
    tariff = FREE
    provider = "rules"
    context_window = None
    request_timeout_s = None
    max_output_tokens = None
    counts_input = False

    def __init__(self, rule: Rule, *, contract: OutputContract, clock: Clock) -> None:
        self._rule, self._contract, self._clock = rule, contract, clock
        self.name = f"rules:{getattr(rule, '__name__', type(rule).__name__)}"

    async def ask(self, request: Request, prompt: Prompt, on_token: OnToken | None) -> Reading:  # noqa: ARG002
        """Call the rule once.

        Raises:
            RuleFailed: It raised, or what it returned is no reply.
            TimeoutError: It waited longer than `request.timeout_s`.
        """
        async with asyncio.timeout(request.timeout_s):
            reply = await self._reply(request)
        try:
            what = said(
                reply,
                structured=self._contract.structured and not request.closing,
                wrapped_in=self._contract.wrapped_in,
            )
            json = rule_response(what, name=self.name, at=self._clock.now(), call_prefix=f"r{len(request.entries)}")
        except (TypeError, ValueError) as error:
            raise RuleFailed(str(error)) from error
        if on_token and what.text:
            on_token(what.text)
        return Reading(json=json, usage=Usage(), cost_usd=Decimal(0), provider="rules", model=self.name)

    async def count(self, request: Request, prompt: Prompt) -> int | None:  # noqa: ARG002
        """Rules count no tokens."""
        return None

    async def close(self) -> None:
        """Nothing to let go of."""

    async def _reply(self, request: Request) -> Reply:
        try:
            answer: Reply | Awaitable[Reply] = self._rule(request.conversation())
            return await answer if isawaitable(answer) else answer
        except TimeoutError as error:
            raise RuleFailed("it timed out inside") from error
        except Exception as error:
            raise RuleFailed(f"{type(error).__name__}: {error}") from error
