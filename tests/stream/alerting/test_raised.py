"""What incidents come to, and which of two sets of rules raises what alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stream.alerting.raised import Outcome, Raised, only_in, same_time, totals

MONDAY = datetime(2026, 11, 23, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def raised(opened: float, lasts: float | None = 2, **changed: Any) -> Raised:
    """An incident that opens and lasts so many hours."""
    begin = MONDAY + opened * HOUR
    values: dict[str, Any] = {
        "alert_id": f"a{opened}", "rule": "mood", "brand": "Acme", "topic": "",
        "opened_at": begin, "ended_at": None if lasts is None else begin + lasts * HOUR,
        "observed": 20.0, "expected": 1.5, "rises": ((begin, "warning"),),
    }  # fmt: skip
    return Raised(**values | changed)


def outcome(*several: Raised, days: float = 7) -> Outcome:
    return Outcome(MONDAY, MONDAY + days * DAY, several, {})


def test_sums_are_per_week_and_per_day() -> None:
    found = totals(outcome(raised(1), raised(5), raised(23, None), raised(30), days=3.5))
    assert (found.alerts, found.a_week) == (4, 8.0)
    assert (found.days, found.alert_days, found.loud_days) == (4, 2, 1)
    assert found.open == 3 * 2 * HOUR + (3.5 * DAY - 23 * HOUR)


def test_an_alert_at_the_end_of_a_day_is_of_that_day() -> None:
    """It opens where its last minute ends."""
    assert totals(outcome(raised(24), days=1)).alert_days == 1
    assert totals(outcome(raised(1), raised(2), raised(24), days=2)).loud_days == 1


def test_nothing_raised_is_no_alert_a_week() -> None:
    found = totals(outcome())
    assert (found.alerts, found.a_week, found.alert_days, found.open) == (0, 0, 0, timedelta(0))


def test_the_same_is_what_stands_on_one_series_at_one_time() -> None:
    one, until = raised(10), MONDAY + 7 * DAY
    assert same_time(one, [raised(11, rule="other")], until)
    assert not same_time(one, [raised(12)], until)  # begins where it ends
    assert not same_time(one, [raised(11, topic="battery"), raised(11, brand="Bolt")], until)
    assert same_time(raised(100), [raised(1, None)], until)  # which stands for ever


def test_one_long_incident_of_one_is_several_of_the_other() -> None:
    long, short = outcome(raised(1, 48)), outcome(raised(2), raised(20), raised(60))
    assert only_in(long, short) == []
    assert only_in(short, long) == [short.raised[2]]


incidents = st.lists(
    st.builds(raised, st.integers(0, 100), st.one_of(st.none(), st.integers(1, 30)))
)


@given(incidents, incidents)
def test_what_overlaps_one_way_overlaps_the_other(a: list[Raised], b: list[Raised]) -> None:
    first, second = outcome(*a), outcome(*b)
    assert only_in(first, first) == []
    assert (only_in(first, second) == a) == (only_in(second, first) == b)
