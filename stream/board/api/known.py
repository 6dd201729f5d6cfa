"""Up to when everything is counted: minutes from there on are unknown, not zero (DESIGN §4)."""

from __future__ import annotations

from datetime import datetime, timedelta

from stream.board import queries
from stream.board.context import BoardContext
from stream.database import Client

_LAST_PASS = """
SELECT count(), now64(6) - max(started_at) FROM passes
SETTINGS max_execution_time = 10"""


def known_to(client: Client, context: BoardContext, now: datetime) -> datetime | None:
    """None while nothing is known: some partition has told nothing, or no window was ever counted.

    A minute is known once it is closed, was read, and windows were counted after that: a watcher
    that stands still must not look like silence.
    """
    read_to = queries.read_to(client, context.topic)
    passes, age = client.query(_LAST_PASS).result_rows[0]
    if read_to is None or not passes:
        return None
    counted = now - timedelta(seconds=max(0.0, float(age))) * context.clock.factor
    return min(read_to, counted, now - context.closes_after).replace(second=0, microsecond=0)
