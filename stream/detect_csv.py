"""The production detector over one series in a file: rows in, verdicts out, in order.

`timestamp,value[,total]` → `timestamp,value,anomaly_score,alert,expected_low,expected_high,reason`
(DESIGN §7). `value` is negative mentions, `total` all mentions; without it only the count can tell.
`anomaly_score` tells what is new, once; `alert` is 1 while an incident stands. Times are UTC.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import numpy as np

from stream.alerting.advance import advance
from stream.alerting.incidents import Incident
from stream.detector.detect import REASONS, step
from stream.detector.folds import limits_of
from stream.detector.moment import Counts
from stream.detector.state import SILENT, State
from stream.detector.usual_counts import usual_counts
from stream.detector.verdict import verdict
from stream.errors import UsageError
from stream.rules import Minimum, Rule

HEADER = ("timestamp", "value", "anomaly_score", "alert", "expected_low", "expected_high", "reason")
_KNOWN = np.array([True])

Point = tuple[str, datetime, int, int | None]


def rule_for(granularity: timedelta, sensitivity: float) -> Rule:
    """The usual rule; a file tells no authors."""
    return Rule(
        name="detect",
        granularity=granularity,
        sensitivity=sensitivity,
        minimum=Minimum(authors=1),
    )


def read_points(lines: Iterable[str]) -> Iterator[Point]:
    """Rows as (timestamp as written, time, value, total or None). Raises UsageError."""
    rows = csv.DictReader(lines)
    if not {"timestamp", "value"} <= set(rows.fieldnames or ()):
        raise UsageError("line 1: needs the columns timestamp,value[,total]")
    before: datetime | None = None
    for number, row in enumerate(rows, 2):
        try:
            time = datetime.fromisoformat(row["timestamp"])
            value = int(float(row["value"]))
            total = int(float(row["total"])) if row.get("total") else None
        except (TypeError, ValueError, OverflowError):
            raise UsageError(
                f"line {number}: not timestamp,value[,total] with an ISO time and numbers"
            ) from None
        time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        if before is not None and time <= before:
            raise UsageError(f"line {number}: {row['timestamp']} is not after the line before")
        if value < 0 or (total is not None and value > total):
            raise UsageError(f"line {number}: value must lie between 0 and total")
        before = time
        yield row["timestamp"], time, value, total


def verdicts(points: Iterable[Point], rule: Rule) -> Iterator[tuple[str, ...]]:
    """One row of `HEADER` a point. A gap is unknown, not calm, and is not learnt from."""
    size = rule.granularity
    limits = limits_of(rule, np.array([rule.sensitivity]))
    state: State | None = None
    end: datetime | None = None
    incident: Incident | None = None
    for written, time, value, total in points:
        bare = np.array([total is None])
        if state is None:
            level = math.log(value + 0.5) if total is None else SILENT
            state = State.new(1, level)
        passed = max(1, round((time - end) / size) + 1) if end else 1
        end = time + size
        of_all = value if total is None else total
        counts = Counts(np.array([float(value)]), np.array([float(of_all)]), bare, _KNOWN)
        look = step(state, end, counts, limits, passed)
        low, high = usual_counts(look.mean, look.variance)
        incident, _ = advance(incident, verdict(look, 0, end, size), rule, "series", "")
        standing = incident is not None and not incident.resolved
        yield (
            written,
            str(value),
            f"{look.novelty[0]:.6f}",
            str(int(standing)),
            f"{low[0]:.0f}",
            f"{high[0]:.0f}",
            REASONS[int(look.reason[0])],
        )
