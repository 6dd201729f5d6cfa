"""How unusual the last hours are for this very series, told when it is news. Pure.

The evidence of `detect` stays up for as long as a rise lasts; this tells its beginning, and each
time it has grown. Over three stretches of time (exponentially weighted means) negative mentions are
held against what was expected, as the logarithm of their ratio. Series differ in how often and how
far they rise by themselves, so a rise is measured in the mean of the series' own earlier ones.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from stream.detector.usual import Floats

STRETCHES = np.array([1.5, 6.0, 24.0])[:, None]  # hours

_HANDFUL = 3.0  # mentions added to both sides, so that two in the place of none is no great ratio
_USUAL_RISE, _ASSUMED = 0.3, 8.0  # a logarithm, and the hours of rises it is worth
_MEMORY = 480.0  # hours, of how large usual rises are
_GROWN, _FADES = 1.5, 24.0  # news is so many times what was last told, which fades in these hours
_LEAST = 0.5  # usual rises; less is never news


@dataclass(slots=True)
class Novelty:
    """`recent`, shape (2, stretches, series): negative mentions an hour, seen and expected.

    `rises`, of the same shape: the sum of rises over hours, and these hours. `told`, shape
    (series,): what was last told, faded.
    """

    recent: Floats
    rises: Floats
    told: Floats

    def add(
        self, seen: Floats, expected: Floats, known: Floats, size: float, hours: float
    ) -> Floats:
        """A step of `size` hours that ends `hours` after the last. Returns how many times the
        usual rise it is, 0 where that is no news. Only what is known (1, else 0) counts."""
        for row, value in enumerate((seen, expected)):
            moved = known * -np.expm1(-size / STRETCHES)
            self.recent[row] += moved * (value / size - self.recent[row])
        sums = self.recent * STRETCHES + _HANDFUL
        rise = np.maximum(0.0, np.log(sums[0] / sums[1]))
        times = rise * (self.rises[1] + _ASSUMED) / (self.rises[0] + _ASSUMED * _USUAL_RISE)
        mean = known * (times[0] + times[1] + times[2]) / len(STRETCHES)
        self.rises *= np.exp(-known * size / _MEMORY)
        self.rises[0] += known * size * rise
        self.rises[1] += known * size * (rise > 0)
        stays = np.minimum(self.told, mean)  # what still is as it was told is no news later either
        self.told[:] = np.maximum(stays, self.told * np.exp(-hours / _FADES))
        news = mean > np.maximum(_LEAST, _GROWN * self.told)
        self.told[:] = np.where(news, mean, self.told)
        return np.where(news, mean, 0.0)
