"""A session with PostgreSQL: how it is opened, and the settings that its transactions go by."""

from typing import Any, Final, TypeAlias

import psycopg
from psycopg.conninfo import make_conninfo

from holdfast.trail.place import DIRECT, NOTICING, Connections

Session: TypeAlias = psycopg.Connection[tuple[Any, ...]]

CHANNEL: Final = "holdfast"
"""Where writers notify each other."""
_SETTINGS: Final = """
    SELECT set_config('timezone', 'UTC', {local}),
        set_config('statement_timeout', '0', {local}),
        -- A worker stopped in mid-transaction must not keep its rows locked: its executions are to be taken over.
        set_config('idle_in_transaction_session_timeout', '10s', {local}),
        -- Statistics of a young table suggest reading all of it; every statement here goes by an index.
        set_config('enable_seqscan', 'off', {local}),
        set_config('enable_hashjoin', 'off', {local}),
        set_config('enable_mergejoin', 'off', {local}),
        set_config('jit', 'off', {local}),
        -- So the plan is the same for whatever is asked: it is made once, not for each transaction again.
        set_config('plan_cache_mode', 'force_generic_plan', {local}),
        CASE WHEN current_setting('synchronous_commit') = 'off'
            THEN set_config('synchronous_commit', 'on', {local}) END
"""
_FOR_THE_SESSION: Final = _SETTINGS.format(local="false")
FOR_THE_TRANSACTION: Final = _SETTINGS.format(local="true")


def connect(url: str, *, name: str, connections: Connections = DIRECT) -> Session:
    """A connection that notices within seconds when the server is gone."""
    connection = psycopg.connect(
        make_conninfo(url, application_name=name, **NOTICING),
        autocommit=True,
        prepare_threshold=None if connections.pooled else 0,
    )
    if not connections.pooled:
        connection.execute(_FOR_THE_SESSION.encode())
    return connection
