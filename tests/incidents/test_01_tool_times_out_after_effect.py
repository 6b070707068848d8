"""Incident 1: a tool times out after its side effect happened."""

import pytest

from holdfast import App, Limits
from tests.incidents.desk import call, clerk, to_do
from tests.incidents.place import Place

troubles = pytest.mark.parametrize("trouble", ["hang once", "break once"])


def hurried(place: Place) -> App:
    """An app whose tools get a third of a second."""
    return place.app(clerk(place.folder, limits=Limits(step_timeout_s=0.3)))


@troubles
@pytest.mark.parametrize("tool", ["look", "move"])
def test_a_repeatable_call_is_tried_again_with_the_same_key(place: Place, tool: str, trouble: str):
    """A tool times out after its side effect happened: what may be repeated is repeated, under one key."""
    ended = place.play(lambda app: app.run("clerk", to_do(call(tool, trouble=trouble))), hurried(place))
    assert ended.status == "completed"
    assert [effect.key for effect in place.ledger.effects()] == [f"{ended.id}:1:0"] * 2
    [row] = ended.tool_calls
    assert (row.status, row.attempt, row.idempotency_key) == ("completed", 2, f"{ended.id}:1:0")


@troubles
def test_an_irreversible_call_is_probed(place: Place, trouble: str):
    """A tool times out after its side effect happened: its probe finds that, and it is not done again."""
    ended = place.play(lambda app: app.run("clerk", to_do(call("ship", trouble=trouble))), hurried(place))
    assert (ended.status, place.did()) == ("completed", ["ship"])
    [row] = ended.tool_calls
    assert (row.status, row.tool_output) == ("completed", "ship 7: known to the carrier")


@troubles
@pytest.mark.parametrize(
    ("answer", "then", "did"),
    [("happened", "completed", ["pay"]), ("skip", "failed", ["pay"]), ("run", "completed", ["pay", "pay"])],
)
def test_without_a_probe_a_person_decides(place: Place, trouble: str, answer: str, then: str, did: list[str]):
    """A tool times out after its side effect happened: in doubt, and only a person's word runs it again."""

    async def story(app: App) -> None:
        parked = await app.run("clerk", to_do(call("pay", trouble=trouble)))
        assert (parked.status, parked.status_reason, place.did()) == ("awaiting_review", "IN_DOUBT", ["pay"])
        assert parked.tool_calls[0].status == "in_doubt"
        [doubt] = await app.approvals()
        assert doubt.kind == "doubt"
        await app.decide(doubt.id, answer, by="Ada", edit="receipt 1" if answer == "happened" else None)
        ended = await app.resume(parked.id)
        assert (ended.status, ended.tool_calls[0].status, place.did()) == ("completed", then, did)

    place.play(story, hurried(place))
