"""Incident 3: a worker is killed after the record."""

import signal
from pathlib import Path

import pytest

from tests.incidents.desk import call, to_do
from tests.incidents.place import Place
from tests.providers.server import Answer, Provider

BUYER = str(Path(__file__).with_name("buyer.py"))
THREE = to_do(call("look"), call("move"), call("pay"))


@pytest.mark.parametrize("commit", [3, 5, 7], ids=["look", "move", "pay"])
def test_it_continues_with_the_next_step(place: Place, commit: int):
    """A worker is killed after the record: it goes on with the next step, and nothing is run or asked again."""
    identity = place.start(THREE)
    assert place.drain(HOLDFAST_CRASH_AT=f"after-commit:{commit}") == -signal.SIGKILL
    assert len(place.did()) == commit // 2
    assert place.drain() == 0
    assert place.get(identity).status == "completed"
    assert place.did() == ["look", "move", "pay"]
    assert [entry.key for entry in place.asked.effects()] == ["after 0", "after 1", "after 2", "after 3"]


@pytest.mark.parametrize("commit", [2, 3], ids=["its answer is recorded", "its call is recorded"])
def test_no_answer_is_bought_twice(place: Place, provider: Provider, commit: int):
    """A worker is killed after the record: the provider is not asked again for what it answered."""
    look = ("look", {"order": "7"})
    provider.script = [Answer(calls=(look,)), Answer(text="done")]
    identity = place.start("Where is order 7?")
    assert place.drain(BUYER, HOLDFAST_CRASH_AT=f"after-commit:{commit}") == -signal.SIGKILL
    assert len(provider.received) == 1
    assert place.drain(BUYER) == 0
    ended = place.get(identity)
    assert (ended.status, ended.result, ended.token_count) == ("completed", "done", 2 * 18)
    assert (place.did(), len(provider.received)) == (["look"], 2)
