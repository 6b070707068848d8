"""Incident 30: somebody edits the audit log."""

import pytest

from tests.incidents.desk import call, to_do
from tests.incidents.place import Place

ADD = """INSERT INTO agent_events (execution_id, seq, kind, version, data, at, hash)
    SELECT execution_id, (SELECT max(seq) + 1 FROM agent_events WHERE execution_id = '{id}'),
        kind, version, data, at, hash
    FROM agent_events WHERE {third}"""
TAMPERED = {
    "data": ("UPDATE agent_events SET data = {other} WHERE {third}", 3),
    "kind": ("UPDATE agent_events SET kind = 'model.failed' WHERE {third}", 3),
    "time": ("UPDATE agent_events SET at = (SELECT at FROM agent_events e WHERE {first}) WHERE {third}", 3),
    "hash": ("UPDATE agent_events SET hash = (SELECT hash FROM agent_events e WHERE {first}) WHERE {third}", 3),
    "a row deleted": ("DELETE FROM agent_events WHERE {third}", 3),
    "the first row deleted": ("DELETE FROM agent_events WHERE {first}", 1),
    "the end cut off": ("DELETE FROM agent_events WHERE execution_id = '{id}' AND seq > 2", 3),
    "all of it deleted": ("DELETE FROM agent_events WHERE execution_id = '{id}'", 1),
    "a row added": (ADD, None),
    "two rows swapped": ("UPDATE agent_events SET seq = CASE seq WHEN 103 THEN 4 ELSE 3 END WHERE {moved}", 3),
}


def worked(place: Place) -> list[str]:
    """Three executions that ended."""
    ids = [place.start(to_do(call("look", str(n)), call("pay", str(n)))) for n in range(3)]
    assert place.drain() == 0
    return ids


def tamper(place: Place, what: str, identity: str) -> int:
    """Do it to one execution; the number of its first broken row."""
    statement, seq = TAMPERED[what]
    rows = {n: f"execution_id = '{identity}' AND seq = {n}" for n in (1, 3)}
    other = "'{\"forged\": true}'" + ("" if place.sqlite else "::jsonb")
    moved = f"execution_id = '{identity}' AND seq IN (103, 104)"
    prepare = [f"UPDATE agent_events SET seq = seq + 100 WHERE execution_id = '{identity}' AND seq IN (3, 4)"]
    last = place.sql(f"SELECT max(seq) FROM agent_events WHERE execution_id = '{identity}'")[0][0]
    statement = statement.format(other=other, first=rows[1], third=rows[3], id=identity, moved=moved)
    place.sql(*(prepare if "moved" in TAMPERED[what][0] else []), statement)
    return seq or last + 1


@pytest.mark.parametrize("what", TAMPERED)
def test_verification_names_the_first_broken_row(place: Place, what: str):
    """Somebody edits the audit log: verification names the first broken row, and fails."""
    ids = worked(place)
    seq = tamper(place, what, ids[1])
    checked = place.holdfast("verify-audit")
    assert checked.code == 1, checked.said
    assert ids[1] in checked.said
    assert f"event {seq}" in checked.said
    assert not any(untouched in checked.said for untouched in (ids[0], ids[2]))


def test_an_untouched_log_is_found_whole(place: Place):
    """The control: what nobody edited verifies, and says how much that was."""
    worked(place)
    checked = place.holdfast("verify-audit")
    assert checked.code == 0, checked.said
    assert "3" in checked.said
