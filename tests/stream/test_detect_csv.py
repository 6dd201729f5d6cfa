"""`undertone detect`: a series in, a verdict a row, by the detector of production."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from stream.detect_csv import HEADER, read_points, rule_for, verdicts
from stream.errors import UsageError

STEP = timedelta(minutes=5)
START = datetime(2026, 11, 1, tzinfo=UTC)
RULE = rule_for(STEP, 0.25)


def series(days: int, crisis_at: int | None = None, gap_at: int | None = None) -> Iterator[str]:
    """Lines of a quiet series; the crisis lasts an hour, the gap six."""
    draw = random.Random(3)
    yield "timestamp,value,total"
    for number in range(days * 288):
        total = draw.randrange(8, 25)
        value = sum(draw.random() < 0.15 for _ in range(total))
        if crisis_at is not None and crisis_at <= number < crisis_at + 12:
            value, total = value + 25, total + 28
        if gap_at is None or not gap_at <= number < gap_at + 72:
            yield f"{START + number * STEP:%Y-%m-%d %H:%M:%S},{value},{total}"


def rows(lines: Iterator[str]) -> list[dict[str, str]]:
    found = verdicts(read_points(lines), RULE)
    return [dict(zip(HEADER, row, strict=True)) for row in found]


def test_a_crisis_is_found_within_its_first_minutes_and_a_quiet_series_is_calm() -> None:
    found = rows(series(days=4, crisis_at=900))
    alerts = [number for number, row in enumerate(found) if row["alert"] == "1"]
    assert alerts and 900 <= alerts[0] <= 904
    assert found[alerts[0]]["reason"] in ("share", "count_and_share")
    assert float(found[alerts[0]]["anomaly_score"]) >= 0.5
    assert all(row["alert"] == "0" for row in rows(series(days=4)))


def test_the_first_hours_warm_up_and_a_gap_raises_nothing() -> None:
    found = rows(series(days=3, gap_at=500))
    assert found[50]["reason"] == "warming_up"
    assert all(row["alert"] == "0" for row in found)
    assert len(found) == 3 * 288 - 72


def test_rows_come_back_as_they_were_written_and_without_a_total() -> None:
    lines = ["timestamp,value", "2026-11-01T00:00:00+08:00,1", "2026-11-01T00:05:00+08:00,0"]
    found = rows(iter(lines))
    assert [row["timestamp"] for row in found] == [line.split(",")[0] for line in lines[1:]]
    assert [row["value"] for row in found] == ["1", "0"]


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["time,count"], "line 1"),
        (["timestamp,value", "yesterday,1"], "line 2"),
        (["timestamp,value", "2026-11-01,x"], "line 2"),
        (["timestamp,value,total", "2026-11-01,5,3"], "between 0 and total"),
        (["timestamp,value", "2026-11-02,1", "2026-11-01,1"], "line 3"),
    ],
)
def test_a_bad_line_is_named(lines: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        rows(iter(lines))
