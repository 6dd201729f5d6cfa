"""What is usual for a series, and how unlikely a count is against it. Pure.

The usual level is a weighted mean of the past: the last hours and the same hours of earlier days.
How much it wanders is measured against the level nearby, so that a daily rhythm is not taken for
noise, and with outliers cut, so that earlier spikes are not taken for it either.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

WINDOWS = (1, 3, 6, 12)  # steps summed
LONGEST = max(WINDOWS)

Counts = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]

_PRIOR_SHARE, _PRIOR_MENTIONS = 0.25, 4.0  # what is assumed of a brand never heard of
_OUTLIER = 9.0  # squared residuals beyond 3 sd are earlier spikes, not noise
_BURST = 3.0
_NEAR = timedelta(hours=2)  # noise is measured against the level this near
_SHARE_DRIFT, _RATE_DRIFT = 0.002, 0.05  # how far the usual level is off even with endless past
_SHARE_NOISE, _SHARE_NOISE_PAIRS = 0.01, 2000.0  # assumed noise, and how firmly
_RATE_NOISE, _RATE_NOISE_STEPS = 0.2, 5.0
_SMALLEST = 1e-300


@dataclass(frozen=True)
class Level:
    """What is usual: the share of negatives, negatives per step, and how much both wander.

    `share_noise` is the correlation within a window (variance = n p q (1 + (n - 1) noise)),
    `rate_noise` the dispersion (variance = mean + noise mean²), by window.
    """

    share: float
    rate: float
    share_noise: dict[int, float]
    rate_noise: dict[int, float]

    @classmethod
    def of(
        cls, negative: Counts, mentions: Counts, known: npt.NDArray[np.bool_], step: timedelta
    ) -> Level:
        weights = _weights(len(negative), step) * known
        of_mentions, of_negative = float(weights @ mentions), float(weights @ negative)
        # Mentions and steps that an unweighted mean as certain as this one would have.
        heard = of_mentions**2 / max(float(weights**2 @ mentions), _SMALLEST)
        steps = float(weights.sum()) ** 2 / float((weights**2).sum())
        usual = of_negative / of_mentions if of_mentions else 0.0
        share = (usual * heard + _PRIOR_SHARE * _PRIOR_MENTIONS) / (heard + _PRIOR_MENTIONS)
        rate = float(weights @ negative) / float(weights.sum()) + 0.5 / steps
        share_doubt = _SHARE_DRIFT + 1 / (heard + _PRIOR_MENTIONS)
        rate_doubt = _RATE_DRIFT + 1 / (rate * steps)
        share_noise, rate_noise = {}, {}
        for window in WINDOWS:
            x, n = _blocks(negative, window), _blocks(mentions, window)
            whole = _blocks(known, window)
            near = max(1, int(_NEAR / (window * step)))
            share_noise[window] = share_doubt + _share_noise(x, n, whole, near, share)
            rate_noise[window] = rate_doubt + _rate_noise(x, whole, near, rate * window)
        return cls(share, rate, share_noise, rate_noise)


@lru_cache(maxsize=64)
def _weights(steps: int, step: timedelta) -> _Floats:
    """How much each past step tells of now: the last hours, and this hour on earlier days."""
    hours = (np.arange(steps, 0, -1) + LONGEST) * (step / timedelta(hours=1))
    weights: _Floats = 0.02 + np.exp(-hours / 6)
    for day in range(1, int(hours[0] // 24) + 2 if steps else 1):
        weights += 0.75 ** (day - 1) * np.exp(-(((hours - 24 * day) / 1.5) ** 2) / 2)
    return weights


def _blocks(values: npt.NDArray[Any], window: int) -> _Floats:
    """Sums of consecutive windows, the newest whole; for booleans 1 where all are true."""
    count = len(values) // window
    parts = values[len(values) - count * window :].reshape(count, window)
    sums = parts.all(1) if values.dtype == bool else parts.sum(1)
    return np.asarray(sums, dtype=np.float64)


def _around(values: _Floats, near: int) -> _Floats:
    """The sum of the `near` values on either side of each, itself left out."""
    kernel = np.ones(2 * near + 1)
    kernel[near] = 0
    summed: _Floats = np.convolve(values, kernel)[near : near + len(values)]
    return summed


def _share_noise(x: _Floats, n: _Floats, known: _Floats, near: int, share: float) -> float:
    """How much the share wanders from window to window beyond chance (method of moments)."""
    x, n = x * known, n * known
    weight = _around(n, near) + _PRIOR_MENTIONS
    local = (_around(x, near) + share * _PRIOR_MENTIONS) / weight
    squares = np.minimum((x - n * local) ** 2 / (local * (1 - local)), _OUTLIER * n)
    # A burst of mentions weighs no more than a few usual windows.
    fair = np.minimum(1, _BURST * n.mean() / np.maximum(n, 1)) ** 2
    excess = float(fair @ (squares - n - n * n / weight)) + _SHARE_NOISE * _SHARE_NOISE_PAIRS
    return min(0.5, max(0.001, excess / (float(fair @ (n * n - n)) + _SHARE_NOISE_PAIRS)))


def _rate_noise(x: _Floats, known: _Floats, near: int, rate: float) -> float:
    """How much the count wanders from window to window beyond chance (method of moments)."""
    weight = _around(known, near) + 1
    mean = (_around(x * known, near) + rate) / weight
    squares = np.minimum((x - mean) ** 2, _OUTLIER * (mean + 0.3 * mean**2))
    excess = float((known * (squares - mean - mean**2 / (weight * np.maximum(mean, 0.1)))).sum())
    steps = float((known * mean**2).sum())
    return max(0.01, (excess + _RATE_NOISE * _RATE_NOISE_STEPS) / (steps + _RATE_NOISE_STEPS))


def negative_binomial_tail(x: int, mean: float, noise: float) -> float:
    """P(X >= x) for variance mean + noise mean²; 1 at or below the mean."""
    if x <= mean:
        return 1.0
    size = 1 / noise
    ratio = mean / (mean + size)
    first = (
        math.lgamma(x + size) - math.lgamma(size) - math.lgamma(x + 1)
        + size * math.log(size / (size + mean)) + x * math.log(ratio)
    )  # fmt: skip
    terms = np.arange(x, x + 400 + min(100_000, int(40 * mean * noise)))
    return min(
        1.0, math.exp(first) * (1 + float(np.cumprod((terms + size) / (terms + 1) * ratio).sum()))
    )


def beta_binomial_tail(x: int, n: int, share: float, noise: float) -> float:
    """P(X >= x) of n for variance n p q (1 + (n - 1) noise); 1 at or below the mean."""
    if x <= n * share:
        return 1.0
    size = max(1.0, 1 / noise - 1)
    a, b = share * size, (1 - share) * size
    first = (
        math.lgamma(n + 1) - math.lgamma(x + 1) - math.lgamma(n - x + 1)
        + math.lgamma(x + a) + math.lgamma(n - x + b) - math.lgamma(n + size)
        - math.lgamma(a) - math.lgamma(b) + math.lgamma(size)
    )  # fmt: skip
    terms = np.arange(x, min(n, x + 100_000))
    ratios = (n - terms) / (terms + 1) * (terms + a) / (n - terms - 1 + b)
    return min(1.0, math.exp(first) * (1 + float(np.cumprod(ratios).sum())))


def usual_range(mean: float, noise: float) -> tuple[float, float]:
    """Where 95 % of usual counts lie, on the square-root scale, where the spread is even."""
    spread = 1.96 * math.sqrt(mean + noise * mean**2)
    return max(0.0, mean - spread) if mean > 4 else 0.0, mean + spread
