"""A database in the state a test names, written as the service writes it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stream.board import BoardContext, BoardServer
from stream.catalogue import Brand, Catalogue
from stream.clock import Clock
from stream.database import Client, connect
from stream.rows import COLUMNS, TOMBSTONE_VERSION, text_hash
from stream.settings import ClickHouse
from stream.windows import run_pass
from tests.stream.board.browsing import CHROMIUM, FLAGS, Page

MOODS = {"negative": (9000, 800, 200), "neutral": (1000, 8000, 1000), "positive": (300, 700, 9000)}


def spans(text: str, word: str) -> list[int]:
    """Flat [start, end, …] of the word in the text, in code points."""
    flat, at = [], text.find(word)
    while word and at >= 0:
        flat += [at, at + len(word)]
        at = text.find(word, at + len(word))
    return flat


@dataclass
class Seed:
    """Writes posts, windows, alerts, deliveries and progress."""

    client: Client
    now: datetime = field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))
    _version: int = 0

    def post(
        self,
        post_id: str,
        text: str = "Acme is fine",
        moods: dict[str, str] | None = None,
        *,
        created_at: datetime | None = None,
        deleted: bool = False,
        words: dict[str, str] | None = None,
        **columns: Any,
    ) -> tuple[Any, ...]:
        """A row for `posts`. `moods` is brand → label; `words` is brand → its word in the text."""
        self._version += 1
        moods = {"Acme": "positive"} if moods is None else moods
        chances = [MOODS[mood] for mood in moods.values()]
        values: dict[str, Any] = {
            "source": "reddit",
            "post_id": post_id,
            "created_at": created_at or self.now,
            "updated_at": None,
            "kind": "post",
            "text": text,
            "lang": "en",
            "author_id": "someone",
            "author_name": "",
            "followers": 0,
            "likes": 0,
            "shares": 0,
            "replies": 0,
            "rating": None,
            "url": "",
            "text_hash": text_hash(text),
            "mentions.brand": list(moods),
            "mentions.topics": [[] for _ in moods],
            "mentions.negative": [c[0] for c in chances],
            "mentions.neutral": [c[1] for c in chances],
            "mentions.positive": [c[2] for c in chances],
            "mentions.score": [c[2] - c[0] for c in chances],
            "mentions.spans": [spans(text, (words or {}).get(brand, brand)) for brand in moods],
            "mentions.estimated": [0 for _ in moods],
            "generation": 1,
            "kafka_partition": 0,
            "kafka_offset": self._version,
            "kafka_time": self.now,
            "version": TOMBSTONE_VERSION if deleted else self._version,
            "is_deleted": int(deleted),
        }
        return tuple({**values, **columns}[name] for name in COLUMNS)

    def store(self, *rows: tuple[Any, ...]) -> None:
        """Insert the rows and bring the windows up to date."""
        self.client.insert("posts", rows, column_names=COLUMNS)
        run_pass(
            self.client,
            now=self.now,
            margin=timedelta(seconds=40),
            retention=timedelta(days=400),
            limit=timedelta(seconds=20),
        )

    def keys(self, *rows: tuple[Any, ...]) -> None:
        """Remember when each post was first said to be made, as the store does before."""
        named = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        columns = ["source", "post_id", "created_at"]
        values = [[row[column] for column in columns] for row in named]
        self.client.insert("post_keys", values, column_names=columns)

    def progress(
        self, read_to: datetime | None = None, partitions: int = 1, known: int = 1
    ) -> None:
        rows = [("posts", n, partitions, read_to or self.now, 1) for n in range(known)]
        names = ["topic", "kafka_partition", "partitions", "read_to", "next_offset"]
        self.client.insert("progress", rows, column_names=names)

    def alert(self, alert_id: str, evidence: dict[str, Any] | None = None, **columns: Any) -> None:
        values = {
            "alert_id": alert_id,
            "step": 0,
            "transition": "opened",
            "rule": "default",
            "brand": "Acme",
            "topic": "",
            "state": "open",
            "severity": "high",
            "opened_at": self.now - timedelta(minutes=12),
            "changed_at": self.now,
            "observed": 31.0,
            "expected": 4.0,
            "receivers": ["marketing"],
            "evidence": json.dumps(evidence or {}),
            **columns,
        }
        self.client.insert("alerts", [list(values.values())], column_names=list(values))

    def delivery(self, alert_id: str, outcome: str = "sent", **columns: Any) -> None:
        values = {
            "alert_id": alert_id,
            "step": 0,
            "transition": "opened",
            "receiver": "marketing",
            "webhook_id": "w",
            "attempt": 1,
            "outcome": outcome,
            "status_code": 200,
            "reason": "",
            "seconds": 0.1,
            "next_attempt_at": self.now,
            "attempted_at": self.now,
            **columns,
        }
        self.client.insert("deliveries", [list(values.values())], column_names=list(values))


@pytest.fixture
def seed(clickhouse_settings: ClickHouse) -> Iterator[Seed]:
    client = connect(clickhouse_settings)
    yield Seed(client)
    client.close()


@pytest.fixture
def board(clickhouse_settings: ClickHouse, seed: Seed) -> Iterator[BoardServer]:
    """A board on a free port over the database of `seed`; its clock stands at `seed.now`."""
    server = BoardServer(
        BoardContext(
            clickhouse=clickhouse_settings,
            clock=Clock(wall=lambda: seed.now),
            catalogue=Catalogue(brands=[Brand(name="Acme"), Brand(name="Globex")]),
            dead_letters=lambda: 3,
            poll_seconds=0.1,
        ),
        port=0,
    )
    server.start()
    yield server
    server.stop()


def until(condition: Callable[[], Any], within: float = 10.0) -> Any:
    """The first true value of `condition`; fails after `within` seconds."""
    deadline = time.monotonic() + within
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail("the condition did not come true in time")
        time.sleep(0.02)
    return value


@pytest.fixture(name="until")
def until_fixture() -> Callable[..., Any]:
    return until


def evidence_posts(rows: Sequence[tuple[Any, ...]]) -> list[dict[str, str]]:
    """How an alert's evidence names its telling posts."""
    named = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    return [
        {
            "source": row["source"],
            "post_id": row["post_id"],
            "created_at": row["created_at"].isoformat(),
        }
        for row in named
    ]


@pytest.fixture(name="evidence_posts")
def evidence_posts_fixture() -> Callable[..., list[dict[str, str]]]:
    return evidence_posts


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="needs the extra 'dev'")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Any, board: BoardServer) -> Iterator[Callable[..., Page]]:
    """Opens the page of `board`; it is closed after the test."""
    opened: list[Page] = []

    def open_(**options: Any) -> Page:
        opened.append(Page(browser, board, **options))
        return opened[-1]

    yield open_
    for page in opened:
        page.context.close()
