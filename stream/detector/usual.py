"""What is usual now: a level that drifts, with its hours of the day and its days of the week. Pure.

A Kalman filter over many series at once, each learnt online from a thin start: one for the share of
negative mentions (on the logit scale) and one for their number (on the log scale). Each row is a
series' own: nothing is computed across them, and sums run in one order, so that a series alone and
the same series among thousands end in the same bits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_WAVES = 2  # of a day: its first and second harmonic
TERMS = 1 + 2 * _WAVES + 7
_WAVE_DOUBT, _DAY_DOUBT = (0.05, 0.025), 0.015  # variances before anything was heard


def terms(at: datetime) -> list[float]:
    """What the level at a time is made of: itself, the waves of the day, the day of the week."""
    hour = at.hour + at.minute / 60
    waves = [
        wave(2 * math.pi * (harmonic + 1) * hour / 24)
        for harmonic in range(_WAVES)
        for wave in (math.sin, math.cos)
    ]
    return [1.0, *waves, *(float(at.weekday() == day) for day in range(7))]


@dataclass(frozen=True, slots=True)
class Now:
    """The level at one moment: its value, how sure it is, and what a surprise would move."""

    value: Floats
    variance: Floats
    gain: Floats


@dataclass(slots=True)
class Usual:
    """`mean` of shape (TERMS, series) and `doubt`, their covariances, (TERMS, TERMS, series)."""

    mean: Floats
    doubt: Floats

    @classmethod
    def unknown(cls, level: Floats, doubt: float) -> Usual:
        """Before anything was heard: a level, known with this variance, and no rhythm."""
        variances = [doubt, *(d for d in _WAVE_DOUBT for _ in range(2)), *([_DAY_DOUBT] * 7)]
        mean, square = np.zeros((TERMS, len(level))), np.zeros((TERMS, TERMS, len(level)))
        mean[0] = level
        for term, variance in enumerate(variances):
            square[term, term] = variance
        return cls(mean, square)

    def at(self, given: Sequence[float], drift: Floats, rhythm_drift: float) -> Now:
        """The level where its terms are `given`, after the level has drifted by a variance of
        `drift` since the last look, and each other term by `rhythm_drift`."""
        self.doubt[0, 0] += drift
        for term in range(1, TERMS):
            self.doubt[term, term] += rhythm_drift
        there = [(term, weight) for term, weight in enumerate(given) if weight]
        gain, value = np.zeros_like(self.mean), np.zeros_like(self.mean[0])
        for term, weight in there:
            gain += self.doubt[:, term] * weight
            value += self.mean[term] * weight
        variance = np.zeros_like(value)
        for term, weight in there:
            variance += gain[term] * weight
        return Now(value, variance, gain)

    def learn(self, now: Now, surprise: Floats, information: Floats) -> None:
        """Move by what was seen: the gradient of its log-likelihood in the level, and the expected
        curvature (both 0 where nothing is to be learnt)."""
        kept = 1 / (1 + now.variance * information)
        self.mean += now.gain * (surprise * kept)
        self.doubt -= now.gain[:, None] * now.gain[None] * (information * kept)
