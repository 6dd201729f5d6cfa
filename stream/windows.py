"""Window scores: recomputed, never incremented (DESIGN §3, "Why counts are exact").

A pass recomputes every minute that holds a row ingested since the last pass minus a margin. It
runs wholly on the server, so no client can be paused between reading and writing. Minutes whose
posts vanished get zero rows. `passes` is written only after every statement was acknowledged.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from stream.database import Client, errors_sorted, time_limit
from stream.rows import COLUMNS, TOMBSTONE_VERSION

BEGINNING = datetime(1971, 1, 1, tzinfo=UTC)
END = datetime(2106, 1, 1, tzinfo=UTC)  # what a DateTime can hold, nearly

# In the statements, so that it holds embedded and on a server; a minute lies in one partition.
SETTINGS = (
    "SETTINGS max_execution_time = {limit:UInt32}, do_not_merge_across_partitions_select_final = 1"
)

_DIRTY = """
    SELECT DISTINCT toStartOfMinute(created_at) AS minute
    FROM posts
    WHERE ingested_at >= {since:DateTime64(3, 'UTC')}
        AND created_at >= {oldest:DateTime64(3, 'UTC')}"""

# A post without author counts as its own, once per distinct text (DESIGN §4).
_AUTHOR = "if(author_id = '', concat('text:', toString(text_hash)), concat(source, ':', author_id))"


def recount(posts: str, windows: str) -> str:
    """SELECT the windows that these posts make, and a zero for each of these stored windows that
    has no post any more. Both are conditions, SQL of our own."""
    return f"""
SELECT window_start, brand, topic, source, lang, sum(n) AS mentions, sum(is_negative) AS negative,
    sum(is_neutral) AS neutral, sum(is_positive) AS positive, sum(score) AS score_sum,
    sum(followers_) AS reach, uniqExactMergeState(author_state) AS authors,
    uniqExactMergeState(text_state) AS texts,
    uniqExactMergeState(negative_author_state) AS negative_authors
FROM (
    SELECT toDateTime(toStartOfMinute(created_at), 'UTC') AS window_start,
        m.1 AS brand, arrayJoin(arrayConcat([''], arrayDistinct(m.2))) AS topic, source, lang,
        toInt64(1) AS n,
        toInt64(m.3 >= m.4 AND m.3 >= m.5) AS is_negative,
        toInt64(m.4 > m.3 AND m.4 >= m.5) AS is_neutral,
        toInt64(m.5 > m.3 AND m.5 > m.4) AS is_positive,
        toInt64(m.5) - toInt64(m.3) AS score,
        toInt64(followers) AS followers_,
        arrayReduce('uniqExactState', [{_AUTHOR}]) AS author_state,
        arrayReduce('uniqExactState', [text_hash]) AS text_state,
        arrayReduce('uniqExactState', if(m.3 >= m.4 AND m.3 >= m.5, [{_AUTHOR}],
            emptyArrayString())) AS negative_author_state
    FROM posts FINAL
    ARRAY JOIN arrayZip(`mentions.brand`, `mentions.topics`, `mentions.negative`,
        `mentions.neutral`, `mentions.positive`) AS m
    WHERE {posts}
    UNION ALL
    SELECT window_start, brand, topic, source, lang, 0, 0, 0, 0, 0, 0,
        arrayReduce('uniqExactState', emptyArrayString()),
        arrayReduce('uniqExactState', emptyArrayUInt64()),
        arrayReduce('uniqExactState', emptyArrayString())
    FROM window_scores
    WHERE {windows}
)
GROUP BY window_start, brand, topic, source, lang"""


def rewrite(recounted: str) -> str:
    """INSERT what a `recount` selects, as of {computed_at}, within {limit} seconds."""
    return f"""
INSERT INTO window_scores (window_start, brand, topic, source, lang, mentions, negative, neutral,
    positive, score_sum, reach, authors, texts, negative_authors, computed_at)
SELECT *, {{computed_at:DateTime64(6, 'UTC')}} FROM ({recounted})
{SETTINGS}, insert_deduplicate = 0"""


_PASS = rewrite(
    f"WITH dirty AS ({_DIRTY})"
    + recount(
        posts="toStartOfMinute(created_at) IN (SELECT minute FROM dirty)",
        windows="window_start IN (SELECT toDateTime(minute, 'UTC') FROM dirty)",
    )
)

_ASKED = """ingested_at >= {since:DateTime64(3, 'UTC')} AND is_moved = 0
            AND created_at >= {start:DateTime64(3, 'UTC')}
            AND created_at < {until:DateTime64(3, 'UTC')}"""

# Rows under a date that is not their key's: two consumers may meet a new post at the same time.
_STRAYS = f"""
    SELECT s.source AS source, s.post_id AS post_id, s.created_at AS stray_at,
        k.first_at AS first_at
    FROM (
        SELECT DISTINCT source, post_id, created_at FROM posts
        WHERE {_ASKED}
    ) AS s
    INNER JOIN (
        SELECT source, post_id, tupleElement(min(first), 2) AS first_at FROM post_keys
        WHERE (source, post_id) IN (
            SELECT source, post_id FROM posts
            WHERE {_ASKED})
        GROUP BY source, post_id
    ) AS k USING (source, post_id)
    WHERE s.created_at != k.first_at"""

_QUOTED = [f"`{name}`" for name in COLUMNS]


def _moved(**replaced: str) -> str:
    return ", ".join(replaced.get(name, f"p.`{name}`") for name in COLUMNS)


_COPY_HOME = f"""
INSERT INTO posts ({", ".join(_QUOTED)})
SELECT {_moved(created_at="t.first_at")}
FROM posts AS p
INNER JOIN ({_STRAYS}) AS t
    ON p.source = t.source AND p.post_id = t.post_id AND p.created_at = t.stray_at
WHERE p.is_moved = 0
ORDER BY p.version DESC
LIMIT 1 BY p.source, p.post_id
SETTINGS max_execution_time = {{limit:UInt32}}, insert_deduplicate = 0"""

# Within one minute both dates are one sorting key: the copy, written last, has replaced the stray,
# and a tombstone would bury the post itself.
_BURY = f"""
INSERT INTO posts ({", ".join(_QUOTED)}, is_moved)
SELECT {_moved(version=f"toUInt128('{TOMBSTONE_VERSION}')", is_deleted="1", text="''")}, 1
FROM posts AS p
INNER JOIN ({_STRAYS}) AS t
    ON p.source = t.source AND p.post_id = t.post_id AND p.created_at = t.stray_at
WHERE p.is_moved = 0 AND toStartOfMinute(t.stray_at) != toStartOfMinute(t.first_at)
LIMIT 1 BY p.source, p.post_id, p.created_at
SETTINGS max_execution_time = {{limit:UInt32}}, insert_deduplicate = 0"""


@dataclass(frozen=True, slots=True)
class Pass:
    """What one pass did. `started_at` is the server's clock."""

    started_at: datetime
    looked_back_to: datetime
    moved: int
    windows: int
    seconds: float


def run_pass(
    client: Client, *, now: datetime, margin: timedelta, retention: timedelta, limit: timedelta
) -> Pass:
    """Recompute what changed. `now` is the service's time: older windows are frozen.

    `limit` bounds each statement. Raises RetryLater; a pass cut short is done again by the next,
    which looks back to the last one that was recorded.
    """
    began = time.monotonic()
    with errors_sorted():
        started_at, since = look_back(client, margin)
        values: dict[str, Any] = {
            "since": since,
            "start": BEGINNING,
            "until": END,
            "oldest": max(now - retention, BEGINNING),
            "limit": time_limit(limit),
            "computed_at": started_at,
        }
        moved = bring_strays_home(client, values)
        windows = client.query(
            f"SELECT count() FROM ({_DIRTY})",
            parameters=values,
        ).result_rows[0][0]
        if windows:
            client.command(_PASS, parameters=values)
        seconds = time.monotonic() - began
        client.insert(
            "passes",
            [(started_at, since, moved, windows, seconds)],
            column_names=["started_at", "looked_back_to", "moved", "windows", "seconds"],
        )
    return Pass(started_at, since, moved, windows, seconds)


def look_back(client: Client, margin: timedelta) -> tuple[datetime, datetime]:
    """The server's time, and the time from which on a row may be in no pass yet."""
    now, last = client.query(
        "SELECT now64(6, 'UTC'), (SELECT max(started_at) FROM passes)"
    ).result_rows[0]
    return now, BEGINNING if last.year < BEGINNING.year else last - margin


def bring_strays_home(client: Client, values: dict[str, Any]) -> int:
    """Write the highest version of a stray under its key's date and bury it under the other.

    Looks at rows ingested `since` and dated `start` to `until`. First the copy, then the burial:
    a crash between the two repeats both and loses nothing.
    """
    count = client.query(f"SELECT count() FROM ({_STRAYS})", parameters=values)
    strays = int(count.result_rows[0][0])
    if strays:
        client.command(_COPY_HOME, parameters=values)
        client.command(_BURY, parameters=values)
    return strays
