"""Is the mood turning now? One step of a series judged against the series' own past.

Pure: counts in, a verdict out. What it looks at (DESIGN §4):

- the *share* of negative mentions, by a beta-binomial tail: how likely are this many negatives
  among this many mentions, given the usual share, how uncertain that is, and how much it wanders?
- the *count* of negative mentions, by a negative binomial tail.
- both over the last 1, 3, 6 and 12 steps, so that a small lasting rise is found as well as a jump.

The usual level is a weighted mean of the past: the last hours and the same hours of earlier days.
More mentions at an unchanged share are "buzz", not an alarm. With little past nothing alarms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt

from stream.baseline import (
    LONGEST,
    WINDOWS,
    Counts,
    Level,
    beta_binomial_tail,
    negative_binomial_tail,
    usual_range,
)
from stream.rules import Rule

DETECTOR_VERSION = "1"

Reason = Literal[
    "warming_up", "too_few", "calm", "buzz", "few_authors", "count", "share", "count_and_share"
]

_SATURATED = 0.6  # from this usual share on only the count can tell
_TESTS_PER_STEP = 6.0  # measured on quiet series: four windows, overlapping from step to step
_GATE = 0.3  # a rise in share must come with at least this much of a rise in count
_LENIENT = 100.0  # count and share together: the share may be this much weaker

_SMALLEST = 1e-300
_JUST_NOT = 0.49  # the score of what alarms but for its few authors


@dataclass(frozen=True)
class Series:
    """Negative mentions and all mentions per step, oldest first; the last step is judged.

    `end` is the end of the last step. `known` is False where a step must not be learnt from:
    it was never read, or an incident stood.
    """

    end: datetime
    step: timedelta
    negative: Counts
    mentions: Counts
    known: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one step says. Counts are of the window that speaks loudest.

    `score` is in 0..1 and comparable across series; 0.5 is where an alarm begins. `at` is the end
    of the judged step, `since` the start of the window. `p_share` and `p_count` are tail
    probabilities, before the correction for looking often.
    """

    at: datetime
    since: datetime
    score: float
    alarm: bool
    reason: Reason
    observed: int
    mentions: int
    expected: float
    expected_low: float
    expected_high: float
    expected_share: float
    p_share: float
    p_count: float


def alpha(rule: Rule) -> float:
    """The tail probability at which a single look alarms, from the budget of false alarms."""
    looks = timedelta(weeks=1) / rule.granularity * _TESTS_PER_STEP
    return min(0.01, rule.sensitivity / looks)


def judge(series: Series, rule: Rule) -> Verdict:
    """The verdict on the last step of `series`.

    More negative mentions never lower the score; a step without negatives never alarms.
    """
    past = slice(0, max(0, len(series.negative) - LONGEST))
    negative, mentions, known = series.negative[past], series.mentions[past], series.known[past]
    windows = [
        (w, int(series.negative[-w:].sum()), int(series.mentions[-w:].sum()))
        for w in WINDOWS
        if w <= len(series.negative)
    ]
    large = [
        (w, x, n)
        for w, x, n in windows
        if x >= rule.minimum.negative and n >= rule.minimum.mentions
    ]
    if not large or int(known.sum()) * series.step < rule.warm_up:
        return _silent(series, windows[-1] if windows else (0, 0, 0), bool(large))
    level = Level.of(negative, mentions, known, series.step)
    limit = alpha(rule)
    loudest = min((_look(level, *window) for window in large), key=lambda look: look.p)
    alarm = loudest.p <= limit
    reason: Reason = "calm"
    if alarm and level.share >= _SATURATED:
        reason = "count"
    elif alarm:
        reason = "count_and_share" if loudest.p_count <= limit else "share"
    elif any(_look(level, *window).p_count <= limit for window in large):
        reason = "buzz"
    strength = math.log(max(loudest.p, _SMALLEST)) / math.log(limit)
    low, high = usual_range(loudest.expected, level.rate_noise[loudest.window])
    return Verdict(
        at=series.end,
        since=series.end - loudest.window * series.step,
        score=strength / (1 + strength),
        alarm=alarm,
        reason=reason,
        observed=loudest.observed,
        mentions=loudest.mentions,
        expected=loudest.expected,
        expected_low=low,
        expected_high=high,
        expected_share=level.share,
        p_share=loudest.p_share,
        p_count=loudest.p_count,
    )


def heard_from(verdict: Verdict, authors: int, rule: Rule) -> Verdict:
    """The verdict once it is known how many distinct authors the negative mentions are by.

    Asked only of alarms, because counting authors is the dearer question.
    """
    if not verdict.alarm or authors >= rule.minimum.authors:
        return verdict
    return replace(verdict, alarm=False, reason="few_authors", score=min(verdict.score, _JUST_NOT))


def _silent(series: Series, window: tuple[int, int, int], large: bool) -> Verdict:
    """The verdict where nothing may alarm: too few mentions, or too little past."""
    steps, observed, mentions = window
    rate = float(series.negative[series.known].mean()) if series.known.any() else 0.0
    return Verdict(
        at=series.end,
        since=series.end - steps * series.step,
        score=0.0,
        alarm=False,
        reason="warming_up" if large else "too_few",
        observed=observed,
        mentions=mentions,
        expected=rate * steps,
        expected_low=0.0,
        expected_high=rate * steps,
        expected_share=0.0,
        p_share=1.0,
        p_count=1.0,
    )


@dataclass(frozen=True, slots=True)
class _Look:
    """One window against the usual level; `p` joins share and count."""

    window: int
    observed: int
    mentions: int
    expected: float
    p: float
    p_share: float
    p_count: float


def _look(level: Level, window: int, observed: int, mentions: int) -> _Look:
    expected = level.rate * window
    p_count = negative_binomial_tail(observed, expected, level.rate_noise[window])
    p_share = beta_binomial_tail(observed, mentions, level.share, level.share_noise[window])
    if level.share >= _SATURATED:
        p = p_count
    else:
        # The share decides, as a burst of attention moves the count alone; where both moved, each
        # may be weaker. Each term falls with every further negative mention.
        gated = max(p_share, p_count if p_count > _GATE else 0.0)
        p = min(gated, max(p_share / _LENIENT, p_count))
    return _Look(window, observed, mentions, expected, p, p_share, p_count)
