"""The production detector over one series in a file: rows in, verdicts out, in order.

`timestamp,value[,total]` → `timestamp,value,anomaly_score,alert,expected_low,expected_high,reason`
(DESIGN §7). `value` is negative mentions, `total` all mentions; without it every mention is taken
as one among as many neutral ones, so that only the count can tell. Times are taken as UTC.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from stream.baseline import LONGEST
from stream.detect import Series, judge
from stream.errors import UsageError
from stream.incidents import Incident, advance
from stream.rules import Minimum, Rule

HEADER = ("timestamp", "value", "anomaly_score", "alert", "expected_low", "expected_high", "reason")
_MASKED_STEPS_BEFORE = 12  # steps before an opening that may belong to it already
_LEARN_AGAIN_AFTER = timedelta(hours=12)

Point = tuple[str, datetime, int, int]


def rule_for(granularity: timedelta, sensitivity: float) -> Rule:
    """The usual rule; a file tells no authors."""
    return Rule(
        name="detect",
        granularity=granularity,
        sensitivity=sensitivity,
        minimum=Minimum(authors=1),
    )


def read_points(lines: Iterable[str]) -> Iterator[Point]:
    """Rows as (timestamp as written, time, value, total). Raises UsageError naming the line."""
    rows = csv.DictReader(lines)
    if not {"timestamp", "value"} <= set(rows.fieldnames or ()):
        raise UsageError("line 1: needs the columns timestamp,value[,total]")
    before: datetime | None = None
    for number, row in enumerate(rows, 2):
        try:
            time = datetime.fromisoformat(row["timestamp"])
            value = int(float(row["value"]))
            total = int(float(row["total"])) if row.get("total") else 2 * value
        except (TypeError, ValueError, OverflowError):
            raise UsageError(
                f"line {number}: not timestamp,value[,total] with an ISO time and numbers"
            ) from None
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        if before is not None and time <= before:
            raise UsageError(f"line {number}: {row['timestamp']} is not after the line before")
        if not 0 <= value <= total:
            raise UsageError(f"line {number}: value must lie between 0 and total")
        before = time
        yield row["timestamp"], time, value, total


def verdicts(points: Iterable[Point], rule: Rule) -> Iterator[tuple[str, ...]]:
    """One row of `HEADER` a point. A gap is unknown, not calm, and is not learnt from."""
    step = rule.granularity
    length = rule.history // step + LONGEST
    negative, mentions = (np.zeros(length, np.int64) for _ in range(2))
    known = np.zeros(length, np.bool_)
    end: datetime | None = None
    incident: Incident | None = None
    for written, time, value, total in points:
        passed = max(1, round((time - end) / step) + 1) if end else 1
        passed = min(passed, length)
        for series in (negative, mentions, known):
            series[:-passed] = series[passed:]
            series[-passed:] = 0
        negative[-1], mentions[-1], known[-1] = value, total, True
        end = time + step
        learnt = known & ~_masked(incident, end, step, length)
        verdict = judge(Series(end, step, negative, mentions, learnt), rule)
        incident, _ = advance(incident, verdict, rule, "series", "")
        standing = incident is not None and incident.state == "open"
        yield (
            written,
            str(value),
            f"{verdict.score:.6f}",
            str(int(standing)),
            f"{verdict.expected_low:.3f}",
            f"{verdict.expected_high:.3f}",
            verdict.reason,
        )


def _masked(
    incident: Incident | None, end: datetime, step: timedelta, length: int
) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Steps of the last incident, which are no usual time; a level that stays becomes one."""
    mask = np.zeros(length, np.bool_)
    if incident is None:
        return mask
    since = incident.opened_at - _MASKED_STEPS_BEFORE * step
    until = incident.opened_at + _LEARN_AGAIN_AFTER
    if incident.state == "resolved":
        until = min(until, incident.changed_at)
    first = length - (end - since) // step
    last = length - (end - until) // step
    mask[max(0, first) : max(0, last)] = True
    return mask
