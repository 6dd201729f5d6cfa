"""Windows to sweep, and how tests look at them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from stream.database import Client
from stream.post import Author
from stream.store import Store
from stream.sweep import COLUMNS, Sweep, span_inside
from stream.sweep_report import Report
from tests.stream.test_windows import NOON, a_pass, row, stone

HOSTILE = ["'; DROP TABLE posts --", "a\\'b\"`{x:String}`", "名\n\x1b[31m", "", "%s {0} $1"]
ALTER = """
INSERT INTO window_scores
SELECT window_start, brand, topic, source, lang, {0}, now64(6) FROM window_scores FINAL
WHERE topic = ''"""


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stream.sweep._PAUSE", timedelta(0))


def verify(client: Client, **changed: Any) -> Report:
    """A sweep that thinks everything ingested before the last pass is settled."""
    span = changed.pop("span", span_inside(NOON + timedelta(hours=6), timedelta(days=400)))
    usual = {"margin": timedelta(0), "limit": timedelta(seconds=20)}
    return Sweep(client, span, **(usual | changed)).run()


def alter(client: Client, **numbers: str) -> None:
    """Write the windows of topic '' again, some numbers replaced."""
    client.command(ALTER.format(", ".join(numbers.get(name, name) for name in COLUMNS)))


def seen(report: Report) -> dict[str, tuple[int | None, int]]:
    return {found.column: (found.stored, found.expected) for found in report.differences.first}


def stored(client: Client) -> list[tuple[Any, ...]]:
    return list(
        client.query(
            "SELECT window_start, brand, topic, mentions, computed_at FROM window_scores FINAL "
            "ORDER BY ALL"
        ).result_rows
    )


@pytest.fixture
def swept(store: Store, client: Client) -> None:
    """Three posts of two minutes, edited, deleted and repeated, and the passes after each."""
    rows = [row("1"), row("2", "positive", author=Author(id="a", followers=7)), row("3")]
    rows.append(row("4", created_at=NOON + timedelta(minutes=3), topics=()))
    store.insert(rows)
    a_pass(client)
    store.insert([*rows, row("1", "neutral", offset=1), stone("3")])
    a_pass(client)
