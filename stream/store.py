"""Step 5 of a post's way: one row per post in ClickHouse, written again without harm.

Keys first: the first `created_at` that the server acknowledged for a post is its date for ever,
because the sorting key of `posts` must never change (DESIGN §3). Every statement may be repeated.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from stream.database import Client, errors_sorted
from stream.rows import COLUMNS, Key, Row
from stream.settings import ClickHouse

T = TypeVar("T", bound=tuple[Any, ...])

_KEY_CHARACTERS = 50_000  # of one look-up: servers take 128 KB in a field of a form
_AROUND_A_KEY = 32  # a minute, quotes and brackets

_FIRST = """
SELECT source, post_id, tupleElement(min(first), 2)
FROM post_keys
WHERE (source, post_id) IN {keys:Array(Tuple(String, String))}
GROUP BY source, post_id
SETTINGS max_execution_time = {limit:UInt32}"""

_VERSIONS = """
SELECT source, post_id, max(version)
FROM posts
WHERE (toStartOfMinute(created_at), source, post_id)
    IN {keys:Array(Tuple(DateTime('UTC'), String, String))}
GROUP BY source, post_id
SETTINGS max_execution_time = {limit:UInt32}"""


@dataclass(frozen=True, slots=True)
class Position:
    """How far a partition was read: every record up to `read_to` (record time) is stored."""

    partition: int
    partitions: int
    read_to: datetime
    next_offset: int


class Store:
    """Writes posts for one thread, and looks them up for another where that has a client of its
    own, `look_ups`. Raises RetryLater while ClickHouse is away."""

    def __init__(
        self, client: Client, settings: ClickHouse, look_ups: Client | None = None
    ) -> None:
        self._client = client
        self._look_ups = look_ups or client
        self._limit = int(settings.query_timeout.total_seconds())
        self._insert_settings = {
            "max_execution_time": int(settings.insert_timeout.total_seconds()),
            "async_insert": 0,
            # A block equal to an earlier one may follow an erasure: never drop it silently.
            "insert_deduplicate": 0,
            "distributed_foreground_insert": 1,
            "max_partitions_per_insert_block": 1000,
        }

    def close(self) -> None:
        self._client.close()
        self._look_ups.close()

    def first_created(self, keys: Iterable[Key]) -> dict[Key, datetime]:
        """The date of each post already known."""
        return self._first(self._look_ups, keys)

    def _first(self, client: Client, keys: Iterable[Key]) -> dict[Key, datetime]:
        found: dict[Key, datetime] = {}
        for chunk in _chunks(sorted(set(keys))):
            with errors_sorted():
                rows = client.query(
                    _FIRST, parameters={"keys": chunk, "limit": self._limit}
                ).result_rows
            found |= {(source, post_id): first for source, post_id, first in rows}
        return found

    def versions(self, dates: Mapping[Key, datetime]) -> dict[Key, int]:
        """The highest stored version of each post, found by its date."""
        found: dict[Key, int] = {}
        keyed = sorted(
            (date.replace(second=0, microsecond=0), source, post_id)
            for (source, post_id), date in dates.items()
        )
        for chunk in _chunks(keyed):
            with errors_sorted():
                rows = self._look_ups.query(
                    _VERSIONS, parameters={"keys": chunk, "limit": self._limit}
                ).result_rows
            found |= {(source, post_id): int(version) for source, post_id, version in rows}
        return found

    def claim(self, dates: Mapping[Key, datetime]) -> dict[Key, datetime]:
        """Enter new posts under their dates; returns what stands, which may be another's claim."""
        if not dates:
            return {}
        with errors_sorted():
            self._client.insert(
                "post_keys",
                [(source, post_id, date) for (source, post_id), date in dates.items()],
                column_names=["source", "post_id", "created_at"],
                settings=self._insert_settings,
            )
        return self._first(self._client, dates)

    def insert(self, rows: Sequence[Row]) -> None:
        """Write rows of `rows.COLUMNS`; returns once the server has acknowledged them."""
        if rows:
            with errors_sorted():
                self._client.insert(
                    "posts", rows, column_names=COLUMNS, settings=self._insert_settings
                )

    def record_progress(self, topic: str, positions: Sequence[Position]) -> None:
        """Tell the watcher how far each partition was read."""
        if positions:
            with errors_sorted():
                self._client.insert(
                    "progress",
                    [
                        (topic, p.partition, p.partitions, p.read_to, p.next_offset)
                        for p in positions
                    ],
                    column_names=[
                        "topic",
                        "kafka_partition",
                        "partitions",
                        "read_to",
                        "next_offset",
                    ],
                    settings=self._insert_settings,
                )


def _chunks(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """`keys`, tuples that end with source and post_id, in parts that fit one statement each."""
    begin = characters = 0
    for number, (*_, source, post_id) in enumerate(keys):
        size = len(source.encode()) + len(post_id.encode()) + _AROUND_A_KEY
        if characters + size > _KEY_CHARACTERS:
            yield keys[begin:number]
            begin, characters = number, 0
        characters += size
    if keys:
        yield keys[begin:]
