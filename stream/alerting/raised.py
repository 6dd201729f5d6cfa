"""Incidents that rules would have raised, what they come to, and which of two sets differ. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt

from stream.alerting.incidents import Transition
from stream.detector.folds import SeriesKey
from stream.severities import Severity, rank

_WEEK, _DAY, _LEAST = timedelta(weeks=1), timedelta(days=1), timedelta.resolution

Talk = npt.NDArray[np.int64]
"""Negative mentions and mentions in equal parts of the time: shape (2, parts)."""


@dataclass(frozen=True, slots=True)
class Raised:
    """One incident. `observed` and `expected` are those of its highest severity, `rises` when it
    reached each severity, `ended_at` None where it stands to the end."""

    alert_id: str
    rule: str
    brand: str
    topic: str
    opened_at: datetime
    ended_at: datetime | None
    observed: float
    expected: float
    rises: tuple[tuple[datetime, Severity], ...]
    reopened: int = 0

    @property
    def severity(self) -> Severity:
        return self.rises[-1][1]

    @property
    def escalations(self) -> int:
        return len(self.rises) - 1


@dataclass(frozen=True)
class Outcome:
    """What a set of rules makes of [since, until): incidents in the order of their opening."""

    since: datetime
    until: datetime
    raised: tuple[Raised, ...]
    talk: Mapping[SeriesKey, Talk]
    """Of each series that a rule watches."""


@dataclass(frozen=True, slots=True)
class Totals:
    """`days` that have begun in the time asked for; `alert_days` those on which one was raised,
    `loud_days` those with three or more."""

    alerts: int
    a_week: float
    severities: Mapping[Severity, int]
    days: int
    alert_days: int
    loud_days: int
    open: timedelta


def raised_after(before: Raised | None, row: Transition) -> Raised:
    """The incident once this has happened to it; the first is its opening."""
    if before is None:
        return Raised(
            alert_id=row.alert_id,
            rule=row.rule,
            brand=row.brand,
            topic=row.topic,
            opened_at=row.opened_at,
            ended_at=None,
            observed=row.observed,
            expected=row.expected,
            rises=((row.changed_at, row.severity),),
        )
    now = replace(
        before,
        ended_at=row.changed_at if row.transition == "resolved" else None,
        reopened=before.reopened + (row.transition == "reopened"),
    )
    if rank(row.severity) <= rank(before.severity):
        return now
    rises = (*before.rises, (row.changed_at, row.severity))
    return replace(now, observed=row.observed, expected=row.expected, rises=rises)


def totals(outcome: Outcome) -> Totals:
    """In sum; `open` is the time for which incidents stand."""
    span = outcome.until - outcome.since
    # An incident opens at the end of a step, which may be the end of a day.
    by_day = Counter((one.opened_at - outcome.since - _LEAST) // _DAY for one in outcome.raised)
    severities = Counter(one.severity for one in outcome.raised)
    lasted = [(one.ended_at or outcome.until) - one.opened_at for one in outcome.raised]
    return Totals(
        alerts=len(outcome.raised),
        a_week=len(outcome.raised) / (span / _WEEK),
        severities=severities,
        days=-(-span // _DAY),
        alert_days=len(by_day),
        loud_days=sum(number >= 3 for number in by_day.values()),
        open=sum(lasted, timedelta(0)),
    )


def same_time(one: Raised, others: Sequence[Raised], until: datetime) -> Raised | None:
    """The first of the others on the same brand and topic that stands at the same time."""
    end = one.ended_at or until
    for other in others:
        same = (one.brand, one.topic) == (other.brand, other.topic)
        if same and other.opened_at < end and one.opened_at < (other.ended_at or until):
            return other
    return None


def only_in(outcome: Outcome, other: Outcome) -> list[Raised]:
    """What the first raises while the other is silent on that brand and topic."""
    return [one for one in outcome.raised if not same_time(one, other.raised, outcome.until)]
