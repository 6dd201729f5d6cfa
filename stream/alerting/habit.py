"""How long a voice is usually silent: its own habit, learnt from when it was heard. Pure.

A voice is a source, a brand or all of them; in a slot of five minutes it is heard or not. How often
goes by the hour of the week, so a silence is measured in *hearings missed*: -log of the chance of
hearing nothing for so long, as often as it is heard at that time. Of a voice that speaks by chance
these are exponential with mean one, whatever its rhythm. What is over-dispersed (bursts, a crawl
once an hour, holidays) shows in longer silences of its past, and the bar is taken from its own
longest ones: peaks over a threshold, with a generalised Pareto tail, at the length that is exceeded
as seldom as one can put up with.

Source: Coles, An Introduction to Statistical Modeling of Extreme Values (2001), chapter 4; the
tail by probability-weighted moments (Hosking and Wallis, Technometrics 29, 1987).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt

SLOT = timedelta(minutes=5)
FOUR_WEEKS = timedelta(weeks=4)

_SLOTS = 12  # in an hour
_HOUR, _DAY_HOURS, _WEEK_HOURS = timedelta(hours=1), 24, 168
_PRIOR = 12.0  # slots: what an hour of the week is worth against the same hour of all days
_FEWEST = 30  # silences; of fewer nothing is known
_PEAKS = 100  # the longest ones, from which the tail is taken
_HEAVIEST = 0.4  # shape of the tail; so few peaks tell no heavier one
_MONDAY = datetime(1970, 1, 5, tzinfo=UTC)

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Missed:
    """What would usually have been heard in a silence."""

    hearings: float
    posts: float


@dataclass(frozen=True, slots=True)
class Tail:
    """Of the longest silences, in hearings missed: `peaks` in four weeks exceed the threshold, by
    what is distributed as a generalised Pareto of this scale and shape."""

    threshold: float
    scale: float
    shape: float
    peaks: float

    def exceeded(self, times: float) -> float:
        """The length that is exceeded so many times in four weeks."""
        rarer = max(1.0, self.peaks / times)
        chance = math.log(rarer)
        if self.shape < 1e-6:
            return self.threshold + max(1.0, self.scale) * chance
        habit = self.scale / self.shape * (math.pow(rarer, self.shape) - 1)
        # Nobody is taken for more regular than chance: a crawler may be timed anew.
        return self.threshold + max(chance, habit)


@dataclass(frozen=True, slots=True)
class Habit:
    """By hour of the week, from Monday 0:00 UTC: hearings and posts in an hour, shape (168,)."""

    hearings: Floats
    posts: Floats
    tail: Tail

    def missed(self, since: datetime, until: datetime) -> Missed:
        """Of a silence of this length. Both are aware times."""
        hearings = posts = 0.0
        while since < until:
            hour = _hour(since)
            end = min(until, _floor(since) + _HOUR)
            share = (end - since) / _HOUR
            hearings += share * float(self.hearings[hour])
            posts += share * float(self.posts[hour])
            since = end
        return Missed(hearings, posts)


def learn(counts: Counts, begin: datetime, warm_up: timedelta) -> Habit | None:
    """The habit of a voice of which so many posts came in each slot from `begin`, a full hour.

    None where too little is known: fewer than thirty silences, or less past than `warm_up`.
    """
    heard = np.flatnonzero(counts)
    if not len(heard):
        return None
    first = int(heard[0]) // _SLOTS * _SLOTS  # before its first hour it was not there at all
    counts = counts[first:]
    begin += first * SLOT
    past = len(counts) * SLOT
    heard = np.flatnonzero(counts)
    if len(heard) <= _FEWEST or past < warm_up:
        return None
    hours = (_hour(begin) + np.arange(len(counts)) // _SLOTS) % _WEEK_HOURS
    empty = counts == 0
    missed = np.concatenate(([0.0], np.cumsum(_missed_by_others(empty, hours))))
    silences = np.sort(missed[heard[1:]] - missed[heard[:-1] + 1])
    slots = np.bincount(hours, minlength=_WEEK_HOURS)
    posts = np.bincount(hours, weights=counts, minlength=_WEEK_HOURS) / np.maximum(slots, 1)
    return Habit(
        _SLOTS * _missed_per_slot(empty, hours),
        _SLOTS * posts,
        _tail(silences[:-1], FOUR_WEEKS / past),  # the longest may have been a failure
    )


def _tail(silences: Floats, in_four_weeks: float) -> Tail:
    """Of sorted silences, which come so many times over in four weeks."""
    peaks = min(_PEAKS, len(silences) // 4)
    threshold = float(silences[-peaks - 1])
    excess = silences[-peaks:] - threshold
    mean = float(excess.mean())
    place = (np.arange(1, peaks + 1) - 0.35) / peaks
    weighted = float((excess * (1 - place)).mean())
    shape = 2 - mean / (mean - 2 * weighted) if mean > 2 * weighted else 0.0
    shape = min(max(shape, 0.0), _HEAVIEST)
    return Tail(threshold, mean * (1 - shape), shape, peaks * in_four_weeks)


def _missed_by_others(empty: Flags, hours: Counts) -> Floats:
    """-log of the chance that each slot is empty, by what the other weeks say: a silence must not
    be measured by itself, or it seems shorter than such a one will be tomorrow."""
    weeks = np.arange(len(empty)) // (_SLOTS * _WEEK_HOURS)
    found = np.empty(len(empty))
    for week in range(int(weeks[-1]) + 1):
        this, others = weeks == week, weeks != week if weeks[-1] else weeks == week
        found[this] = _missed_per_slot(empty[others], hours[others])[hours[this]]
    return found


def _missed_per_slot(empty: Flags, hours: Counts) -> Floats:
    """-log of the chance that a slot is empty, by hour of the week, shape (168,).

    Little is known of one hour of the week: it leans on that hour of all days, and that on all.
    """
    overall = (empty.sum() + 0.5) / (len(empty) + 1.0)
    slots = np.bincount(hours, minlength=_WEEK_HOURS).astype(np.float64)
    silent = np.bincount(hours, weights=empty, minlength=_WEEK_HOURS)
    daily = silent.reshape(7, _DAY_HOURS).sum(0) + _PRIOR * overall
    daily /= slots.reshape(7, _DAY_HOURS).sum(0) + _PRIOR
    found: Floats = -np.log((silent + _PRIOR * np.tile(daily, 7)) / (slots + _PRIOR))
    return found


def _hour(at: datetime) -> int:
    """Of the week, 0 to 167."""
    return (at - _MONDAY) // _HOUR % _WEEK_HOURS


def _floor(at: datetime) -> datetime:
    return _MONDAY + (at - _MONDAY) // _HOUR * _HOUR
