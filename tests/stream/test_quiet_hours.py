"""People are left alone in their own hours, and only for what can wait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from stream.quiet_hours import QuietHours

NIGHT = {"from": "22:00", "until": "07:00", "time_zone": "Europe/Berlin"}


def hours(**changed: Any) -> QuietHours:
    return QuietHours.model_validate(NIGHT | changed)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.mark.parametrize(
    ("moment", "quiet"),
    [
        ("2026-11-27T21:59+01:00", False),
        ("2026-11-27T22:00+01:00", True),
        ("2026-11-28T06:59+01:00", True),
        ("2026-11-28T07:00+01:00", False),
        ("2026-11-27T21:30Z", True),  # it is 22:30 in Berlin
        ("2026-07-01T20:30Z", True),  # and so it is in summer
        ("2026-07-01T05:30Z", False),
        ("2026-10-25T00:30Z", True),  # the hour that comes twice, for the first time
        ("2026-10-25T01:30Z", True),  # and again
    ],
)
def test_the_hours_are_those_of_the_clock_on_the_wall_there(moment: str, quiet: bool) -> None:
    assert hours().hold(at(moment), "high") is quiet


def test_what_is_severe_enough_is_told_all_the_same() -> None:
    night = at("2026-11-28T03:00+01:00")
    assert not hours().hold(night, "critical")
    assert not hours(unless="high").hold(night, "high")
    assert hours(unless="high").hold(night, "warning")
    assert hours(unless=None).hold(night, "critical")


def test_a_night_belongs_to_the_day_on_which_it_begins() -> None:
    weekend = hours(days=["fri", "sat"])
    assert weekend.hold(at("2026-11-28T03:00+01:00"), "high")  # the night to Saturday
    assert weekend.hold(at("2026-11-29T03:00+01:00"), "high")
    assert not weekend.hold(at("2026-11-30T03:00+01:00"), "high")  # the night to Monday
    lunch = hours(**{"from": "12:00", "until": "13:00", "days": ["sat"]})
    assert lunch.hold(at("2026-11-28T12:30+01:00"), "high")
    assert not lunch.hold(at("2026-11-27T12:30+01:00"), "high")


@given(st.integers(0, 366 * 1440), st.integers(1, 1439))
def test_some_hours_and_those_between_their_end_and_their_start_are_the_day(
    minute: int, minutes: int
) -> None:
    """Each moment is in exactly one of the two, whatever the clock there does."""
    middle = f"{minutes // 60:02}:{minutes % 60:02}"
    one = hours(**{"from": "00:00", "until": middle})
    other = hours(**{"from": middle, "until": "00:00"})
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    assert one.hold(now, "high") != other.hold(now, "high")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"time_zone": "Berlin"}, "Europe/Berlin"),
        ({"time_zone": "../../etc/passwd"}, "no time zone"),
        ({"from": "25:00"}, "time of day looks like"),
        ({"from": "off"}, "time of day looks like"),
        ({"until": "22:00"}, "are the same"),
        ({"days": ["monday"]}, "'mon'"),
        ({"unless": "loud"}, "critical"),
        ({"zone": "UTC"}, "Extra inputs"),
    ],
)
def test_wrong_hours_are_refused_with_the_fix(changed: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        hours(**changed)


def test_an_unquoted_time_is_read_as_it_was_meant() -> None:
    """YAML reads 22:00 as 1320."""
    assert hours(**{"from": 1320}) == hours()
