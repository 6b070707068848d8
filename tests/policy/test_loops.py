"""Loop detection."""

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from holdfast.policy.loops import LONGEST_PERIOD, Seen, find_loop


def seen(calls: str, results: str | None = None) -> list[Seen]:
    """One letter for each call and each result; without results every call always has the same."""
    return [
        Seen(digest=call, outcome_digest=result, tool=call, arguments={})
        for call, result in zip(calls, results or calls, strict=True)
    ]


def test_same_call():
    """The same call with the same result, three times in a row, is a loop with a name."""
    assert find_loop(seen("xaaa"), 3).description == "a() 3 times with the same result"


def test_not_yet():
    """Twice is not three times."""
    assert find_loop(seen("aa"), 3) is None
    assert find_loop([], 3) is None


def test_changed_result():
    """Polling something that moves on is no loop."""
    assert find_loop(seen("aaaa", "1123"), 3) is None


def test_other_arguments():
    """Paging through empty results is no loop: each call is another one."""
    assert find_loop(seen("abc", "111"), 3) is None


def test_interrupted():
    """Another call in between breaks the row."""
    assert find_loop(seen("aabaa"), 3) is None


def test_cycle():
    """A B A B A B is a loop, named in its order."""
    assert find_loop(seen("xababab"), 3).description == "the cycle a(), then b() 3 times with the same results"


def test_cycle_with_a_changed_result():
    """A cycle in which one result changes is no loop."""
    assert find_loop(seen("ababab", "121232"), 3) is None


def test_longest_cycle():
    """Cycles of up to five calls are seen, longer ones are not."""
    assert find_loop(seen("abcde" * 3), 3).labels == ("a()", "b()", "c()", "d()", "e()")
    assert find_loop(seen("abcdef" * 3), 3) is None


def test_only_the_end_counts():
    """A loop that the agent has left is over."""
    assert find_loop(seen("aaab"), 3) is None


def test_one_call_is_no_repetition():
    """Even with `repeats=1` one call alone is no loop."""
    assert find_loop(seen("a"), 1) is None
    assert find_loop(seen("aa"), 1).repeats == 2


def test_bounded_work():
    """A check reads the end of the history only, however long that is."""

    class Counted(list):
        reads = 0

        def __getitem__(self, place):
            self.reads += 1
            return super().__getitem__(place)

    history = Counted(seen("abcdef" * 10_000))
    find_loop(history, 3)
    assert history.reads < 100


def naive(history: str, repeats: int) -> bool:
    return any(
        len(history) >= period * repeats and history[-period * repeats :] == history[-period:] * repeats
        for period in range(1, LONGEST_PERIOD + 1)
    )


@given(st.text("ab", max_size=24) | st.text("abc", max_size=24), st.integers(2, 4))
def test_as_by_definition(calls, repeats):
    """It finds exactly what the definition calls a loop, on lists and deques alike."""
    found = find_loop(deque(seen(calls)), repeats)
    assert (found is not None) == naive(calls, repeats)
    if found:
        assert calls.endswith("".join(label[0] for label in found.labels) * repeats)
