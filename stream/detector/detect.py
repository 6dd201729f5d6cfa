"""Is the mood turning? One step of many series at once: counts and state in, verdicts out. Pure.

For each series two questions are asked at each step, both against what is usual for it just then
(`usual`): is the *share* of negative mentions up, is their *count* up? Evidence is gathered over
steps as a Shiryaev-Roberts statistic over several sizes of rise (Shiryaev 1963, Roberts 1966): the
sum, over every moment at which the rise may have begun, of how much better it explains what came
since. Without a rise it grows by one a step on average, whatever the series, so that the limit at
which it alarms is a number of false alarms a week. Rises end: what is old is forgotten.

The share decides. A burst of attention moves the count alone: that is "buzz", no alarm. The count
decides where no share is told, or nothing is known of it, or most mentions are always negative.
What may belong to a rise is not learnt from, until it has lasted so long that it is the new normal.

Beside the verdict stands the anomaly score (`novelty`): evidence of a burst stays for as long as
the burst does, the score tells it once, in the measure of the series' own rises.

Time and memory of a step do not depend on the past, and a state that is saved and loaded goes on to
the same bits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from stream.detector.moment import Booleans, Counts, Moment
from stream.detector.state import COUNT_RISES, NOTHING, SHARE_RISES, State
from stream.detector.usual import Floats
from stream.detector.wander import QUARTER

DETECTOR_VERSION = "4"

Reason = Literal[
    "unknown", "warming_up", "too_few", "calm", "buzz", "few_authors", "share", "count",
    "count_and_share",
]  # fmt: skip
REASONS: tuple[Reason, ...] = get_args(Reason)

_HOUR, _WEEK = timedelta(hours=1), timedelta(weeks=1)

_NEW_NORMAL = 12.0  # hours after which a level that stays is learnt, quickly
_LASTS = 18.0  # hours that a rise lasts on average

_SATURATED, _UNSURE = 0.6, 0.5  # share, or its variance, from which on only the count can tell

_IN_ORDER: tuple[Reason, ...] = (
    "unknown", "warming_up", "too_few", "buzz", "calm", "count", "count_and_share",
)  # fmt: skip

_OVER = 4.0  # evidence that ends a rise
_MOST, _LEAST = 0.7, 0.2  # so much of the rise that was seen, and no less than that
_HEADROOM, _HYSTERESIS = 2.0, 3.0  # above the limit nothing is added; below it this far it is over
NOVEL = 2.5  # usual rises; so large a rise scores 0.5 when it is news
JUST_NOT = 0.49  # the score of what alarms but for its few mentions or authors


@dataclass(frozen=True)
class Limits:
    """From when on series alarm. `evidence` is a logarithm of shape (series,) or (1,)."""

    step: timedelta
    evidence: Floats
    warm_up: timedelta = timedelta(hours=12)
    negative: int = 5
    mentions: int = 8

    @property
    def hours(self) -> float:
        return self.step / _HOUR


def evidence_limit(step: timedelta, alarms_a_week: Floats) -> Floats:
    """The logarithm at which evidence alarms falsely so often on quiet series.

    One false alarm in so many steps is the statistic's own promise; that the tails of real noise
    are heavier takes 0.6 as much again of the distance from a quarter of an alarm a week
    (measured, docs/alerts.md).
    """
    asked: Floats = np.log(_WEEK / step / 0.25) - 0.5 + 1.6 * np.log(0.25 / alarms_a_week)
    return asked


@dataclass(frozen=True, slots=True)
class Look:
    """What a step says of each series. Counts are of the rise, if there is one: since `steps` ago.

    `score` and `novelty` are in 0..1 and comparable across series: the first is of the evidence
    that stands, 0.5 where an alarm begins; the other is the anomaly score, 0 where nothing is new.
    `mean` and `variance` are of usual negative counts of this one step, given its mentions.
    """

    score: Floats
    novelty: Floats
    alarm: Booleans
    stands: Booleans
    reason: npt.NDArray[np.int8]
    steps: Floats
    negative: Floats
    mentions: Floats
    expected: Floats
    mean: Floats
    variance: Floats
    share: Floats
    wander: Floats
    share_evidence: Floats
    count_evidence: Floats


def step(state: State, at: datetime, counts: Counts, limits: Limits, passed: int = 1) -> Look:
    """Move `state` by one step that ends at `at`, `passed` steps after the last; what it says."""
    hours = limits.hours * passed
    ready = state.heard + limits.hours >= limits.warm_up / _HOUR
    # 1. What is usual now.
    now = Moment.of(state, at, counts, limits.hours, hours, state.stands > _NEW_NORMAL)
    unsure = (now.share.variance > _UNSURE) & (2 * state.run[2, -1] >= state.run[3, -1])
    by_count = counts.bare | (now.p >= _SATURATED) | unsure
    # 2. Evidence of a rise, and of its end.
    of_share = now.share_ratio(SHARE_RISES, steps=state.run[1], mentions=state.run[3])
    of_count = now.count_ratio(COUNT_RISES)
    top = limits.evidence + _HEADROOM
    share = _gathered(state.share_evidence, of_share, counts.told, hours, top)
    count = _gathered(state.count_evidence, of_count, counts.known, hours, top)
    ended = _ended(state, now, _rise(state, by_count)) | ~ready
    for gathered in (state.share_evidence, state.count_evidence):
        gathered[:] = np.where(ended, NOTHING, gathered)
    evidence = np.where(ended, NOTHING, np.where(by_count, count, share))
    _describe(state, now, np.where(by_count, of_count, of_share), passed)
    # 3. The verdict.
    known = counts.known.astype(np.float64)
    expected = np.where(by_count, now.mean, counts.mentions * now.p)
    news = state.novelty.add(counts.negative, expected, known, limits.hours, hours)
    look = _look(state, now, limits, by_count, ready, evidence, (share, count), news)
    # 4. What is learnt for the next: nothing of what may be a rise, unless it has stayed.
    state.stands[:] = np.where(look.stands, state.stands + hours, 0.0)
    state.heard += np.where(counts.known, limits.hours, 0.0)
    stays = state.stands > _NEW_NORMAL
    free, held = stays | ~ready, look.stands & ~stays
    a_day = math.log(24 / limits.hours)
    share_weight = np.where(counts.told & ~held, _learnt(share - a_day, free), 0.0)
    count_weight = np.where(held, 0.0, known)
    now.teach(state, share_weight, count_weight, hours)
    return look


def _gathered(
    evidence: Floats, of_step: Floats, told: Booleans, hours: float, top: Floats
) -> Floats:
    """Add a step's likelihood ratios to the evidence; the logarithm of its mean over the sizes.

    A rise may have begun with any step that tells something, and what is old is forgotten.
    """
    old = evidence + math.log1p(-min(0.5, hours / _LASTS))
    begun = np.where(told, np.logaddexp(0.0, old), old)
    evidence[:] = np.minimum(begun + of_step, top)
    mixed = evidence[0]
    for one in evidence[1:]:
        mixed = np.logaddexp(mixed, one)
    mean: Floats = mixed - math.log(len(evidence))
    return mean


def _rise(state: State, by_count: Booleans) -> Floats:
    """Of `state.run` the size of rise that the evidence is most for, shape (5, series)."""
    evidence = np.where(by_count, state.count_evidence, state.share_evidence)
    best = evidence.argmax(0)[None, None]
    return np.take_along_axis(state.run, best, axis=1)[:, 0]


def _ended(state: State, now: Moment, run: Floats) -> Booleans:
    """Whether share or count have been as usual again for long enough, held against most of the
    rise that was seen."""
    risen = np.log((run[2] + 0.5) / (run[3] - run[2] + 0.5)) - now.share.value
    grown = np.log((run[2] + 0.5) / (run[4] + 0.5))
    most = (
        now.share_ratio(np.clip(_MOST * risen, _LEAST, 4.0), steps=run[1], mentions=run[3]),
        now.count_ratio(np.clip(_MOST * grown, _LEAST, 5.0)),
    )
    for row, of_step in enumerate(most):
        over = np.maximum(0.0, state.over[row] - of_step)
        state.over[row] = np.where(state.stands > 0, over, 0.0)
    ended: Booleans = (state.over[0] >= _OVER) | (state.over[1] >= _OVER)
    return ended


def _describe(state: State, now: Moment, of_step: Floats, passed: int) -> None:
    """The rise itself: since when, and how large, by the step's likelihood ratios."""
    run, counts = state.run, now.counts
    run[0] = np.maximum(0.0, run[0] + of_step)
    goes_on = run[0] > 0
    run[1:] = np.where(goes_on, run[1:], 0.0)
    run[1] += np.where(goes_on, passed, 0)
    for row, value in ((2, counts.negative), (3, counts.mentions), (4, now.mean)):
        run[row] += np.where(goes_on & counts.known, value, 0.0)


def _look(
    state: State,
    now: Moment,
    limits: Limits,
    by_count: Booleans,
    ready: Booleans,
    evidence: Floats,
    gathered: tuple[Floats, Floats],
    news: Floats,
) -> Look:
    counts, run, (share, count) = now.counts, _rise(state, by_count), gathered
    large = (run[2] >= limits.negative) & (counts.bare | (run[3] >= limits.mentions))
    enough = evidence > limits.evidence
    # A share that is up because kinder voices fell silent is no rise.
    alarm = enough & ready & large & (run[2] >= run[4]) & counts.known
    stands = np.where(state.stands > 0, evidence > limits.evidence - _HYSTERESIS, alarm)
    strength = np.maximum(0.0, evidence) / limits.evidence
    score = strength / (1 + strength)
    buzz = ~by_count & (count > limits.evidence)
    reason = np.select(
        [~counts.known, ~ready, enough & ~large, ~alarm & buzz, ~alarm, by_count, buzz],
        [REASONS.index(name) for name in _IN_ORDER],
        REASONS.index("share"),
    )
    mean, variance = now.usual()
    return Look(
        score=np.where(enough & ~alarm, np.minimum(score, JUST_NOT), score),
        novelty=np.where(ready, news / (NOVEL + news), 0.0),
        alarm=alarm,
        stands=stands,
        reason=reason.astype(np.int8),
        steps=run[1],
        negative=run[2],
        mentions=run[3],
        expected=run[4],
        mean=mean,
        variance=variance,
        share=now.p,
        wander=now.noise / np.maximum(QUARTER / limits.hours, run[1]),
        share_evidence=share,
        count_evidence=count,
    )


def _learnt(evidence: Floats, free: Booleans) -> Floats:
    """How much of a step is learnt from."""
    usual: Floats = np.where(free, 1.0, 1 / (1 + np.exp(np.minimum(evidence, 50.0))))
    return usual
