"""How far the topic was read: which minutes are closed, and which are unknown (DESIGN §4)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from stream.database import Client, errors_sorted, time_limit
from stream.settings import Settings

_PROGRESS = """
SELECT count(), max(partitions), min(read_to) FROM progress FINAL
WHERE topic = {topic:String} AND kafka_partition < partitions
SETTINGS max_execution_time = {limit:UInt32}"""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far everything was read. Minutes from `closed_to` on are unknown, not calm.

    `closed_to` is None while no partition, or not every one, has told how far it is.
    """

    closed_to: datetime | None
    behind: timedelta
    partitions_missing: int


def coverage(client: Client, settings: Settings, now: datetime) -> Coverage:
    """Up to when minutes are closed at service time `now`. Raises RetryLater.

    Ask before the window pass whose windows are to be judged: what was read by now is in them.
    """
    values = {"topic": settings.kafka.topic, "limit": time_limit(settings.clickhouse.query_timeout)}
    with errors_sorted():
        told, partitions, read_to = client.query(_PROGRESS, parameters=values).result_rows[0]
    if told == 0 or told < partitions:
        return Coverage(None, timedelta(0), partitions - told if told else 1)
    closed = min(read_to, now - settings.alerts.closes_after)
    return Coverage(minute_of(closed), max(timedelta(0), now - read_to), 0)


def minute_of(time: datetime) -> datetime:
    """The minute in which a time lies."""
    return time.replace(second=0, microsecond=0)
