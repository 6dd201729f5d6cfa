"""The same log ends in the same rows, however it was cut into batches and how often it was read."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stream.clock import Clock
from stream.database import Client
from stream.dead_letters import DeadLetters
from stream.decode import Record
from stream.health import Health
from stream.match import Matcher
from stream.pipeline import Pipeline
from stream.retry import Patience
from stream.store import Store
from tests.chaos.hooks import Letters, NoWaiting
from tests.stream.consuming import CATALOGUE
from tests.stream.fakes import PureScorer

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
TODAY, LONG_AGO = NOON - timedelta(hours=1), NOON - timedelta(days=500)

Process = Callable[[Sequence[Record]], None]


@pytest.fixture
def process(store: Store) -> Process:
    return Pipeline(
        matcher=Matcher(CATALOGUE),
        scorer=PureScorer(),
        store=store,
        dead_letters=DeadLetters(Letters(), "posts.dlq"),
        generation=1,
        retention=timedelta(days=400),
        clock=Clock(wall=lambda: NOON),
        patience=Patience(NoWaiting(), Health()),
    ).process


def record(offset: int, text: str, created_at: datetime, post_id: str = "1", **more: Any) -> Record:
    value = {"source": "s", "post_id": post_id, "text": text, "lang": "en"}
    value |= {"created_at": created_at.isoformat(), **more}
    return Record("posts", 0, offset, NOON, f"s:{post_id}".encode(), json.dumps(value).encode())


def stored(client: Client) -> list[tuple[Any, ...]]:
    rows = client.query("SELECT post_id, created_at, text, version FROM posts FINAL ORDER BY 1")
    return [tuple(row) for row in rows.result_rows]


@pytest.mark.parametrize("batches", [[2], [1, 1], [2, 2], [1, 1, 1, 1]])
def test_a_message_older_than_the_retention_neither_hides_nor_replaces_another(
    process: Process, client: Client, batches: list[int]
) -> None:
    """It is judged by what it claims itself: not by its neighbours in the batch, nor by whether
    the post is known by now, which a replay would judge otherwise."""
    edited = {"updated_at": NOON.isoformat()}
    log = [record(0, "Acme, long ago", LONG_AGO, **edited), record(1, "Acme, today", TODAY)] * 2
    for size in batches:
        process(log[:size])
        log = log[size:]
    assert [row[:3] for row in stored(client)] == [("1", TODAY, "Acme, today")]
