"""How much share and count wander by themselves, beyond chance. Pure.

Measured over quarters of an hour, whatever the step: mentions of neighbouring minutes move
together, and minute by minute they would be taken for independent. By moments, with outliers cut,
so that earlier spikes are not taken for noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream.detector.usual import Floats

QUARTER = 0.25  # hours
QUARTER_SUMS = 6

_SHARE, _SHARE_PAIRS = 0.012, 3000.0  # assumed, and how firmly
_COUNT, _COUNT_QUARTERS, _COUNT_KEPT = 0.1, 20.0, 0.998
_OUTLIER = 9.0  # squared standard deviations from which on a surprise says no more
_FAIR = 60.0  # mentions of a quarter of an hour from which on more weigh no more


@dataclass(slots=True)
class Wander:
    """`noise`, shape (4, series): excess and weight of the share's, then of the count's noise.

    `quarter`, shape (QUARTER_SUMS, series), are sums over the running quarter of an hour: hours,
    mentions, the share's surprise, its binomial variance, the count's surprise, the expected count.
    """

    noise: Floats
    quarter: Floats

    @staticmethod
    def assumed(series: int) -> Floats:
        """The noise of series never heard of."""
        noise = np.zeros((4, series))
        noise[0], noise[1] = _SHARE * _SHARE_PAIRS, _SHARE_PAIRS
        noise[2], noise[3] = _COUNT * _COUNT_QUARTERS, _COUNT_QUARTERS
        return noise

    @property
    def of_share(self) -> Floats:
        """The correlation of mentions within a quarter: variance = n p q (1 + (n - 1) it)."""
        found: Floats = np.clip(self.noise[0] / self.noise[1], 0.001, 0.2)
        return found

    @property
    def of_count(self) -> Floats:
        """The dispersion of a quarter's count: variance = mean + it mean squared."""
        found: Floats = np.clip(self.noise[2] / self.noise[3], 0.005, 3.0)
        return found

    def add(
        self,
        hours: float,
        share: tuple[Floats, Floats, Floats, Floats],
        count: tuple[Floats, Floats, Floats],
    ) -> None:
        """One step: weight, mentions, surprise and p q of the share; weight, surprise and mean of
        the count. What weighs less is taken for less of a step."""
        weight, mentions, surprise, pq = share
        sums = self.quarter
        sums[0] += hours
        sums[1] += weight * mentions
        sums[2] += weight * surprise
        sums[3] += weight * mentions * pq
        weight, surprise, mean = count
        sums[4] += weight * surprise
        sums[5] += weight * mean
        over = sums[0] >= QUARTER - 1e-9
        if over.any():
            self._close(over)

    def _close(self, over: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> None:
        _, n, share, binomial, count, mean = self.quarter
        pq = np.where(n > 0, binomial / np.maximum(n, 1e-9), 0.25)
        pairs = n * np.maximum(n - 1, 0)
        squares = np.minimum(share**2 / pq, _OUTLIER * (n + pairs * self.of_share))
        fair = np.minimum(1, _FAIR / np.maximum(n, 1e-9)) ** 2
        self.noise[0] += np.where(over, fair * (squares - n), 0.0)
        self.noise[1] += np.where(over, fair * pairs, 0.0)
        self.noise[0] = np.maximum(self.noise[0], 0.001 * self.noise[1])
        squares = np.minimum(count**2, _OUTLIER * (mean + self.of_count * mean**2))
        kept = np.where(over & (mean > 0), _COUNT_KEPT, 1.0)
        weight = np.where(over, np.minimum(mean, 1.0), 0.0)
        self.noise[2] = self.noise[2] * kept + weight * (squares - mean) / np.maximum(mean**2, 1.0)
        self.noise[3] = self.noise[3] * kept + weight
        self.noise[2] = np.maximum(self.noise[2], 0.005 * self.noise[3])
        self.quarter[:] = np.where(over, 0.0, self.quarter)
