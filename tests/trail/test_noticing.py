"""Connections to a server that may go away without a word: its machine dies, or the network between."""

import pytest

from holdfast.trail.place import DIRECT, NOTICING, locate
from holdfast.trail.reader import _reading_engine
from holdfast.trail.session import connect


@pytest.mark.postgres
def test_who_writes_and_who_reads_notice_within_seconds(postgres_database):
    """Left to the system, a worker that reads would wait for a quarter of an hour for an answer that never comes."""
    wanted = {name: str(value) for name, value in NOTICING.items()}
    with connect(postgres_database, name="test") as writes:
        assert wanted.items() <= writes.info.get_parameters().items()
    engine = _reading_engine(locate(postgres_database), DIRECT)
    with engine.connect() as reads:
        assert wanted.items() <= reads.connection.driver_connection.info.get_parameters().items()
    engine.dispose()
