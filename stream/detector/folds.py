"""A rule's detector over all of its series: what is settled, and the last hours judged anew. Pure.

Minutes younger than `alerts.lateness` may still change, so each judgement starts from the state
before them (DESIGN §4). What is older is settled, an hour at a time: the state at the full hour is
what is saved, so a restart goes on from the very numbers that would have been in memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from stream.detector.detect import Limits, Look, evidence_limit, step
from stream.detector.moment import Counts
from stream.detector.state import State
from stream.detector.usual import Floats
from stream.detector.verdict import Verdict, verdict
from stream.rules import EVERY, Rule

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

SeriesKey = tuple[str, str]
"""Brand and topic; topic '' is the brand as a whole."""


@dataclass(frozen=True)
class Minutes:
    """Negative mentions and all mentions by minute in [since, until), shape (2, minutes)."""

    since: datetime
    until: datetime
    counts: Mapping[SeriesKey, npt.NDArray[np.int64]]

    @classmethod
    def of(cls, rows: Iterable[Sequence[Any]], since: datetime, until: datetime) -> Minutes:
        """From rows of brand, topic, and three lists of one length: minutes after `since`, each
        once, negative mentions, mentions. What is not listed is zero."""
        counts: dict[SeriesKey, npt.NDArray[np.int64]] = {}
        for brand, topic, at, negative, mentions in rows:
            series = np.zeros((2, (until - since) // MINUTE), dtype=np.int64)
            series[:, at] = negative, mentions
            counts[brand, topic] = series
        return cls(since, until, counts)

    def between(self, since: datetime, until: datetime) -> Minutes:
        """A part of them."""
        cut = slice((since - self.since) // MINUTE, (until - self.since) // MINUTE)
        return Minutes(since, until, {key: both[:, cut] for key, both in self.counts.items()})


@dataclass(frozen=True)
class Judged:
    """Looks at steps, each over all of `keys`, and all that they were made from: the states before
    the first step (a row a series), the false alarms a week of each series, and the minutes."""

    keys: Sequence[SeriesKey]
    size: timedelta
    times: Sequence[datetime]
    looks: Sequence[Look]
    began: Floats
    alarms_a_week: Floats
    minutes: Minutes

    def verdict(self, number: int, series: int) -> Verdict:
        return verdict(self.looks[number], series, self.times[number], self.size)


def settled(closed: datetime, lateness: timedelta, rule: Rule) -> datetime:
    """The last full hour (or step, where that is longer) that nothing late can change any more."""
    unit = max(HOUR, rule.granularity)
    oldest = closed - lateness
    midnight = oldest.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight + (oldest - midnight) // unit * unit


class Fold:
    """One rule. `at` is up to when it is settled; `first` the first minute ever counted."""

    def __init__(
        self,
        rule: Rule,
        at: datetime,
        first: datetime,
        keys: Sequence[SeriesKey] = (),
        rows: Floats | None = None,
    ) -> None:
        self.rule = rule
        self.at = at
        self.keys = list(keys)
        self.first = first
        self._state = State.new(0) if rows is None else State.unpacked(rows)

    def saved(self) -> Floats:
        """A row a series, in the order of `keys`."""
        return self._state.packed()

    def under(self, rule: Rule) -> Fold:
        """The same memory under a rule that counts the same, but may judge it otherwise."""
        return Fold(rule, self.at, self.first, self.keys, self.saved())

    def advance(self, minutes: Minutes) -> tuple[Fold, Judged]:
        """Another fold, settled up to the end of `minutes`, which begin where this one is, and
        what each of their steps says."""
        keys, rows = self._with_new(minutes)
        state, judged = judge_from(self.rule, keys, rows, minutes, budgets(self.rule, keys))
        after = Fold(self.rule, minutes.until, self.first, keys)
        after._state = state
        return after, judged

    def settle(self, minutes: Minutes) -> Fold:
        """Another fold, settled up to the end of `minutes`, which begin where this one is."""
        return self.advance(minutes)[0]

    def judge(self, minutes: Minutes) -> Judged:
        """What each step of `minutes` says. Nothing is settled by it."""
        return self.advance(minutes)[1]

    def _with_new(self, minutes: Minutes) -> tuple[list[SeriesKey], Floats]:
        """The saved rows, with those of series that are heard of for the first time, or named by
        the rule.

        Silence before is past as well: they have been listened to since the first minute.
        """
        named = {
            (brand, topic)
            for brand in self.rule.brands
            for topic in self.rule.topics
            if EVERY not in (brand, topic)
        }
        heard = {key for key in minutes.counts if self.rule.covers(*key)}
        new = sorted((heard | named) - set(self.keys))
        age = max(0.0, (minutes.since - self.first) / HOUR)
        fresh = State.new(len(new), heard=min(age, self.rule.warm_up / HOUR)).packed()
        return [*self.keys, *new], np.concatenate([self._state.packed(), fresh])


def judge_from(
    rule: Rule,
    keys: Sequence[SeriesKey],
    began: Floats,
    minutes: Minutes,
    alarms_a_week: Floats,
) -> tuple[State, Judged]:
    """What each step of `minutes` says of these series, from their saved rows, and the state after.

    A series alone and the same one among many are judged to the same bits.
    """
    size = rule.granularity
    steps, each = (minutes.until - minutes.since) // size, size // MINUTE
    counts = np.zeros((2, steps, len(keys)))
    for number, key in enumerate(keys):
        if key in minutes.counts:
            whole = minutes.counts[key][:, : steps * each]
            counts[:, :, number] = whole.reshape(2, steps, each).sum(2)
    state, limits = State.unpacked(began), limits_of(rule, alarms_a_week)
    bare, known = np.zeros(len(keys), np.bool_), np.ones(len(keys), np.bool_)
    times = [minutes.since + (number + 1) * size for number in range(steps)]
    looks = [
        step(state, at, Counts(counts[0, number], counts[1, number], bare, known), limits)
        for number, at in enumerate(times)
    ]
    return state, Judged(keys, size, times, looks, began, alarms_a_week, minutes)


def limits_of(rule: Rule, alarms_a_week: Floats) -> Limits:
    """From when on series alarm that may each alarm falsely so often."""
    return Limits(
        rule.granularity,
        evidence_limit(rule.granularity, alarms_a_week),
        rule.warm_up,
        rule.minimum.negative,
        rule.minimum.mentions,
    )


def budgets(rule: Rule, keys: Sequence[SeriesKey]) -> Floats:
    """The false alarms a week of each series: half of a brand's for the brand as a whole, the rest
    shared by its topics; all for the one where the rule watches only one of the two."""
    topics: dict[str, int] = {}
    whole = {brand for brand, topic in keys if topic == ""}
    for brand, topic in keys:
        if topic:
            topics[brand] = topics.get(brand, 0) + 1
    shares = []
    for brand, topic in keys:
        both = brand in whole and brand in topics
        part = 0.5 if both else 1.0
        shares.append(part if topic == "" else part / topics[brand])
    return rule.sensitivity * np.array(shares)
