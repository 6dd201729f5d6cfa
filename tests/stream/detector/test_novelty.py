"""Novelty: a rise is told when it begins and when it has grown, in the series' own measure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.detector.novelty import STRETCHES, Novelty

HOUR = 1.0


def fresh(series: int = 1) -> Novelty:
    empty = np.zeros((2, len(STRETCHES), series))
    return Novelty(empty.copy(), empty.copy(), np.zeros(series))


def told(
    seen: Iterable[float], usual: float, size: float = HOUR, novelty: Novelty | None = None
) -> list[float]:
    """The novelty of each step of one series of which `usual` is expected at each."""
    novelty, known = novelty or fresh(), np.ones(1)
    expected = np.array([usual])
    return [float(novelty.add(np.array([k]), expected, known, size, size)[0]) for k in seen]


def test_a_rise_that_stands_is_told_when_it_begins_and_as_it_grows_then_no_more() -> None:
    found = told([20] * 48 + [400] * 96, 20)
    news = [at for at, value in enumerate(found) if value]
    assert news[0] == 48 and news[-1] < 60
    heights = [found[at] for at in news]
    assert all(later >= 1.5 * at for at, later in pairwise(heights))


def test_a_rise_is_told_again_once_it_was_long_ago() -> None:
    burst = [20.0] * 120 + [400.0] * 3
    found = told(burst * 2, 20)
    assert max(found[123:]) > 0.5 * max(found[:123])


def test_what_a_series_often_does_is_no_great_news() -> None:
    """The same rise, on a series that never rose before and on one that does every third day."""
    rng = np.random.default_rng(1)
    usual = rng.poisson(20, 1200).astype(float)
    bursts = np.where(np.arange(1200) % 72 < 4, 100.0, 0.0)
    calm, restless = (told([*past, *[120.0] * 6], 20) for past in (usual, usual + bursts))
    assert max(calm[1200:]) > 2 * max(restless[1200:])


@pytest.mark.parametrize("times", [10, 1000])
def test_series_of_all_sizes_are_on_one_scale(times: int) -> None:
    rng = np.random.default_rng(1)
    shape = np.concatenate([rng.lognormal(0, 0.3, 480), rng.lognormal(1.5, 0.3, 6)])
    small, large = told(20 * shape, 20), told(20 * times * shape, 20 * times)
    assert max(large[480:]) == pytest.approx(max(small[480:]), rel=0.25)


def test_minutes_say_what_their_hours_say() -> None:
    hours = [20.0] * 100 + [200.0] * 3
    minutes = [count / 60 for count in hours for _ in range(60)]
    whole = told(hours, 20)
    parts = told(minutes, 20 / 60, HOUR / 60)
    assert max(parts) == pytest.approx(max(whole), rel=0.35)  # an hour later is another novelty
    assert next(at for at, value in enumerate(parts) if value) // 60 == 100


@given(seen=st.lists(st.integers(0, 1000), min_size=1, max_size=30), garbage=st.integers(0, 10**6))
def test_what_is_not_known_changes_nothing_but_time(seen: list[int], garbage: int) -> None:
    novelty, other = fresh(), fresh()
    assert told(seen, 10, novelty=novelty) == told(seen, 10, novelty=other)
    nothing, usual = np.zeros(1), np.array([10.0])
    assert novelty.add(np.array([float(garbage)]), usual, nothing, HOUR, HOUR)[0] == 0
    assert (novelty.recent == other.recent).all() and (novelty.rises == other.rises).all()
    assert (novelty.told <= other.told).all()
