"""The band of usual counts: of counts that are usual, few lie beyond it, however few they are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.detector.usual_counts import usual_counts


def beyond(chances: np.ndarray, low: float, high: float) -> tuple[float, float]:
    """How likely it is that a count lies below and above; `chances` of 0, 1, 2, ..."""
    return float(chances[: int(low)].sum()), float(chances[int(high) + 1 :].sum())


def binomial(n: int, p: float) -> np.ndarray:
    chances = np.ones(1)
    for _ in range(n):
        chances = np.convolve(chances, [1 - p, p])
    return chances


@pytest.mark.parametrize("p", [0.02, 0.1, 0.2, 0.4, 0.6])
@pytest.mark.parametrize("n", [1, 2, 3, 5, 10, 30, 100, 400])
def test_of_usual_counts_few_lie_beyond_on_each_side(n: int, p: float) -> None:
    """One complaint in one mention is nothing unusual. 4 %: where a whole count does not fit."""
    (low,), (high,) = usual_counts(np.array([n * p]), np.array([n * p * (1 - p)]))
    below, above = beyond(binomial(n, p), low, high)
    assert below <= 0.04
    assert above <= 0.04


@pytest.mark.parametrize("wander", [0.05, 0.5])
@pytest.mark.parametrize("mean", [0.5, 4.0, 60.0])
def test_counts_that_vary_more_than_chance_lie_within_too(mean: float, wander: float) -> None:
    """Negative binomial, as counts without a share are judged."""
    drawn = np.random.default_rng(5)
    counts = drawn.poisson(drawn.gamma(1 / wander, wander * mean, 200_000))
    (low,), (high,) = usual_counts(np.array([mean]), np.array([mean + wander * mean**2]))
    assert (counts > high).mean() <= 0.04
    assert (counts < low).mean() <= 0.04


@given(st.floats(0, 1e6), st.floats(0, 1e8))
def test_the_ends_are_whole_in_order_and_never_negative(mean: float, variance: float) -> None:
    (low,), (high,) = usual_counts(np.array([mean]), np.array([variance]))
    assert low >= 0
    assert low == int(low)
    assert high == int(high)
    assert high >= 0


def test_of_nothing_nothing_is_usual() -> None:
    assert [end.tolist() for end in usual_counts(np.zeros(1), np.zeros(1))] == [[0.0], [0.0]]
