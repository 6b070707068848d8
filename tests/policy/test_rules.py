"""Review rules."""

from decimal import Decimal
from types import SimpleNamespace

import pytest

from holdfast.errors import DeclarationError
from holdfast.policy.rules import (
    ask_above,
    ask_above_risk,
    ask_always,
    ask_below_confidence,
    ask_if_any,
    ask_when,
    never_ask,
)
from holdfast.ports import ReviewRule
from holdfast.types import Decision, Proposal, Routing


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


@pytest.mark.parametrize("found", [250, 100.01, "250.00", Decimal("100.0000001")])
def test_above_an_amount(found):
    """What is above asks, however the amount is written; people are told both numbers."""
    decision = judge(ask_above(100), amount=found)
    assert decision.verdict == "review"
    assert decision.reason.endswith("above 100")


@pytest.mark.parametrize("found", [100, "100", Decimal("99.99"), -5])
def test_up_to_an_amount(found):
    """The amount itself runs without asking."""
    assert judge(ask_above(100), amount=found).verdict == "allow"


@pytest.mark.parametrize("found", ["a lot", None, True, float("nan"), "Infinity", [1]])
def test_an_amount_that_cannot_be_read_asks(found):
    """What is no finite number is nothing a rule could let through."""
    decision = judge(ask_above(100), amount=found)
    assert (decision.verdict, "rule itself failed" in decision.reason) == ("review", True)


def test_an_amount_may_have_another_name_and_lie_deep():
    """`of` names the argument; dots lead inside objects and mappings."""
    assert judge(ask_above(100, of="order.total"), order=SimpleNamespace(total=120)).verdict == "review"
    assert judge(ask_above(100, of="order.total"), order={"total": 20}).verdict == "allow"


def test_below_a_confidence():
    """A result that is not sure enough asks; its doubt is the risk on record; one without a confidence asks."""
    rule = ask_below_confidence(0.7)
    unsure = judge(rule, confidence=0.4)
    assert (unsure.verdict, unsure.risk, unsure.reason) == ("review", 0.6, "confidence is 0.4, below 0.7")
    assert judge(rule, confidence=0.7).verdict == "allow"
    assert judge(rule, answer="yes").verdict == "review"


def test_a_scorer_says_how_sure_a_result_is():
    """Where the result does not say it itself."""
    rule = ask_below_confidence(0.5, scorer=lambda result: 0.1 if "maybe" in result.answer else 0.9)
    assert judge(rule, answer="maybe").verdict == "review"
    assert judge(rule, answer="yes").verdict == "allow"


def test_above_a_risk():
    """The score goes on record, whether it asks or not, and may look at the proposal."""
    rule = ask_above_risk(0.5, risk=lambda args, proposal: 0.9 if proposal.user == "ada" else 0.2)
    assert (judge(rule).verdict, judge(rule).risk) == ("review", 0.9)
    rule = ask_above_risk(0.95, risk=lambda args: 0.9)
    assert (judge(rule).verdict, judge(rule).risk) == ("allow", 0.9)


def test_any_rule_that_asks_asks():
    """Rules are joined with `|`: the strictest answer counts, and all reasons are told."""
    rule = ask_above(100) | ask_when(lambda args: args.to == "all", reason="to everybody")
    assert judge(rule, amount=1, to="mia").verdict == "allow"
    both = judge(rule, amount=250, to="all")
    assert both.reason == "amount is 250, above 100; to everybody"
    assert (
        judge(rule | (lambda proposal: Decision(verdict="deny", gate="mine")), amount=250, to="all").verdict == "deny"
    )


def test_a_rule_that_breaks_hides_no_other():
    """One part that raises asks by itself."""

    def broken(proposal):
        raise KeyError("limit")

    decision = judge(ask_if_any(broken, ask_above(100)), amount=250)
    assert "KeyError" in decision.reason
    assert "above 100" in decision.reason


def test_routing_goes_with_the_question():
    """A rule says whom it asks; what asks nobody carries no routing."""
    rule = ask_above(100, reviewers="finance", quorum=2, expires_s=900, remind_s=60, ladder=[("lead", 120)])
    assert judge(rule, amount=250).routing == Routing(
        reviewers="finance", quorum=2, expires_s=900, remind_s=60, ladder=(("lead", 120),)
    )
    assert judge(rule, amount=1).routing is None
    assert judge(ask_always(reviewers="lead")).routing == Routing(reviewers="lead")


def test_joined_rules_ask_the_first_ones_people_with_the_highest_quorum():
    """Of those that ask."""
    rule = ask_above(100, reviewers="finance") | ask_always(quorum=2) | ask_above(1_000, reviewers="board", quorum=5)
    assert judge(rule, amount=250).routing == Routing(reviewers="finance", quorum=2)


@pytest.mark.parametrize(
    ("declare", "lesson"),
    [
        (lambda: ask_above("much"), r"give a number, e.g. review=ask_above\(100\)"),
        (lambda: ask_below_confidence(70), "a number from 0 to 1"),
        (lambda: ask_above_risk(0.5, risk=0.7), "must be a function"),
        (lambda: ask_above_risk(0.5, risk=asynchronous), "plain function"),
        (lambda: ask_above(1, quorum=0), "quorum=0"),
        (lambda: ask_above(1, reviewers=["finance"]), "the name of one group"),
        (lambda: ask_above(1, reviewer="finance"), "takes no reviewer: it takes reason, reviewers"),
        (lambda: ask_above(1, ladder=[("lead",)]), r"ladder=\[\('lead', 3600\)\]"),
        (lambda: ask_above(1, ladder="lead"), "ladder="),
        (lambda: ask_above(1, remind_s=0), "seconds, more than 0"),
        (lambda: ask_above(1, expires_s=60, ladder=[("lead", 3600)]), "make it longer"),
        (ask_if_any, "needs rules"),
    ],
)
def test_declarations_that_cannot_work(declare, lesson):
    """A mistake in a rule is told where the rule is written."""
    with pytest.raises(DeclarationError, match=lesson):
        declare()
