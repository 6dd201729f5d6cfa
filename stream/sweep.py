"""The sweep: are the stored windows what the final posts give? (DESIGN §3, "Why counts are exact")

It recounts every window inside the retention and compares all its numbers. A minute that holds a
row which no pass need have seen yet is *pending*, not different: the next pass recomputes it. It
also looks for what would make a post count twice: rows under a date that is not their key's, and
keys with two live rows.

The work is cut into pieces of about equally many rows, so that neither memory nor a statement's
time grows with the table. It only reads, unless it is told to repair.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from stream.database import Client, errors_sorted, time_limit
from stream.errors import UsageError
from stream.retry import Stopped
from stream.sweep_report import Difference, Doubled, Report, Stray
from stream.windows import BEGINNING, END, SETTINGS, bring_strays_home, look_back, recount, rewrite

_ROWS_AT_ONCE = 200_000  # of posts and window_scores together, in one comparison
_KEYS_AT_ONCE = 500_000  # posts whose keys are counted in one statement
_PAUSE = timedelta(seconds=2)  # before a second look: what only raced with a pass has settled

_SUMS = ("mentions", "negative", "neutral", "positive", "score_sum", "reach")
_DISTINCT = ("authors", "texts", "negative_authors")
COLUMNS = _SUMS + _DISTINCT

_KEY = "window_start, brand, topic, source, lang"
_COUNTS = [f"toInt64(finalizeAggregation({name}))" for name in _DISTINCT]
_NUMBERS = f"[{', '.join([*_SUMS, *_COUNTS])}]"
_SPAN = ">= {start:DateTime64(3, 'UTC')} AND {0} < {until:DateTime64(3, 'UTC')}"
_POSTS, _WINDOWS = (f"{at} {_SPAN.replace('{0}', at)}" for at in ("created_at", "window_start"))
_RECOUNT = recount(posts=_POSTS, windows=_WINDOWS)
_PENDING = f"""
    SELECT DISTINCT toDateTime(toStartOfMinute(created_at), 'UTC') FROM posts
    WHERE {_POSTS} AND ingested_at >= {{settled:DateTime64(3, 'UTC')}}"""
_COUNT_PENDING = f"SELECT count() FROM ({_PENDING}) {SETTINGS}"

# `stored` is empty where there is no row. FINAL stands in subqueries: in a WITH it may be ignored.
_COMPARED = f"""
    SELECT {_KEY}, sumForEachIf(numbers, is_stored) AS stored,
        sumForEachIf(numbers, NOT is_stored) AS expected
    FROM (
        SELECT {_KEY}, {_NUMBERS} AS numbers, 1 AS is_stored
        FROM window_scores FINAL WHERE {_WINDOWS}
        UNION ALL
        SELECT {_KEY}, {_NUMBERS} AS numbers, 0 AS is_stored FROM ({_RECOUNT})
    )
    WHERE window_start NOT IN ({_PENDING})
    GROUP BY {_KEY}"""

_LOOK = f"""
SELECT count(), groupArrayIf((toUnixTimestamp(window_start), toString(brand), toString(topic),
    toString(source), toString(lang), stored, expected), stored != expected)
FROM ({_COMPARED}) {SETTINGS}"""

_REPAIR = rewrite(
    f"SELECT * FROM ({_RECOUNT}) WHERE ({_KEY}) IN "
    f"(SELECT {_KEY} FROM ({_COMPARED}) WHERE stored != expected)"
)

# A date is named by its minute, as in the sorting key. What a pass has buried is no stray.
_STRAYS = f"""
SELECT p.source, p.post_id, toUnixTimestamp(p.minute), toUnixTimestamp(k.home)
FROM (
    SELECT source, post_id, toStartOfMinute(created_at) AS minute FROM posts
    WHERE {_POSTS}
    GROUP BY source, post_id, minute
    HAVING max(is_moved) = 0 AND max(ingested_at) < {{settled:DateTime64(3, 'UTC')}}
) AS p
INNER JOIN (
    SELECT source, post_id, toStartOfMinute(tupleElement(min(first), 2)) AS home FROM post_keys
    WHERE (source, post_id) IN (SELECT source, post_id FROM posts WHERE {_POSTS})
    GROUP BY source, post_id
) AS k USING (source, post_id)
WHERE p.minute != k.home {SETTINGS}"""

_DOUBLED = f"""
SELECT source, post_id, count() FROM posts FINAL
WHERE {_POSTS} AND cityHash64(source, post_id) % {{buckets:UInt32}} = {{bucket:UInt32}}
GROUP BY source, post_id
HAVING count() > 1 AND max(ingested_at) < {{settled:DateTime64(3, 'UTC')}} {SETTINGS}"""

_PIECES = f"""
SELECT toUnixTimestamp(min(minute)), sum(posts), sum(rows)
FROM (
    SELECT minute, sum(is_post) AS posts, count() AS rows,
        intDiv(sum(count()) OVER (ORDER BY minute), {{rows:UInt64}}) AS piece
    FROM (
        SELECT toDateTime(toStartOfMinute(created_at), 'UTC') AS minute, 1 AS is_post FROM posts
        WHERE {_POSTS}
        UNION ALL
        SELECT window_start, 0 FROM window_scores WHERE {_WINDOWS}
    )
    GROUP BY minute
)
GROUP BY piece ORDER BY 1 {SETTINGS}"""


_Key = tuple[int, str, str, str, str]
_Differing = dict[_Key, tuple[list[int], list[int]]]


@dataclass(frozen=True, slots=True)
class Span:
    """Whole minutes, `until` not included."""

    start: datetime
    until: datetime


def span_inside(
    now: datetime,
    retention: timedelta,
    start: datetime | None = None,
    until: datetime | None = None,
) -> Span:
    """The minutes to compare: those asked for that lie wholly inside the retention.

    Older windows are frozen. Raises UsageError when nothing is left.
    """
    oldest = max(now - retention, BEGINNING)
    oldest = oldest.replace(second=0, microsecond=0) + timedelta(minutes=1)
    span = Span(max(start or oldest, oldest), until or END)
    if span.until <= span.start:
        raise UsageError(
            f"--to {span.until:%Y-%m-%dT%H:%MZ}: give a time after {span.start:%Y-%m-%dT%H:%MZ}; "
            "windows older than retention.posts are frozen"
        )
    return span


@dataclass
class Sweep:
    """One comparison of `span`; with `repair` it mends what differs. `limit` bounds a statement."""

    client: Client
    span: Span
    margin: timedelta
    limit: timedelta
    repair: bool = False
    stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        until = self.span.until
        self.report = Report(self.span.start, until if until < END else None)

    def run(self, advance: Callable[[int, int], None] = lambda done, total: None) -> Report:
        """Do it, piece by piece; `advance` is told how many rows of how many are done.

        Raises Stopped between two statements once `stop` is set, and RetryLater.
        """
        with errors_sorted():
            return self._run(advance)

    def _run(self, advance: Callable[[int, int], None]) -> Report:
        began, report = time.monotonic(), self.report
        pieces = self._rows(_PIECES, self.span, rows=_ROWS_AT_ONCE)
        posts = sum(piece[1] for piece in pieces)
        total, done = sum(piece[2] for piece in pieces), 0
        # Each ends where the next begins, so that what comes meanwhile falls into one of them.
        starts = [self.span.start, *(_time(piece[0]) for piece in pieces[1:]), self.span.until]
        for start, until, (_, _, rows) in zip(starts, starts[1:], pieces, strict=False):
            piece = Span(start, until)
            self._look_for_strays(piece)
            self._compare(piece)
            advance(done := done + rows, total)
        buckets = posts // _KEYS_AT_ONCE + 1
        for bucket in range(buckets):
            rows = self._rows(_DOUBLED, self.span, buckets=buckets, bucket=bucket)
            report.doubled.add(Doubled(*row) for row in rows)
        report.left += report.doubled.count
        report.seconds = time.monotonic() - began
        return report

    def _compare(self, piece: Span) -> None:
        report = self.report
        compared, differing = self._differing(piece)
        if differing:
            # The tables of one statement are not read in the same instant.
            self.stop.wait(_PAUSE.total_seconds())
            _, again = self._differing(piece)
            differing = {key: found for key, found in again.items() if key in differing}
        report.windows += compared
        report.differing += len(differing)
        report.differences.add(
            difference for key in sorted(differing) for difference in _spread(key, *differing[key])
        )
        left = len(differing)
        if self.repair and differing:
            self.client.command(_REPAIR, parameters=self._values(piece))
            _, after = self._differing(piece)
            left = len(differing.keys() & after.keys())
            report.repaired += len(differing) - left
        report.left += left
        report.pending_minutes += self._rows(_COUNT_PENDING, piece)[0][0]

    def _differing(self, piece: Span) -> tuple[int, _Differing]:
        [(compared, differing)] = self._rows(_LOOK, piece)
        return compared, {tuple(row[:5]): (row[5], row[6]) for row in differing}

    def _look_for_strays(self, piece: Span) -> None:
        strays = left = self._rows(_STRAYS, piece)
        if strays and self.repair:
            bring_strays_home(self.client, self._values(piece) | {"since": BEGINNING})
            left = self._rows(_STRAYS, piece)
        self.report.left += len(left)
        self.report.strays.add(
            Stray(source, post_id, _time(stored), _time(expected))
            for source, post_id, stored, expected in strays
        )

    def _rows(self, sql: str, span: Span, **values: Any) -> Any:
        parameters = self._values(span) | values
        return self.client.query(sql, parameters=parameters).result_rows

    def _values(self, span: Span) -> dict[str, Any]:
        """Taken anew for each statement, before it reads: an older time only makes more pending."""
        if self.stop.is_set():
            raise Stopped("stopped before the sweep was complete")
        now, settled = look_back(self.client, self.margin)
        return {
            "start": span.start,
            "until": span.until,
            "settled": settled,
            "computed_at": now,
            "limit": time_limit(self.limit),
        }


def _spread(key: _Key, stored: list[int], expected: list[int]) -> Iterable[Difference]:
    start, brand, topic, source, lang = key
    window = (_time(start), brand, topic, source, lang)
    for index, column in enumerate(COLUMNS):
        was = stored[index] if stored else None
        if (was or 0) != expected[index]:
            yield Difference(*window, column, was, expected[index])


def _time(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
