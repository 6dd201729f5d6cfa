"""The last days of every series, by minute, in memory. Pure.

One reading of the database serves all series and all rules. A minute without a row is a zero, not
a gap; minutes before the first row ever seen are unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from stream.baseline import LONGEST
from stream.detect import Series
from stream.rules import Rule

MINUTE = timedelta(minutes=1)

SeriesKey = tuple[str, str]
"""Brand and topic; topic '' is the brand as a whole."""
Row = Sequence[Any]
"""Brand, topic, minute, negative mentions, mentions."""
Span = tuple[datetime, datetime]


def minutes_needed(rule: Rule) -> int:
    """How much past one judgement of the rule looks at."""
    return (rule.history // rule.granularity + LONGEST) * (rule.granularity // MINUTE)


class Tallies:
    """Negative and all mentions per minute over a moving span of `minutes` that ends at `end`."""

    def __init__(self, minutes: int) -> None:
        self._minutes = minutes
        self._counts: dict[SeriesKey, npt.NDArray[np.int64]] = {}
        self.end: datetime | None = None
        self.first: datetime | None = None

    def keys(self) -> list[SeriesKey]:
        """Every series with a mention in the span, in order."""
        return sorted(self._counts)

    @property
    def start(self) -> datetime | None:
        return self.end - self._minutes * MINUTE if self.end else None

    def replace(
        self, rows: Iterable[Row], since: datetime, until: datetime
    ) -> dict[SeriesKey, set[datetime]]:
        """Take `rows` as the whole truth about [since, until); the span then ends at `until`.

        Returns the minutes that were known before and are different now.
        """
        old_end = self.end
        self._move_to(until)
        begin = max(0, self._index(since))
        fresh: dict[SeriesKey, npt.NDArray[np.int64]] = {
            key: np.zeros((2, self._minutes - begin), dtype=np.int64) for key in self._counts
        }
        for brand, topic, minute, negative, mentions in rows:
            at = self._index(minute) - begin
            if not 0 <= at < self._minutes - begin:
                continue
            self.first = minute if self.first is None else min(self.first, minute)
            if (brand, topic) not in fresh:
                fresh[brand, topic] = np.zeros((2, self._minutes - begin), dtype=np.int64)
                self._counts[brand, topic] = np.zeros((2, self._minutes), dtype=np.int64)
            fresh[brand, topic][:, at] += (negative, mentions)
        changed: dict[SeriesKey, set[datetime]] = {}
        known = self._index(old_end) - begin if old_end else 0
        for key, counts in fresh.items():
            whole = self._counts[key]
            different = np.flatnonzero((whole[:, begin:] != counts).any(0)[: max(0, known)])
            if old_end and len(different):
                changed[key] = {
                    until - (self._minutes - begin - int(i)) * MINUTE for i in different
                }
            whole[:, begin:] = counts
            if not whole.any():
                del self._counts[key]
        return changed

    def series(self, key: SeriesKey, at: datetime, rule: Rule, masked: Sequence[Span]) -> Series:
        """The steps of a series up to `at`; those that touch a masked span are not learnt from."""
        per_step = rule.granularity // MINUTE
        stop = self._index(at)
        steps = min(minutes_needed(rule), stop) // per_step
        start = stop - steps * per_step
        counts = self._counts.get(key)
        if counts is None:
            counts = np.zeros((2, self._minutes), dtype=np.int64)
        negative, mentions = counts[:, start:stop].reshape(2, steps, per_step).sum(2)
        known = np.ones(steps, dtype=np.bool_)
        known[: self._steps_before(self.first or at, start, per_step)] = False
        for since, until in masked:
            first = max(0, (self._index(since) - start) // per_step)
            last = -((start - self._index(until)) // per_step)  # rounded up
            known[first : max(0, last)] = False
        return Series(at, rule.granularity, negative, mentions, known)

    def _steps_before(self, time: datetime, start: int, per_step: int) -> int:
        return max(0, -((start - self._index(time)) // per_step))

    def _index(self, minute: datetime) -> int:
        assert self.end is not None
        return self._minutes + (minute - self.end) // MINUTE

    def _move_to(self, end: datetime) -> None:
        by = (end - self.end) // MINUTE if self.end else 0
        self.end = end
        if by <= 0:
            return
        for counts in self._counts.values():
            counts[:, : max(0, self._minutes - by)] = counts[:, by:]
            counts[:, max(0, self._minutes - by) :] = 0
