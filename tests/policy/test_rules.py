"""Review rules."""

from types import SimpleNamespace

import pytest

from holdfast.errors import DeclarationError
from holdfast.policy.rules import ask_always, ask_when, never_ask
from holdfast.ports import ReviewRule
from holdfast.types import Decision, Proposal


def proposal(**arguments) -> Proposal:
    return Proposal(
        call_id="e:1:0", execution_id="e", step=1, tool="refund", effect="irreversible", arguments=arguments,
        args=SimpleNamespace(**arguments), digest="d", schema_hash="s", agent="support", user="ada",
    )  # fmt: skip


def judge(rule: ReviewRule, **arguments) -> Decision:
    return rule(proposal(**arguments))


def test_condition_on_arguments():
    """A rule asks when its condition holds for the typed arguments, and lets the rest run."""
    rule = ask_when(lambda args: args.amount > 100)
    assert judge(rule, amount=250).verdict == "review"
    assert judge(rule, amount=100).verdict == "allow"


def test_condition_on_the_proposal():
    """A condition with a second parameter sees whose call it is."""
    rule = ask_when(lambda args, proposal: proposal.user != args.owner)
    assert judge(rule, owner="ada").verdict == "allow"
    assert judge(rule, owner="bob").verdict == "review"


def test_condition_with_an_optional_parameter():
    """A condition that can do with the arguments alone gets just these."""
    assert judge(ask_when(lambda args, most=100: args.amount > most), amount=250).verdict == "review"


def test_reason_names_what_was_looked_at():
    """People are told the arguments that the condition looks at, with their values."""
    decision = judge(ask_when(lambda args: args.amount > 100), amount=250, order_id="7")
    assert decision.reason == "amount is 250: the review rule of refund asks a person then"
    assert decision.gate == "review_rule"


def test_long_values_are_cut_in_reasons():
    """A reason stays readable when an argument is a novel."""
    decision = judge(ask_when(lambda args: len(args.text) > 5), text="x" * 100_000)
    assert len(decision.reason) < 200


def test_declared_reason():
    """A declared reason is what people are told."""
    rule = ask_when(lambda args: True, reason="refunds over 100 need the team lead")
    assert judge(rule).reason == "refunds over 100 need the team lead"


def test_condition_without_readable_code():
    """A condition that is no Python function works; its reason is just less exact."""
    assert judge(ask_when(bool), amount=1).reason == "these arguments: the review rule of refund asks a person then"


class UnreadableError(Exception):
    def __str__(self):
        raise ValueError


@pytest.mark.parametrize("error", [KeyError("limit"), UnreadableError()])
def test_a_condition_that_fails_asks(error):
    """A bug in a condition lets no call through: a person is asked, and told the error."""

    def condition(args):
        raise error

    decision = judge(ask_when(condition))
    assert decision.verdict == "review"
    assert type(error).__name__ in decision.reason


def test_a_verdict_that_cannot_be_read_asks():
    """A condition whose answer is neither yes nor no asks."""

    class Both:
        def __bool__(self):
            raise ValueError("both")

    assert judge(ask_when(lambda args: Both())).verdict == "review"


async def asynchronous(args):
    return False


@pytest.mark.parametrize(
    ("condition", "lesson"),
    [
        (asynchronous, "make it a plain function"),
        (lambda: True, r"\(args\) or \(args, proposal\)"),
        (lambda a, b, c: True, r"\(args\) or \(args, proposal\)"),
        (True, "ask_when needs a condition"),
        (proposal(), "ask_when needs a condition"),
    ],
    ids=["async", "none", "three", "bool", "bare"],
)
def test_conditions_that_cannot_work(condition, lesson):
    """A condition that could never be asked is refused where it is declared."""
    with pytest.raises(DeclarationError, match=lesson):
        ask_when(condition)


@pytest.mark.parametrize("rule", [ask_always, ask_always()])
def test_ask_always(rule):
    """`ask_always` asks about every call, with and without parentheses."""
    decision = judge(rule)
    assert (decision.verdict, decision.reason) == ("review", "every call of refund is asked about")


@pytest.mark.parametrize("rule", [ask_always("moves money"), ask_always(reason="moves money")])
def test_ask_always_with_a_reason(rule):
    """`ask_always` says why when it is told why."""
    assert judge(rule).reason == "moves money"


@pytest.mark.parametrize("rule", [never_ask, never_ask()])
def test_never_ask(rule):
    """`never_ask` lets every call run, with and without parentheses."""
    assert judge(rule).verdict == "allow"
