"""What counts among contradicting results: agreement, votes and scores."""

import pytest
from pydantic import BaseModel

from holdfast import Agent, Final, Panel
from holdfast.teams.panel_ruling import Voice, resolve


class Review(BaseModel):
    verdict: str
    confidence: float = 0.5


def panel(size: int, **options: object) -> Panel[Review]:
    members = [Agent(name=chr(97 + n), models=[lambda _: Final("x")], output=Review) for n in range(size)]
    return Panel("reviewers", members, **{"agree": ["verdict"], **options})


def voices(*verdicts: str | None, sure: str = "") -> list[Voice]:
    """What `a`, `b` and so on came to; `None`: nothing."""
    found: list[Voice] = []
    for place, verdict in enumerate(verdicts):
        name = chr(97 + place)
        value = Review(verdict=verdict or "", confidence=0.9 if name == sure else 0.5)
        result = value.model_dump() if verdict else None
        confidence = value.confidence if verdict else None
        found.append(Voice(agent=name, completed=bool(verdict), result=result, value=value, confidence=confidence))
    return found


@pytest.mark.parametrize(
    ("verdicts", "options", "outcome", "whose"),
    [
        (("good", "bad"), {}, "undecided", None),
        (("good", "good", "good"), {}, "agreed", "a"),
        (("good", "bad", "bad"), {"resolve": "vote"}, "majority", "b"),
        (("good", "bad"), {"resolve": "vote"}, "tie", None),
        (("good", "good", "bad", "bad", "poor"), {"resolve": "vote"}, "tie", None),
        (("good", "good", "bad", "poor", "fair"), {"resolve": "vote"}, "no_majority", None),
        (("good", "bad", "bad", None, None), {"resolve": "vote"}, "majority", "b"),
        (("good", "excellent"), {"resolve": lambda it: len(it.verdict)}, "best", "b"),
        (("good", "poor"), {"resolve": lambda it: len(it.verdict)}, "tie", None),
        (("good", "good", "no"), {"resolve": lambda it: len(it.verdict)}, "best", "a"),
        (("good", "bad"), {"resolve": lambda it: it.verdict == "bad"}, "error", None),
        (("good", "bad"), {"resolve": lambda it: float("nan")}, "error", None),
        (("good", "bad"), {"resolve": lambda it: it.mark}, "error", None),
        (("good", "bad"), {"resolve": ["vote", lambda it: float(it.verdict == "bad")]}, "best", "b"),
        (("good", "great"), {"agree": lambda one, other: one.verdict[0] == other.verdict[0]}, "agreed", "a"),
        (("good", "bad"), {"agree": lambda one, other: 1 / 0}, "error", None),
        (("good", "good", None), {}, "agreed", "a"),
        (("good", None, None), {}, "too_few", None),
        (("good", None, None), {"minimum": 1}, "agreed", "a"),
        ((None, None), {"minimum": 1}, "too_few", None),
    ],
)
def test_a_contradiction_is_resolved_as_declared(
    verdicts: tuple[str | None, ...], options: dict[str, object], outcome: str, whose: str | None
) -> None:
    """Whatever comes of it has a name and a reason."""
    found = resolve(panel(len(verdicts), **options), voices(*verdicts))
    assert (found.outcome, found.member, bool(found.reason), found.asks) == (outcome, whose, True, False)


def test_people_are_asked_where_it_is_declared() -> None:
    """After what was tried first, with the reason why that did not decide."""
    found = resolve(panel(2, resolve=["vote", "person"]), voices("good", "bad"))
    assert (found.asks, found.gate, found.before) == (True, "person", ("vote: a against b: a tie at 1 of 2",))


def test_all_of_a_result_must_be_equal_unless_said_otherwise() -> None:
    """Another confidence is another result."""
    same, other = voices("good", "good"), voices("good", "good", sure="b")
    assert [resolve(panel(2, agree=None), said).outcome for said in (same, other)] == ["agreed", "undecided"]


def test_of_results_that_agree_the_surest_is_the_answer() -> None:
    """Among all, or among those of the majority."""
    assert resolve(panel(3), voices("good", "good", "good", sure="b")).member == "b"
    assert resolve(panel(3, resolve="vote"), voices("bad", "good", "good", sure="c")).member == "c"


@pytest.mark.parametrize(
    ("verdicts", "verdict"), [(("good", "good"), "allow"), (("good", "bad"), "review"), ((None, None), "deny")]
)
def test_a_resolution_is_a_decision(verdicts: tuple[str | None, ...], verdict: str) -> None:
    """Allowed with a result that counts, for review where the supervisor decides, denied where nothing counts."""
    assert resolve(panel(2), voices(*verdicts)).decision.verdict == verdict
