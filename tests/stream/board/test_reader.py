"""The board follows the tables: what is stored shows, what is gone vanishes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from stream.board import BoardContext
from stream.board.reader import Reader
from stream.catalogue import Brand, Catalogue
from stream.clock import Clock
from stream.rows import COLUMNS
from stream.settings import ClickHouse

Until = Callable[..., Any]


@pytest.fixture
def context(clickhouse_settings: ClickHouse, seed: Any) -> BoardContext:
    clock = Clock(wall=lambda: seed.now)
    return BoardContext(
        clickhouse_settings,
        clock,
        poll_seconds=0.05,
        catalogue=Catalogue(brands=[Brand(name="Acme")]),
    )


@pytest.fixture
def reader(context: BoardContext) -> Iterator[Reader]:
    found = Reader(context)
    found.start()
    yield found
    found.stop()


def texts(reader: Reader) -> dict[str, str]:
    return {row["key"]: row["text"] for row in reader.feed.snapshot()["posts"]}


def test_a_demo_that_waits_at_its_start_shows_a_clock_that_stands(context: BoardContext) -> None:
    """The page lets time run by `factor` between two statuses."""
    clock = Clock.scenario(context.clock.now() - timedelta(hours=6), 60, wall=context.clock.now)
    waiting = Reader(replace(context, clock=clock))
    assert waiting.feed.snapshot()["status"]["factor"] == 0
    clock.begin()
    assert Reader(replace(context, clock=clock)).feed.snapshot()["status"]["factor"] == 60


def test_what_is_stored_shows_and_what_is_gone_vanishes(
    reader: Reader, seed: Any, until: Until
) -> None:
    seed.store(seed.post("1", "Acme is fine"), seed.post("2"), seed.post("3"))
    until(lambda: texts(reader).get("reddit:1") == "Acme is fine")
    seed.store(
        seed.post("1", "Acme was fine", updated_at=seed.now),
        seed.post("2", deleted=True),
        seed.post("3", "names no brand any more", {}),
    )
    until(lambda: texts(reader) == {"reddit:1": "Acme was fine"})
    assert reader.feed.snapshot()["posts"][0]["edited"]


def test_a_post_brought_home_to_its_first_date_stays(
    reader: Reader, seed: Any, until: Until
) -> None:
    """A window pass copies it under its key's date and buries the stray: no deletion."""
    seed.store(seed.post("1", "stray"))
    until(lambda: texts(reader))
    home = seed.post("1", "home", created_at=seed.now - timedelta(hours=1))
    buried = seed.post("1", "", deleted=True)
    seed.client.insert("posts", [home], column_names=COLUMNS)
    seed.client.insert("posts", [(*buried, 1)], column_names=[*COLUMNS, "is_moved"])
    until(lambda: texts(reader) == {"reddit:1": "home"})
    seed.store(seed.post("2"))
    until(lambda: len(texts(reader)) == 2)


def test_a_row_that_became_visible_late_is_not_missed(
    reader: Reader, seed: Any, until: Until
) -> None:
    """An insert's rows carry the time at which it began; others may have been seen since."""
    seed.store(seed.post("1"))
    until(lambda: texts(reader))
    began = seed.client.query("SELECT now64(3, 'UTC') - INTERVAL 8 SECOND").result_rows[0][0]
    columns = [*COLUMNS, "ingested_at"]
    seed.client.insert("posts", [(*seed.post("slow"), began)], column_names=columns)
    until(lambda: "reddit:slow" in texts(reader))


def test_a_new_board_shows_what_was_stored_before(
    context: BoardContext, seed: Any, until: Until
) -> None:
    seed.store(seed.post("1"))
    seed.alert("a", severity="warning")
    seed.alert("b", severity="critical", topic="battery")
    seed.progress()
    reader = Reader(context)
    reader.start()
    snapshot = until(lambda: (s := reader.feed.snapshot())["brands"] and s["posts"] and s)
    reader.stop()
    assert snapshot["brands"][0]["incident"] == "critical"
    assert [alert["id"] for alert in snapshot["alerts"]] == ["a", "b"]
    assert snapshot["status"]["data"] == "live"


def test_no_data_is_never_calm(reader: Reader, seed: Any, until: Until) -> None:
    data = lambda: reader.feed.snapshot()["status"]["data"]  # noqa: E731
    until(lambda: reader.feed.snapshot()["status"]["problem"] is None)
    assert data() == "none"
    seed.progress()
    until(lambda: data() == "live")
    seed.now += timedelta(minutes=3)
    until(lambda: data() == "late")


def test_a_database_that_is_away_is_told_and_makes_it_unready(
    context: BoardContext, seed: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.board.reader._UNREADY_AFTER", 0.2)
    reader = Reader(context)
    reader.start()
    seed.store(seed.post("1"))
    until(lambda: texts(reader))
    until(lambda: not reader.problems())
    seed.client.command("RENAME TABLE window_scores TO hidden")
    until(lambda: "window_scores" in (reader.feed.snapshot()["status"]["problem"] or ""))
    until(reader.problems)
    assert texts(reader), "what was known stays"
    seed.client.command("RENAME TABLE hidden TO window_scores")
    until(lambda: not reader.problems())
    reader.stop()
