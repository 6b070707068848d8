"""Ends that are not results: handing over, giving up, and the closing summary when limits run out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from holdfast.loop.activation import Activation
from holdfast.loop.chain import Question, answer
from holdfast.loop.context import conversation, known_prefix, sense
from holdfast.loop.digest import digest_of, fit
from holdfast.loop.handover import account, in_words
from holdfast.loop.model import Request, Response
from holdfast.loop.transcript import Told
from holdfast.policy import approval as asking
from holdfast.policy.limits import Exhausted, Reservation, reserve_closing
from holdfast.types import Json

Known: TypeAlias = tuple[int, int] | None
"""Tokens that a provider counted, for how many of the first entries."""

CLOSING_WORDS = (
    "The limits of this execution are used up ({reason}). No more tools can be called. In a few sentences: "
    "what was done, what was found, what is still open."
)
WORDS_OF_A_FAILURE = 200
CLOSING_BYTES = 1_000
"""Of the digest in a closing request; with its overhead it stays under what is kept back for it."""


async def give_up(
    activation: Activation, reason: str, error: str, *, call_id: str | None = None, handed: Json = None
) -> None:
    """End as failed for a named reason, or ask a person first where the agent declares so.

    Args:
        activation: Of the execution.
        reason: The status reason.
        error: It in words.
        call_id: The call by which the agent gave up.
        handed: What is handed over: the partial result, and what a person is shown.
    """
    if activation.cast.agent.on_failure == "fail":
        await activation.fail(reason, error, result=handed)
    else:
        await ask_how_to_go_on(activation, reason, error, call_id=call_id, handed=handed)


async def ask_how_to_go_on(
    activation: Activation, reason: str, error: str, *, call_id: str | None = None, handed: Json = None
) -> None:
    """Park until a person says how an execution goes on that cannot alone."""
    desk = activation.desk
    activation.ask(
        asking.ask_person(
            kind="escalation",
            approval_id=desk.new_id(),
            question=f"{activation.cast.agent.name} cannot go on alone. How should it?",
            reason=error,
            gate=reason,
            now=desk.clock.now(),
            expiry_s=desk.approval_expiry_s,
            call_id=call_id,
            arguments=handed,
        )
    )
    await activation.park(reason, status="awaiting_review")


async def ask_about_failures(activation: Activation) -> None:
    """So many tools failed that a person is asked, whatever the agent declares for other failures."""
    failures = activation.history.failures
    error = f"{len(failures)} tool calls failed: {'; '.join(fit(line, WORDS_OF_A_FAILURE) for line in failures)}"
    handed = account(activation, error)
    await ask_how_to_go_on(activation, "TOOL_FAILED", f"{error}. {in_words(handed)}", handed=handed)


async def close(activation: Activation, reason: str, error: str | None = None) -> None:
    """Force one summary without tools inside the budget, keep it as the partial result, end as failed."""
    summary = await ask_for_summary(activation, reason) or own_summary(activation)
    await activation.fail(reason, error or f"The limit was reached: {reason}.", result=summary)


async def ask_for_summary(activation: Activation, reason: str) -> str | None:
    """The model's closing words, or `None` when the budget or the models have none left."""
    if activation.history.closing:  # a crash left the first attempt's bill unknown
        return None
    chosen = choose_closing(activation, reason)
    if chosen is None:
        return None
    request, known = chosen
    came = await answer(
        activation,
        Question(
            purpose="closing",
            reason=reason,
            request=request,
            anew=lambda: request,
            reserve=partial(room_for_closing, activation, known),
        ),
    )
    return came.text.strip() or None if isinstance(came, Response) else None


def choose_closing(activation: Activation, reason: str) -> tuple[Request, Known] | None:
    """The whole conversation with one last question if the budget has room for it, else a digest of it."""
    history, models = activation.history, activation.cast.models
    closing = replace(sense(activation), closing=True, conversation=partial(conversation, activation, closing=True))
    question = Told(CLOSING_WORDS.format(reason=reason))
    whole = replace(closing, entries=[*history.entries, question])
    short = replace(
        closing, instructions="", tools=(), entries=[Told(fit(digest_of(history), CLOSING_BYTES)), question]
    )
    for request, known in ((whole, known_prefix(history)), (short, None)):
        if isinstance(room_for_closing(activation, known, request, models.all), Reservation):
            return request, known
    return None


def room_for_closing(
    activation: Activation,
    known: Known,
    request: Request,
    rungs: Sequence[int],
    counted: Mapping[int, int] | None = None,
) -> Reservation | Exhausted:
    """The reservation for closing words from one of these rungs, from what was kept back for them."""
    models, history = activation.cast.models, activation.history
    bound = models.input_bound(request, known=known, rung=history.rung, among=rungs, counted=counted)
    price = partial(models.worst_cost, among=rungs)
    limits = activation.limits
    held = reserve_closing(limits, activation.spent, input_bound=bound, price=price)
    return held or Exhausted(history.closing or "CLOSING")


def own_summary(activation: Activation) -> str:
    """What can be said without a model."""
    return fit(f"Stopped after {activation.history.step} steps. {digest_of(activation.history)}", 4 * CLOSING_BYTES)
