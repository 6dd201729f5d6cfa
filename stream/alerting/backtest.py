"""What would these rules have raised? The code of production over stored history.

Each rule learns from its `history` before the time asked for and then judges hour by hour, as the
watcher does; nothing is late, nobody is told, and nothing is written. The day before the time asked
for is judged as well, so that what stood when it began is not raised anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np

from stream.alerting.advance import advance
from stream.alerting.incidents import Incident
from stream.alerting.minutes import count_authors, first_minute, read_minutes
from stream.alerting.raised import Outcome, Raised, Talk, raised_after
from stream.database import Client
from stream.detector.folds import HOUR, MINUTE, Fold, Judged, Minutes, SeriesKey, settled
from stream.detector.verdict import heard_from
from stream.rules import WHO_IS_TOLD, Rule, Rules

LEAD = timedelta(days=1)
PARTS = 240
"""Into so many parts the time is cut for `Outcome.talk`, or into its minutes."""

_AT_ONCE = timedelta(days=1)  # of the past that is read and kept in memory

CountAuthors = Callable[[Rule, SeriesKey, datetime, datetime], int]
OnProgress = Callable[[int, int], None]
"""Told how many days are done, and of how many."""


@dataclass
class RuleRun:
    """One rule on its way through history. Pure but for `authors`, which is asked of alarms."""

    fold: Fold
    since: datetime
    until: datetime
    authors: CountAuthors
    raised: dict[str, Raised] = field(default_factory=dict)
    talk: dict[SeriesKey, Talk] = field(default_factory=dict)
    _last: dict[SeriesKey, Incident] = field(default_factory=dict)

    @property
    def rule(self) -> Rule:
        return self.fold.rule

    def take(self, minutes: Minutes) -> None:
        """Go on to the end of `minutes`; those before the fold are passed over."""
        self._listen(minutes)
        judged_from = settled(self.since, LEAD, self.rule)
        while self.fold.at < minutes.until:
            begin = self.fold.at
            if begin < judged_from:
                end = min(judged_from, minutes.until)
                self.fold = self.fold.settle(minutes.between(begin, end))
                continue
            end = min(begin + max(HOUR, self.rule.granularity), minutes.until)
            self.fold, judged = self.fold.advance(minutes.between(begin, end))
            self._judge(judged)

    def _judge(self, judged: Judged) -> None:
        alarming = np.zeros(len(judged.keys), np.bool_)
        for look in judged.looks:
            alarming |= look.alarm
        for number, key in enumerate(judged.keys):
            last = self._last.get(key)
            if alarming[number] or (last and not last.resolved):
                for step in range(len(judged.times)):
                    self._follow(judged, step, number, key)

    def _follow(self, judged: Judged, step: int, number: int, key: SeriesKey) -> None:
        last = self._last.get(key)
        stands = last is not None and not last.resolved
        if not stands and not judged.looks[step].alarm[number]:
            return
        verdict = judged.verdict(step, number)
        if verdict.alarm and not stands:
            authors = self.authors(self.rule, key, verdict.since, verdict.at)
            verdict = heard_from(verdict, authors, self.rule.minimum.authors)
        now, change = advance(last, verdict, self.rule, *key)
        if now is not None:
            self._last[key] = now
        if change is not None:
            before = self.raised.get(change.row.alert_id)
            self.raised[change.row.alert_id] = raised_after(before, change.row)

    def _listen(self, minutes: Minutes) -> None:
        """Add up what is said of each series, for the picture."""
        begin, end = max(self.since, minutes.since), min(self.until, minutes.until)
        if begin >= end:
            return
        first, all_ = (begin - self.since) // MINUTE, (self.until - self.since) // MINUTE
        parts = min(PARTS, all_)
        at = np.arange(first, (end - self.since) // MINUTE) * parts // all_
        for key, counts in minutes.between(begin, end).counts.items():
            if self.rule.covers(*key):
                whole = self.talk.setdefault(key, np.zeros((2, parts), np.int64))
                for kind in range(2):
                    np.add.at(whole[kind], at, counts[kind])


def backtest(
    client: Client,
    sets: Sequence[Rules],
    since: datetime,
    until: datetime,
    limit: int,
    on_progress: OnProgress = lambda _done, _of: None,
) -> list[Outcome]:
    """What each set of rules would have raised in [since, until), by what is stored today.

    `limit` bounds each query, in seconds. History is read once, a day at a time, for all rules that
    listen to the same. Raises RetryLater.
    """

    def authors(rule: Rule, key: SeriesKey, begin: datetime, end: datetime) -> int:
        return count_authors(client, rule, key, begin, end, limit)

    runs = [
        [
            RuleRun(_start(client, rule, since, limit), since, until, authors)
            for rule in map(_told_to_nobody, rules.rules)
        ]
        for rules in sets
    ]
    every = [run for of_set in runs for run in of_set]
    days = list(_days(min((run.fold.at for run in every), default=until), until))
    for number, (begin, end) in enumerate(days):
        on_progress(number, len(days))
        readings: dict[object, Minutes] = {}
        for run in every:
            if run.fold.at >= end:
                continue
            what = (run.rule.sources, run.rule.languages)
            if what not in readings:
                readings[what] = read_minutes(client, run.rule, begin, end, limit)
            run.take(readings[what])
    on_progress(len(days), len(days))
    return [_outcome(of_set, since, until) for of_set in runs]


def _told_to_nobody(rule: Rule) -> Rule:
    return rule.model_copy(update=dict.fromkeys(WHO_IS_TOLD, ()))


def _start(client: Client, rule: Rule, since: datetime, limit: int) -> Fold:
    """A fold that knows nothing, at the first minute of the rule's past."""
    begin = settled(since, LEAD, rule) - rule.history
    first = first_minute(client, begin, limit) or since
    return Fold(rule, settled(max(first, begin), timedelta(0), rule), first)


def _days(begin: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """From midnight to midnight (UTC), the last one cut short."""
    day = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    while day < until:
        yield day, min(day + _AT_ONCE, until)
        day += _AT_ONCE


def _outcome(runs: Sequence[RuleRun], since: datetime, until: datetime) -> Outcome:
    """Only what was opened within the time asked for."""
    raised = [one for run in runs for one in run.raised.values() if one.opened_at > since]
    raised.sort(key=lambda one: (one.opened_at, one.rule, one.brand, one.topic))
    talk = {key: counts for run in reversed(runs) for key, counts in run.talk.items()}
    return Outcome(since, until, tuple(raised), talk)
