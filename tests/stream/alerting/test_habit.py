"""A silence is held against the voice's own habit: its rhythm, its bursts, its past silences."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.alerting.habit import FOUR_WEEKS, SLOT, Counts, Habit, Tail, learn

MONDAY = datetime(2026, 1, 5, tzinfo=UTC)
WEEK = 2016  # slots
PAST = 4 * WEEK
WARM_UP = timedelta(days=7)
HOUR = timedelta(hours=1)

Rate = npt.NDArray[np.float64]


def by_day(slots: int) -> Rate:
    """Loud at three in the afternoon, nearly still at three in the night."""
    hours = np.arange(slots) / 12 % 24
    return 1 + 0.9 * np.sin((hours - 9) / 24 * 2 * np.pi)


def by_chance(posts_a_day: float, slots: int = PAST, seed: int = 1) -> Counts:
    return np.random.default_rng(seed).poisson(posts_a_day / 288 * by_day(slots))


def habit(counts: Counts) -> Habit:
    found = learn(counts, MONDAY, WARM_UP)
    assert found is not None
    return found


def told_after(known: Habit, since: datetime, false_alarms: float = 0.1) -> timedelta:
    """How long a silence that begins then must be to exceed the bar; to five minutes."""
    bar, until = known.tail.exceeded(false_alarms), since
    while known.missed(since, until).hearings < bar:
        until += SLOT
    return until - since


AFTERNOON = MONDAY + FOUR_WEEKS + 14 * HOUR


@pytest.mark.parametrize(
    ("posts_a_day", "soonest", "latest"),
    [
        (3, timedelta(days=1), timedelta(days=5)),  # whole nights, and days, are usual
        (200, timedelta(minutes=20), timedelta(hours=2)),
        (100_000, timedelta(0), timedelta(minutes=10)),
    ],
)
def test_how_long_goes_by_how_often_it_is_heard(
    posts_a_day: float, soonest: timedelta, latest: timedelta
) -> None:
    assert soonest <= told_after(habit(by_chance(posts_a_day)), AFTERNOON) <= latest


def test_a_voice_that_sleeps_is_not_missed_at_night() -> None:
    hours = np.arange(PAST) / 12 % 24
    awake = np.random.default_rng(2).poisson(np.where((hours >= 7) & (hours < 20), 3.0, 0.0))
    known = habit(awake)
    assert told_after(known, AFTERNOON) <= HOUR
    night = MONDAY + FOUR_WEEKS + 21 * HOUR
    assert known.missed(night, night + 9 * HOUR).hearings < known.tail.exceeded(0.1) / 2


def test_a_crawler_that_comes_once_an_hour_is_missed_when_it_stays_away() -> None:
    for past in (PAST, PAST - 12, PAST - 300):  # however much of it is known
        counts = np.zeros(PAST, np.int64)
        counts[PAST - past :: 12] = 40
        assert 2 * HOUR < told_after(habit(counts), AFTERNOON) < 12 * HOUR


def bursts(seed: int, slots: int) -> Counts:
    """Talk that swells and ebbs within hours, by a factor of e up and down."""
    draw = np.random.default_rng(seed)
    level, swell = np.zeros(slots), 0.0
    keeps = np.exp(-1 / 72)
    for slot, step in enumerate(draw.normal(0, np.sqrt(1 - keeps**2), slots)):
        swell = keeps * swell + step
        level[slot] = swell
    return draw.poisson(200 / 288 * by_day(slots) * np.exp(level - 0.5))


@pytest.mark.parametrize("talk", [lambda seed, slots: by_chance(200, slots, seed), bursts])
def test_usual_silences_are_told_about_as_seldom_as_asked(
    talk: Callable[[int, int], Counts],
) -> None:
    """Once in four weeks: watched for four weeks after four of learning, anew each second day.

    Within a factor of two where it speaks by chance, of three where it comes in bursts.
    """
    told, voices = 0, 12
    for seed in range(voices):
        counts = talk(seed, 2 * PAST)
        heard = np.flatnonzero(counts)
        silences = [(a + 1, b) for a, b in itertools.pairwise(heard) if b - a > 3]
        for now in range(PAST, 2 * PAST, 576):
            begin = MONDAY + (now - PAST) * SLOT
            known = learn(counts[now - PAST : now], begin, WARM_UP)
            assert known is not None
            bar = known.tail.exceeded(1)
            for since, until in silences:
                if now <= until < now + 576:
                    times = MONDAY + int(since) * SLOT, MONDAY + int(until) * SLOT
                    told += known.missed(*times).hearings >= bar
    assert voices / 4 <= told <= 3 * voices


def test_one_failure_in_the_past_makes_nobody_deaf() -> None:
    """Of a day, three weeks ago."""
    counts = by_chance(500)
    failed = counts.copy()
    failed[WEEK : WEEK + 288] = 0
    before, after = (told_after(habit(one), AFTERNOON) for one in (counts, failed))
    assert after <= 2 * before


def test_of_a_thin_past_no_habit_is_known() -> None:
    assert learn(np.zeros(PAST, np.int64), MONDAY, WARM_UP) is None
    six_days = by_chance(5000)
    six_days[: PAST - 6 * 288] = 0
    assert learn(six_days, MONDAY, WARM_UP) is None
    thirty_times = np.zeros(PAST, np.int64)
    thirty_times[:: PAST // 29] = 1
    assert learn(thirty_times, MONDAY, WARM_UP) is None


def test_posts_that_are_usual_meanwhile_are_counted() -> None:
    counts = np.full(PAST, 7, np.int64)
    missed = habit(counts).missed(AFTERNOON, AFTERNOON + HOUR / 2)
    assert missed.posts == pytest.approx(6 * 7)


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 10_000))
def test_what_is_missed_adds_up(first: int, second: int, third: int) -> None:
    a, b, c = (AFTERNOON + timedelta(minutes=m) for m in sorted((first, second, third)))
    parts = _KNOWN.missed(a, b).hearings + _KNOWN.missed(b, c).hearings
    assert parts == pytest.approx(_KNOWN.missed(a, c).hearings)


_KNOWN = habit(by_chance(200))


@given(st.floats(0, 50), st.floats(1, 50), st.floats(0, 0.4), st.floats(0.01, 100), st.floats(1, 9))
def test_what_is_put_up_with_more_seldom_must_be_longer(
    threshold: float, scale: float, shape: float, times: float, rarer: float
) -> None:
    tail = Tail(threshold, scale, shape, peaks=40.0)
    assert tail.exceeded(times) <= tail.exceeded(times / rarer)
