"""What a plan may not be: all that is wrong is said at once, each with its fix; and what a planner may not be."""

from collections.abc import Callable
from typing import Any

import pytest

from holdfast import Agent, Flow, Limits, Plan, Planner, ask_always, tool, workflow
from holdfast.errors import DeclarationError, UsageError
from holdfast.teams.plan import objection
from holdfast.teams.plan_check import Standing, problems, without_finished
from holdfast.testing import check_workflow
from tests.teams.plan_kit import RESEARCHER, WRITER, plan, plans, price_of, task, trip


@workflow
async def onboard(flow: Flow, customer: dict[str, int]) -> list[int]:
    return list(customer.values())


DOERS = trip(plan(), agents=[RESEARCHER, WRITER, onboard]).doers


def wrong_with(made: Plan, **standing: Any) -> list[str]:
    return problems(made, Standing(**{"doers": DOERS, "most": 5, **standing}))


def ref(name: str, path: str = "") -> dict[str, str]:
    return {"$from": name, "path": path}


CASES: dict[str, tuple[Plan, str]] = {
    "empty": (plan(), "the plan has no tasks: give at least one"),
    "too many": (plan(*(task(f"t{n}") for n in range(7))), "7 tasks, at most 5 may be: leave out or merge 2"),
    "bad id": (plan(task("a b")), "task id 'a b': use 1 to 60 letters, digits, '-' and '_'"),
    "double": (plan(task("a"), task("a")), "2 tasks have the id 'a': give each its own"),
    "unknown": (plan(task("a", "writr")), "task 'a' uses 'writr', which there is not: did you mean 'writer'?"),
    "nobody like it": (plan(task("a", "x")), "which there is not: use one of onboard, price_of, researcher, writer"),
    "nothing to do": (plan(task("a", asked=None)), "input for 'writer': it is given nothing: say in input"),
    "missing argument": (plan(task("a", "price_of", {})), "input for 'price_of': arguments of 'price_of' do not fit"),
    "no arguments": (plan(task("a", "price_of", "Rome")), "the arguments of a tool are an object, not str"),
    "bad argument": (
        plan(task("a"), task("b", "price_of", {"city": ref("a"), "nights": "many"})),
        "task 'b', input for 'price_of': nights: Input should be a valid integer",
    ),
    "unknown argument": (
        plan(task("a"), task("b", "price_of", {"city": ref("a"), "town": 1})),
        "town: Unexpected keyword argument",
    ),
    "bad input": (plan(task("a", "onboard", {"x": "y"})), "takes a dict: x: Input should be a valid integer"),
    "after": (plan(task("a", after=["zz"])), "task 'a' comes after 'zz', which there is not"),
    "reference": (plan(task("a", asked=[ref("zz")])), "task 'a', input refers to task 'zz', which there is not"),
    "no reference": (plan(task("a", asked={"$from": "b", "field": "x"})), 'is no reference: write {"$from": "task-id"'),
    "no such part": (
        plan(task("a", "researcher"), task("b", asked=ref("a", "fact"))),
        "refers to 'fact' of task 'a': it has facts, price, sources",
    ),
    "part of text": (plan(task("a"), task("b", asked=ref("a", "x"))), "refers to 'x' of task 'a': it has no parts"),
    "no item": (
        plan(task("a", "researcher"), task("b", asked=ref("a", "sources.first"))),
        "refers to 'sources.first' of task 'a': sources has no parts",
    ),
    "result": (plan(task("a"), result=ref("b")), "the result refers to task 'b', which there is not"),
    "circle": (
        plan(task("a", asked=ref("c")), task("b", asked=ref("a")), task("c", asked=ref("b")), task("d", after=["a"])),
        "a circle, so none can begin: a -> c -> b -> a; take one of these needs out",
    ),
    "itself": (plan(task("a", after=["a"])), "a circle, so none can begin: a -> a"),
    "check of nothing": (
        plan(task("a", "researcher", checks=[{"test": "is there", "path": "prize"}])),
        "task 'a', a check of 'prize': it has facts, price, sources",
    ),
    "check of no number": (plan(task("a", checks=[{"test": "at most", "value": "x"}])), "'x' is no number"),
    "check of no list": (plan(task("a", checks=[{"test": "is one of", "value": 1}])), "give a list as its value"),
}


@pytest.mark.parametrize(("made", "said"), CASES.values(), ids=CASES)
def test_a_plan_that_cannot_be_carried_out_is_told_the_fix(made: Plan, said: str) -> None:
    """One thing wrong, one problem, in words that a planning agent can act on."""
    (found,) = wrong_with(made)
    assert said in found


def test_everything_wrong_is_said_at_once() -> None:
    """A planning agent that is told one thing at a time needs as many turns."""
    made = plan(task("a b", "nobody", ref("zz")), task("c", "price_of", {}), task("c", asked=ref("c")))
    assert len(wrong_with(made)) == 6


def test_a_plan_that_can_be_carried_out_has_no_problems() -> None:
    """References into results, to any depth, and arguments that are not known yet."""
    made = plan(
        task("facts", "researcher", "Rome"),
        task("price", "price_of", {"city": ref("facts", "sources.0"), "nights": 2}),
        task("ages", "onboard", {"a": ref("price", "usd")}),
        task("text", asked=[ref("facts"), {"deep": [ref("ages", "0")]}], after=["price"]),
        result={"text": ref("text"), "usd": ref("price", "usd")},
    )
    assert wrong_with(made) == []


def test_a_later_plan_stands_on_what_is_done() -> None:
    """Finished tasks are referred to and not listed, but for word-for-word repeats; what began is not begun again."""
    done = {"facts": task("facts", "researcher", "Rome")}
    standing = Standing(doers=DOERS, most=3, done=done, gone=frozenset({"odd"}))
    assert problems(plan(task("text", asked=ref("facts", "facts"))), standing) == []
    assert "'facts' is finished and stays as it is" in problems(plan(task("facts", asked="x")), standing)[0]
    assert "'odd' was begun before and did not finish" in problems(plan(task("odd")), standing)[0]
    assert "3 tasks with the 1 finished ones" in problems(plan(*(task(name) for name in "abc")), standing)[0]
    repeated = without_finished(plan(done["facts"], task("text", asked=ref("facts"))), standing)
    assert [one.id for one in repeated.tasks] == ["text"]
    assert problems(plan(result=ref("facts")), standing) == []


HOLDS: list[tuple[dict[str, Any], Any, bool]] = [
    ({"test": "is there", "path": "a"}, {"a": 0}, True),
    ({"test": "is there", "path": "a.b"}, {"a": 0}, False),
    ({"test": "is not empty"}, [], False),
    ({"test": "equals", "value": "x"}, "x", True),
    ({"test": "at least", "value": 3}, "3.5", True),
    ({"test": "at least", "value": 3}, True, False),
    ({"test": "at most", "path": "0", "value": 3}, [4], False),
    ({"test": "contains", "value": "cat"}, "cats", True),
    ({"test": "contains", "value": 2}, [1, 2], True),
    ({"test": "contains", "value": "k"}, {"k": 1}, True),
    ({"test": "is one of", "value": ["a", "b"]}, "c", False),
]


@pytest.mark.parametrize(("condition", "result", "holds"), HOLDS)
def test_conditions_are_checked_by_code(condition: dict[str, Any], result: Any, holds: bool) -> None:
    """What is to hold of a result, and what it is instead."""
    (checked,) = task("a", checks=[condition]).checks
    said = objection([checked], result)
    assert (said is None) is holds


# --- declarations


@tool(effect="read")
def writer(text: str) -> str:
    """A tool with the name of an agent."""
    return text


WRONG: dict[str, tuple[Callable[[], object], str]] = {
    "nobody": (lambda: trip(plan(), agents=[], tools=[]), "nobody to plan for: give agents="),
    "two of one name": (lambda: trip(plan(), tools=[writer]), "could not tell apart what is named 'writer'"),
    "its own name": (lambda: trip(plan(), name="writer"), "could not tell apart what is named 'writer'"),
    "no agent": (lambda: trip(plan(), agents=["writer"]), "agents has 'writer': give agents"),
    "no tool": (lambda: trip(plan(), tools=[len]), "is no tool: decorate it with @tool"),
    "parallel": (lambda: trip(plan(), parallel=0), "parallel=0: give a whole number, 1 or more"),
    "replans": (lambda: trip(plan(), replans=-1), "replans=-1: give a whole number, 0 or more"),
    "approve": (lambda: trip(plan(), approve="lead"), "approve='lead': give True, or whom"),
    "routing": (lambda: trip(plan(), approve={"quorum": 0}), "quorum=0: give a whole number"),
    "refusal": (lambda: trip(plan(), on_refusal="stop"), "on_refusal='stop': use 'replan' or 'end'"),
    "review": (lambda: trip(plan(), review=ask_always), "say approve=True"),
    "check": (lambda: trip(plan(), check="good"), "check='good': give a function"),
    "limits": (lambda: trip(plan(), limits=5), "limits=5: write limits=Limits"),
}


@pytest.mark.parametrize(("declare", "said"), WRONG.values(), ids=WRONG)
def test_a_wrong_planner_says_so_where_it_is_written(declare: Callable[[], object], said: str) -> None:
    """With the fix."""
    with pytest.raises(DeclarationError) as raised:
        declare()
    assert said in str(raised.value)


def test_a_planning_agent_is_told_what_there_is() -> None:
    """Who may do tasks, what each takes and gives, how many there may be, and what all of it is to come to."""
    planner = Planner(
        name="trip", models=[plans(plan())], instructions="Be brief.", agents=[RESEARCHER], tools=[price_of],
        output=dict[str, float], parallel=3, tasks=7, limits=Limits(),
    )  # fmt: skip
    told = planner.team[0].instructions
    assert told.startswith("Be brief.")
    for words in ("## researcher (agent)", "Looks facts up.", "## price_of (tool, read)", '"nights"', '"facts"'):
        assert words in told
    assert "3 at most" in told
    assert "At most 7 tasks" in told
    assert '"additionalProperties":{"type":"number"}' in told


def test_what_can_change_something_is_known() -> None:
    """Only what cannot is tried again by itself; of a workflow nobody knows."""

    @tool(effect="idempotent")
    def pay() -> None:
        """Pay."""

    payer = Agent(name="payer", models=[plans(plan())], tools=[pay])
    boss = Agent(name="boss", models=[plans(plan())], team=[payer])
    doers = trip(plan(), agents=[RESEARCHER, payer, boss, onboard], tools=[price_of, pay]).doers
    harmless = {name for name, doer in doers.items() if doer.changes_nothing}
    assert harmless == {"researcher", "price_of"}


def test_a_planner_is_no_workflow_to_be_rehearsed() -> None:
    """Its steps come from a plan, not from code: the test helper says what to do instead."""
    with pytest.raises(UsageError, match=r"run it with app\.run_sync"):
        check_workflow(trip(plan(task("a"))), "go")


def test_an_input_that_is_encoded_twice_is_read() -> None:
    """Some models write an object as text; what only looks like one stays text."""
    made = task("a", "price_of", '{"city": "Rome", "nights": {"$from": "b"}}')
    assert made.needs == ("b",)
    assert made.input == {"city": "Rome", "nights": {"$from": "b"}}
    assert task("b", asked="[sic] as he says").input == "[sic] as he says"
