"""Where 95 % of usual counts lie, from their mean and variance. Pure.

Counts are whole and, where few, lopsided: a band of 1.96 deviations to each side calls a fifth of
all quiet minutes unusual, for one complaint in one mention. The expansion of Cornish & Fisher
(1938) to the third cumulant bends it; for binomial, Poisson and negative binomial counts alike that
cumulant is variance · (2 variance / mean − 1). It holds for a skewness of about two; more is taken
for that. Half a count is for continuity.
"""

from __future__ import annotations

import numpy as np

from stream.detector.usual import Floats

Z = 1.96
"""Deviations: 2.5 % lie beyond, on each side."""

BEND = (Z * Z - 1) / 6
MOST_SKEWED = 2.0
NOTHING = 1e-9


def usual_counts(mean: Floats, variance: Floats) -> tuple[Floats, Floats]:
    """The smallest and the largest usual count: whole numbers, both 0 where the mean is."""
    some, deviation = mean > NOTHING, np.sqrt(variance)
    skewed = 2 * variance / np.where(some, mean, 1.0) - 1
    bent = mean + BEND * np.minimum(skewed, MOST_SKEWED * deviation)
    reach = Z * deviation + 0.5
    low, high = np.ceil(bent - reach), np.floor(bent + reach)
    return np.where(some, np.maximum(low, 0.0), 0.0), np.where(some, np.maximum(high, 0.0), 0.0)
