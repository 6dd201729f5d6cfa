"""Posts said at given times, for tests that need windows, evidence or alerts in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from stream.database import Client
from stream.decode import Decoded, Record
from stream.match import Mention
from stream.post import Author, Post
from stream.rows import Analysed, Row, to_row
from stream.score import ScoredMention
from stream.settings import ClickHouse, Settings
from stream.store import Position, Store
from stream.windows import run_pass

_MOODS = {
    "negative": (8000, 1500, 500),
    "neutral": (1000, 8000, 1000),
    "positive": (300, 700, 9000),
}
_numbers = count(1)


def post(at: datetime, mood: str = "negative", **changed: Any) -> Row:
    """A row of one post about Acme, by an author of its own."""
    number = next(_numbers)
    brand, topics = changed.pop("brand", "Acme"), changed.pop("topics", ())
    units = changed.pop("units", _MOODS[mood])
    fields = {
        "post_id": f"p{number}",
        "source": "reddit",
        "text": f"{mood} number {number}",
        "created_at": at,
        "lang": "en",
        "author": Author(id=f"a{number}", name=f"Author {number}", followers=10),
    }
    record = Record("posts", 0, number, at, None, b"")
    one = ScoredMention(Mention(brand, topics, ((0, 1),)), *units)
    mentions = changed.pop("mentions", [one])
    return to_row(Analysed(Decoded(record, Post(**(fields | changed)), True), at, mentions), 3)


def quiet(
    start: datetime, end: datetime, every: timedelta = timedelta(minutes=6), **changed: Any
) -> list[Row]:
    """Everyday talk: one mention each `every`, one in five negative."""
    number = int((end - start) / every)
    moods = ("negative", "neutral", "positive", "neutral", "positive")
    return [post(start + i * every, moods[i % 5], **changed) for i in range(number)]


class World:
    """A database into which posts are said, read and counted."""

    def __init__(self, client: Client, clickhouse: ClickHouse) -> None:
        self.client = client
        self.settings = Settings(clickhouse=clickhouse)
        self._store = Store(client, clickhouse)

    def say(self, rows: Sequence[Row], now: datetime) -> None:
        """Store the rows and recompute the windows at service time `now`."""
        self._store.insert(rows)
        run_pass(
            self.client,
            now=now,
            margin=timedelta(seconds=40),
            retention=timedelta(days=400),
            limit=timedelta(seconds=20),
        )

    def read_to(self, *times: datetime, partitions: int | None = None) -> None:
        """Note how far each partition was read."""
        of = partitions or len(times)
        self._store.record_progress(
            "posts", [Position(number, of, at, 1) for number, at in enumerate(times)]
        )
