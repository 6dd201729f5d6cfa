"""Who was heard when: sources, brands and all posts together, by when their posts arrived.

By the time of the Kafka record and not of the post: a crawler that brings the posts of an hour at
once is heard once an hour, and one that catches up is heard now. Four weeks are kept in memory, a
number a slot of five minutes; the first look reads them day by day, each later hour adds itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from stream.alerting.conditions import Voice
from stream.alerting.habit import FOUR_WEEKS, SLOT, Counts, Habit, learn
from stream.database import Client, errors_sorted

_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_KEPT = FOUR_WEEKS // SLOT
_AFTER_ARRIVAL = timedelta(minutes=10)  # the server's clock may be so much behind the broker's
_AT_ONCE_SECONDS = 5.0  # others wait to be told meanwhile
_OVERLAP = timedelta(minutes=1)  # an insert's rows carry the time at which it began

# Each post as (source, brand): of all, of its source, and of each of its brands.
_HEARD = """
FROM posts
ARRAY JOIN arrayConcat([('', ''), (toString(source), '')],
    arrayMap(brand -> ('', toString(brand)), arrayDistinct(`mentions.brand`))) AS voice
WHERE is_deleted = 0 AND is_moved = 0
    AND ingested_at >= {ingested:DateTime64(3, 'UTC')}
    AND kafka_time >= {since:DateTime64(3, 'UTC')} AND kafka_time < {until:DateTime64(3, 'UTC')}"""

_COUNTS = f"""
SELECT voice.1, voice.2, groupArray(slot), groupArray(posts) FROM (
    SELECT voice, intDiv(toUnixTimestamp(kafka_time) - {{begin:Int64}}, {{slot:Int64}}) AS slot,
        toInt64(count()) AS posts
    {_HEARD}
    GROUP BY voice, slot)
GROUP BY voice
SETTINGS max_execution_time = {{limit:UInt32}}"""

_LAST = f"""
SELECT voice.1, voice.2, max(kafka_time) {_HEARD}
GROUP BY voice
SETTINGS max_execution_time = {{limit:UInt32}}"""

_Key = tuple[str, str]  # source, brand


class Voices:
    """Keeps what was heard, for one thread. `limit` bounds each query, in seconds."""

    def __init__(self, client: Client, limit: int) -> None:
        self._client = client
        self._limit = limit
        self._counts: dict[_Key, Counts] = {}
        self._end: datetime | None = None  # of what is counted, a full hour
        self._last: dict[_Key, datetime] = {}
        self._looked: datetime | None = None  # the server's clock
        self._habits: dict[_Key, Habit | None] = {}

    def listen(self, read_to: datetime, warm_up: timedelta) -> list[Voice]:
        """Those whose habit is known, given that everything was read up to `read_to`.

        Nobody, while the past is still being read. Raises RetryLater; what was read is kept.
        """
        hour = read_to.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        if self._end is None or hour > self._end:
            if not self._count_to(hour):
                return []
            begin = hour - _KEPT * SLOT
            self._habits = {
                key: learn(counts, begin, warm_up) for key, counts in self._counts.items()
            }
        for key, last in self._latest(read_to):
            self._last[key] = max(last, self._last.get(key, last))
        return [
            Voice(*key, self._last[key], habit)
            for key, habit in sorted(self._habits.items())
            if habit is not None
        ]

    def _count_to(self, hour: datetime) -> bool:
        """Read on to this hour, for a few seconds at a time; whether it was reached."""
        began = time.monotonic()
        while self._end is None or self._end < hour:
            if time.monotonic() - began > _AT_ONCE_SECONDS:
                return False
            since = self._end or hour - _KEPT * SLOT
            until = min(hour, since + _DAY)
            found = self._query(
                _COUNTS,
                since,
                until,
                begin=int(since.timestamp()),
                slot=SLOT // timedelta(seconds=1),
            )
            new = (until - since) // SLOT
            for counts in self._counts.values():
                counts[:-new] = counts[new:]
                counts[-new:] = 0
            for source, brand, heard, posts in found:
                counts = self._counts.setdefault((source, brand), np.zeros(_KEPT, np.int64))
                counts[_KEPT - new + np.array(heard, np.int64)] = posts
                self._last[source, brand] = since + (max(heard) + 1) * SLOT
            self._end = until
        self._counts = {key: counts for key, counts in self._counts.items() if counts.any()}
        return True

    def _latest(self, read_to: datetime) -> Iterator[tuple[_Key, datetime]]:
        """When each was heard last since the look before."""
        assert self._end is not None
        with errors_sorted():
            now: datetime = self._client.query("SELECT now64(3, 'UTC')").result_rows[0][0]
        until = read_to + timedelta(milliseconds=1)
        for source, brand, last in self._query(_LAST, self._end, until, ingested=self._looked):
            yield (source, brand), last
        self._looked = now - _OVERLAP

    def _query(
        self,
        sql: str,
        since: datetime,
        until: datetime,
        ingested: datetime | None = None,
        **values: Any,
    ) -> Sequence[Any]:
        values |= {"since": since, "until": until, "limit": self._limit}
        values["ingested"] = ingested or since - _AFTER_ARRIVAL
        with errors_sorted():
            return self._client.query(sql, parameters=values).result_rows
