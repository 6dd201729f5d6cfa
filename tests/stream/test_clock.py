"""The one clock: the wall's in production, the scenario's in the demo."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.clock import Clock

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


class Wall:
    """A wall clock that is set by hand."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


def test_a_scenario_stands_until_it_begins_then_runs_until_it_meets_the_wall() -> None:
    wall = Wall()
    clock = Clock.scenario(NOON - timedelta(hours=6), 61, wall=wall)
    wall.at += timedelta(seconds=30)
    assert clock.now() == NOON - timedelta(hours=6)
    assert not clock.runs
    clock.begin()
    assert clock.runs
    wall.at += timedelta(minutes=1)
    assert clock.now() == NOON - timedelta(hours=6) + timedelta(minutes=61)
    assert clock.factor == 61
    assert clock.real_seconds(timedelta(seconds=61)) == 1
    wall.at += timedelta(hours=1)
    assert clock.now() == wall.at
    assert clock.factor == 1


@given(st.lists(st.floats(0, 3600), max_size=20), st.floats(1, 1000))
def test_time_never_runs_backwards_nor_ahead_of_the_wall(steps: list[float], factor: float) -> None:
    wall = Wall()
    clock = Clock.scenario(NOON - timedelta(hours=6), factor, wall=wall)
    clock.begin()
    before = clock.now()
    for step in steps:
        wall.at += timedelta(seconds=step)
        assert before <= clock.now() <= wall.at
        before = clock.now()


def test_the_wall_clock_is_the_wall_clock() -> None:
    clock = Clock.of_wall()
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=5)
    assert clock.factor == 1 and clock.runs


def test_a_clock_slower_than_life_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        Clock.scenario(NOON, 0.5)
