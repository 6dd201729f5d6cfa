"""What the board reads. Values go in as bound parameters only.

Brand figures come from `window_scores`, never from raw posts. The stream follows `posts` by
`ingested_at`, the server's own clock; a row becomes visible only when its insert ends, so each poll
looks back over an overlap and the reader drops what it has seen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from stream.board.present import (
    CLOSED_STATES,
    Record,
    alert,
    figures,
    iso,
    post_key,
    post_row,
    telling_keys,
)
from stream.board.shapes import Alert, Brand, Delivery, Figures, PostRow, Slot, TopicCount
from stream.database import Client

SLOT = timedelta(minutes=30)
DAY = timedelta(hours=24)
HOUR = timedelta(hours=1)
MAX_CHANGES = 2000  # rows of one poll; in a backfill the newest ones
MAX_ALERTS = 40
_TOPICS_SHOWN = 3
_RATE_SECONDS = 10
_FINAL = "do_not_merge_across_partitions_select_final = 1"

POST_COLUMNS = """source, post_id, kind, text, lang, author_id, author_name, followers, likes,
    shares, replies, rating, url, created_at, updated_at, ingested_at,
    `mentions.brand` AS brand, `mentions.topics` AS topics, `mentions.negative` AS negative,
    `mentions.neutral` AS neutral, `mentions.positive` AS positive, `mentions.score` AS score,
    `mentions.spans` AS spans"""

# Three times as many rows are looked at as are shown: edits and deletions are rows too.
_RECENT = f"""
SELECT {POST_COLUMNS} FROM posts FINAL
WHERE (toStartOfMinute(created_at), source, post_id) IN (
    SELECT toStartOfMinute(created_at), source, post_id FROM posts
    WHERE notEmpty(`mentions.brand`) AND is_deleted = 0
    ORDER BY ingested_at DESC, created_at DESC LIMIT 3 * {{limit:UInt32}})
    AND notEmpty(`mentions.brand`)
ORDER BY ingested_at DESC, created_at DESC, source DESC, post_id DESC LIMIT {{limit:UInt32}}
SETTINGS {_FINAL}, max_execution_time = 20"""

_CHANGED = f"""
SELECT source, post_id, toStartOfMinute(created_at) AS minute, version, ingested_at, is_deleted
FROM posts
WHERE ingested_at >= {{since:DateTime64(3, 'UTC')}} AND is_moved = 0
ORDER BY ingested_at DESC, created_at DESC LIMIT {MAX_CHANGES}
SETTINGS max_execution_time = 10"""

_BY_KEY = f"""
SELECT {POST_COLUMNS} FROM posts FINAL
WHERE toStartOfMinute(created_at) IN {{minutes:Array(DateTime('UTC'))}}
    AND (source, post_id) IN {{keys:Array(Tuple(String, String))}} AND notEmpty(`mentions.brand`)
ORDER BY ingested_at, created_at, source, post_id
SETTINGS {_FINAL}, max_execution_time = 10"""

_SLOTS = f"""
SELECT brand, toStartOfInterval(window_start, INTERVAL 30 MINUTE) AS slot, sum(negative),
    sum(neutral), sum(positive), sum(score_sum)
FROM window_scores FINAL
WHERE topic = '' AND window_start >= {{day:DateTime('UTC')}}
GROUP BY brand, slot
SETTINGS {_FINAL}, max_execution_time = 10"""

_HOURS = f"""
SELECT brand, window_start >= {{hour:DateTime('UTC')}} AS recent, sum(negative), sum(neutral),
    sum(positive), sum(score_sum)
FROM window_scores FINAL
WHERE topic = '' AND window_start >= {{day:DateTime('UTC')}}
GROUP BY brand, recent
SETTINGS {_FINAL}, max_execution_time = 10"""

_TOPICS = f"""
SELECT brand, topic, sum(mentions) AS n, sum(negative) AS bad
FROM window_scores FINAL
WHERE topic != '' AND window_start >= {{hour:DateTime('UTC')}}
GROUP BY brand, topic HAVING bad > 0
ORDER BY bad DESC, topic LIMIT {_TOPICS_SHOWN} BY brand
SETTINGS {_FINAL}, max_execution_time = 10"""

# A resolving transition carries the calm figures that ended it; what fired is told by the last
# one before it.
_ALERTS = f"""
SELECT alert_id, any(kind) AS kind, any(rule) AS rule, any(brand) AS brand, any(topic) AS topic,
    argMax(state, at) AS state, argMax(severity, at) AS severity, min(opened_at) AS opened_at,
    max(changed_at) AS changed_at, argMax(receivers, at) AS receivers,
    argMaxIf(observed, at, fires) AS observed, argMaxIf(expected, at, fires) AS expected,
    argMaxIf(evidence, at, fires) AS evidence
FROM (
    SELECT *, (step, changed_at) AS at, state NOT IN {{closed:Array(String)}} AS fires
    FROM alerts FINAL)
GROUP BY alert_id
ORDER BY state IN {{closed:Array(String)}}, opened_at DESC, alert_id LIMIT {MAX_ALERTS}
SETTINGS max_execution_time = 10"""

_DELIVERIES = """
SELECT alert_id, receiver, outcome, status_code, attempt, attempted_at
FROM deliveries
WHERE alert_id IN {ids:Array(String)}
ORDER BY receiver, step DESC, attempted_at DESC, attempt DESC LIMIT 1 BY alert_id, receiver
SETTINGS max_execution_time = 10"""

_PROGRESS = """
SELECT count(), max(partitions), min(read_to) FROM (
    SELECT kafka_partition, partitions, read_to FROM progress FINAL
    WHERE topic = {topic:String}
    ORDER BY partitions DESC)
WHERE kafka_partition < partitions
SETTINGS max_execution_time = 10"""

_STORED = f"""
SELECT (SELECT count() FROM posts),
    (SELECT count() FROM posts WHERE ingested_at > now64(3) - {_RATE_SECONDS} AND is_moved = 0)
SETTINGS max_execution_time = 10"""


@dataclass(frozen=True, slots=True)
class Change:
    """A row that reached `posts`: which post, which version of it, and when."""

    source: str
    post_id: str
    minute: datetime
    version: int
    ingested_at: datetime
    is_deleted: bool

    @property
    def key(self) -> str:
        return post_key(self.source, self.post_id)


@dataclass(frozen=True, slots=True)
class Stored:
    """How much there is, how fast it comes, and up to when the topic has been read."""

    posts: int
    posts_per_second: float
    data_to: datetime | None


def server_now(client: Client) -> datetime:
    """The server's clock, by which `ingested_at` goes."""
    now: datetime = client.query("SELECT now64(3, 'UTC')").result_rows[0][0]
    return now


def recent_posts(client: Client, limit: int) -> list[PostRow]:
    """The posts stored last that name a brand, oldest first."""
    return [post_row(r) for r in reversed(_records(client, _RECENT, {"limit": limit}))]


def changes(client: Client, since: datetime) -> list[Change]:
    """Rows stored since, tombstones included, newest first, at most MAX_CHANGES."""
    rows = client.query(_CHANGED, parameters={"since": since}).result_rows
    return [Change(s, p, minute, v, at, bool(d)) for s, p, minute, v, at, d in rows]


def posts_by_key(client: Client, keys: Iterable[tuple[str, str, datetime]]) -> list[PostRow]:
    """Those of the posts that exist and name a brand, oldest first.

    A key is (source, post_id, a time within the minute of `created_at`).
    """
    wanted = list(keys)
    if not wanted:
        return []
    values = {
        "minutes": sorted({_minute(at) for _, _, at in wanted}),
        "keys": sorted({(source, post_id) for source, post_id, _ in wanted}),
    }
    return [post_row(r) for r in _records(client, _BY_KEY, values)]


def posts_in_order(client: Client, keys: Sequence[tuple[str, str, datetime]]) -> list[PostRow]:
    """The same in the order of the keys."""
    there = {row["key"]: row for row in posts_by_key(client, keys)}
    named = (post_key(source, post_id) for source, post_id, _ in keys)
    return [there[key] for key in named if key in there]


def brands(
    client: Client, now: datetime, names: Sequence[str] = (), day: timedelta = DAY
) -> list[Brand]:
    """Each brand's mood at service time `now`; `names` are listed even if nobody mentioned them.

    `day` is how far back it is told, a whole number of slots.
    """
    hour_ago = _minute(now) - HOUR + timedelta(minutes=1)
    day_ago = hour_ago - day + HOUR
    first = datetime.fromtimestamp(now.timestamp() // SLOT.seconds * SLOT.seconds, UTC) - day + SLOT
    hours: dict[tuple[str, bool], Figures] = {}
    for brand, recent, *sums in _rows(client, _HOURS, {"hour": hour_ago, "day": day_ago}):
        hours[brand, bool(recent)] = figures(*sums)
    slots: dict[tuple[str, datetime], Figures] = {}
    for brand, slot, *sums in _rows(client, _SLOTS, {"day": first}):
        slots[brand, slot.astimezone(UTC)] = figures(*sums)
    topics: dict[str, list[TopicCount]] = defaultdict(list)
    for brand, topic, mentions, negative in _rows(client, _TOPICS, {"hour": hour_ago}):
        topics[brand].append({"topic": topic, "mentions": mentions, "negative": negative})
    nothing = figures(0, 0, 0, 0)
    times = [first + i * SLOT for i in range(day // SLOT)]
    known = dict.fromkeys([*names, *sorted({brand for brand, _ in hours})])
    return [
        {
            "name": name,
            "hour": hours.get((name, True), nothing),
            "before": hours.get((name, False), nothing),
            "day": [_slot(time, slots.get((name, time), nothing)) for time in times],
            "topics": topics[name],
            "incident": None,
        }
        for name in known
    ]


def alerts(client: Client) -> list[Alert]:
    """Incidents as of their newest transitions: the open ones first, then the latest opened.

    Telling posts are read anew, so that a deleted one vanishes here too.
    """
    records = _records(client, _ALERTS, {"closed": sorted(CLOSED_STATES)})
    if not records:
        return []
    deliveries: dict[str, list[Delivery]] = defaultdict(list)
    ids = [record["alert_id"] for record in records]
    for alert_id, receiver, outcome, code, attempt, at in _rows(client, _DELIVERIES, {"ids": ids}):
        deliveries[alert_id].append(
            {
                "receiver": receiver,
                "outcome": outcome,
                "status_code": code,
                "attempts": attempt,
                "at": iso(at),
            }
        )
    keys = [key for record in records for key in telling_keys(record["evidence"])]
    telling = {row["key"]: row for row in posts_by_key(client, keys)}
    return [alert(record, deliveries[record["alert_id"]], telling) for record in records]


def stored(client: Client, topic: str) -> Stored:
    """Figures of the status line."""
    posts, lately = _rows(client, _STORED, {})[0]
    return Stored(posts, lately / _RATE_SECONDS, read_to(client, topic))


def read_to(client: Client, topic: str) -> datetime | None:
    """Up to when the topic was read; None until every partition has told its progress."""
    known, partitions, slowest = _rows(client, _PROGRESS, {"topic": topic})[0]
    return slowest if partitions > 0 and known >= partitions else None


def _slot(time: datetime, counted: Figures) -> Slot:
    return {**counted, "at": iso(time)}


def _minute(time: datetime) -> datetime:
    return time.astimezone(UTC).replace(second=0, microsecond=0)


def _rows(client: Client, sql: str, values: dict[str, Any]) -> Sequence[Sequence[Any]]:
    return client.query(sql, parameters=values).result_rows


def _records(client: Client, sql: str, values: dict[str, Any]) -> list[Record]:
    return list(client.query(sql, parameters=values).named_results())
