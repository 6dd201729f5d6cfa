"""One step of many series against what is usual for them just then, and what it teaches. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt

from stream.detector.state import State
from stream.detector.usual import Floats, Now, terms
from stream.detector.wander import QUARTER

Booleans = npt.NDArray[np.bool_]

_SHARE_DRIFT, _COUNT_DRIFT = 2e-4, 1e-5  # variance of the level an hour
_SHARE_RHYTHM_DRIFT, _COUNT_RHYTHM_DRIFT = 2e-6, 5e-7
_NEW_NORMAL_DRIFT = 0.02
_SHARED = 0.25  # of the earlier mentions of a rise share its doubt: the level is learnt meanwhile
_OUTLIER = 3.0  # standard deviations from which on a surprise teaches no more


@dataclass(frozen=True, slots=True)
class Counts:
    """One step: negative mentions and all mentions, shape (series,).

    `bare` where no total is told, so that only the count can tell; `known` is False where the step
    was not read.
    """

    negative: Floats
    mentions: Floats
    bare: Booleans
    known: Booleans

    @property
    def told(self) -> Booleans:
        """Where there is a share to look at."""
        return self.known & (self.mentions > 0) & ~self.bare


@dataclass(frozen=True, slots=True)
class Moment:
    """What is usual at one step: the share of negatives and their number, each with its doubt.

    `spread` is by how many times more than chance the mentions of this step and its quarter of an
    hour vary together, where all of its steps are like this one; `together` is how much each other
    mention adds to it, and `quarters` how many such steps the quarter has. `noise` is the
    dispersion of this step's count (variance = mean + noise mean squared), `size` the negative
    binomial's, doubt included.
    """

    counts: Counts
    share: Now
    count: Now
    p: Floats
    mean: Floats
    spread: Floats
    together: Floats
    quarters: float
    noise: Floats
    size: Floats

    @classmethod
    def of(
        cls, state: State, at: datetime, counts: Counts, size: float, hours: float, stays: Booleans
    ) -> Moment:
        """At a step of `size` hours, `hours` after the last. Where a rise `stays`, the level is
        free to follow it."""
        given, n = terms(at), counts.mentions
        fast = np.where(stays, _NEW_NORMAL_DRIFT, 0.0)
        usual_share, usual_count = state.usual
        share = usual_share.at(given, (_SHARE_DRIFT + fast) * hours, _SHARE_RHYTHM_DRIFT * hours)
        count = usual_count.at(given, (_COUNT_DRIFT + fast) * hours, _COUNT_RHYTHM_DRIFT * hours)
        p = 1 / (1 + np.exp(-share.value))
        quarters = QUARTER / size  # such steps in a quarter of an hour
        together = state.wander.of_share
        noise = state.wander.of_count * quarters
        return cls(
            counts=counts,
            share=share,
            count=count,
            p=p,
            mean=np.exp(np.clip(count.value, -8.0, 14.0)),
            spread=1 + together * np.maximum(n * quarters - 1, 0),
            together=together,
            quarters=quarters,
            noise=noise,
            size=1 / (noise + count.variance),
        )

    def share_ratio(self, rise: Floats, steps: Floats, mentions: Floats) -> Floats:
        """How much better a rise of the log-odds explains the step: a logarithm, 0 where no share
        is told. `steps` and `mentions` are those of the rise before this step.

        It is tempered by how much more than chance mentions vary: by themselves, with those of the
        same quarter of an hour (those that came, and the usual number where the rise is younger);
        and by the doubt of the level, which is one for all mentions of a rise.
        """
        k, n, level = self.counts.negative, self.counts.mentions, self.share.value
        ratio = k * rise - n * (np.logaddexp(0, level + rise) - np.logaddexp(0, level))
        own, around = n * min(1.0, self.quarters), max(0.0, self.quarters - 1)
        came = mentions * np.minimum(1, around / np.maximum(1, steps))
        usual = self.mean / self.p * np.maximum(0, around - steps)
        spread = 1 + self.together * np.maximum(0, own + came + usual - 1)
        return np.where(self.counts.told, ratio / (spread + self._doubt(n + _SHARED * mentions)), 0)

    def count_ratio(self, rise: Floats) -> Floats:
        """The same of the count, by the negative binomial; 0 where the step is not known."""
        raised = self.mean * np.exp(rise)
        ratio = self.counts.negative * (
            rise + np.log((self.mean + self.size) / (raised + self.size))
        ) - self.size * np.log((self.size + raised) / (self.size + self.mean))
        return np.where(self.counts.known, ratio, 0.0)

    def usual(self) -> tuple[Floats, Floats]:
        """Mean and variance of usual negative counts, given the mentions of the step."""
        n, bare = self.counts.mentions, self.counts.bare
        of_share = n * self.p * (1 - self.p) * (self.spread + self._doubt(n))
        of_count = self.mean + self.mean**2 / self.size
        return np.where(bare, self.mean, n * self.p), np.where(bare, of_count, of_share)

    def _doubt(self, mentions: Floats) -> Floats:
        """By how many times more than chance so many vary because the level is not known well."""
        return self.p * (1 - self.p) * self.share.variance * np.maximum(0, mentions - 1)

    def teach(self, state: State, share: Floats, count: Floats, hours: float) -> None:
        """Let the state learn from the step, as much of it as these weights (0 to 1) say."""
        usual_share, usual_count = state.usual
        k, n, pq = self.counts.negative, self.counts.mentions, self.p * (1 - self.p)
        off = k - n * self.p
        cut = _within(off, np.sqrt(n * pq * self.spread))
        usual_share.learn(self.share, share * cut / self.spread, share * n * pq / self.spread)
        beyond, scale = k - self.mean, 1 + self.noise * self.mean
        cut = _within(beyond, np.sqrt(self.mean * scale))
        usual_count.learn(self.count, count * cut / scale, count * self.mean / scale)
        state.wander.add(hours, (share, n, off, pq), (count, beyond, self.mean))


def _within(surprise: Floats, deviation: Floats) -> Floats:
    return np.clip(surprise, -_OUTLIER * deviation, _OUTLIER * deviation)
