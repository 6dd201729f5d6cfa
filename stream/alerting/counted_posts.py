"""Which posts were counted: their fingerprints then, and what has become of them since.

A fingerprint says nothing of the post: a hash of its key, the version of its row (DESIGN §3), and
whether it was negative. Of more than `MOST` posts those with the lowest hashes are kept: a sample
by chance that can be drawn again, so that what came and what went can be told from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from stream.alerting.minutes import LISTENED, listened_to
from stream.database import Client, errors_sorted
from stream.rules import Rule
from stream.windows import SETTINGS

MOST = 2_000
_LAST_KEY = 2**64 - 1
_GENERATION_BITS, _OFFSET_BITS, _CLOCK_BITS = 16, 24, 44

_KEY = "cityHash64(toString(source), post_id)"
_WINDOW = """toStartOfMinute(created_at) >= {since:DateTime('UTC')}
    AND toStartOfMinute(created_at) < {until:DateTime('UTC')}"""

# A mention of the brand, on the topic if one is asked for; a tie is negative (DESIGN §7).
_COUNTED = f"""
SELECT {_KEY} AS key, toString(version), m.3 >= m.4 AND m.3 >= m.5, toString(source), post_id,
    count() OVER ()
FROM posts FINAL
ARRAY JOIN arrayZip(`mentions.brand`, `mentions.topics`, `mentions.negative`, `mentions.neutral`,
    `mentions.positive`) AS m
WHERE {_WINDOW} AND m.1 = {{brand:String}} AND ({{topic:String}} = '' OR has(m.2, {{topic:String}}))
    AND {LISTENED} AND {_KEY} <= {{reach:UInt64}}
ORDER BY key LIMIT {{most:UInt32}}
{SETTINGS}"""

_FATES = f"""
SELECT {_KEY} AS key, any(toString(source)), any(post_id), toString(max(version)),
    argMax((is_deleted, is_moved), version)
FROM posts WHERE {_WINDOW} AND {_KEY} IN {{keys:Array(UInt64)}}
GROUP BY key SETTINGS max_execution_time = {{limit:UInt32}}"""

_FIRST_SEEN = """
SELECT source, post_id, tupleElement(min(first), 1) FROM post_keys
WHERE (source, post_id) IN {keys:Array(Tuple(String, String))}
GROUP BY source, post_id
SETTINGS max_execution_time = {limit:UInt32}"""


@dataclass(frozen=True, slots=True)
class CountedPost:
    """One mention in the window, as it is stored now."""

    key: int
    version: int
    negative: bool
    source: str
    post_id: str


@dataclass(frozen=True, slots=True)
class Fate:
    """The newest row of a post, whether it still counts or not."""

    source: str
    post_id: str
    version: int
    deleted: bool
    moved: bool


class Fingerprints(BaseModel):
    """Of the posts counted in a window, by rising key: three columns of one length.

    `keys` and `versions` are hexadecimal, `negative` a digit a post; `total` counts those left out
    as well.
    """

    model_config = ConfigDict(frozen=True)

    keys: tuple[str, ...]
    versions: tuple[str, ...]
    negative: str
    total: int

    @classmethod
    def of(cls, posts: Sequence[CountedPost], total: int) -> Fingerprints:
        return cls(
            keys=tuple(f"{post.key:016x}" for post in posts),
            versions=tuple(f"{post.version:x}" for post in posts),
            negative="".join("01"[post.negative] for post in posts),
            total=total,
        )

    def by_key(self) -> dict[int, tuple[int, bool]]:
        """Version and whether negative."""
        return {
            int(key, 16): (int(version, 16), negative == "1")
            for key, version, negative in zip(self.keys, self.versions, self.negative, strict=True)
        }

    @property
    def reach(self) -> int | None:
        """The highest key that the sample tells of; None where it holds every post."""
        return int(self.keys[-1], 16) if len(self.keys) < self.total else None


def content_of(version: int) -> int:
    """The version without the generation: what was said, not what was made of it."""
    return version >> _GENERATION_BITS


def delivered_at(version: int) -> int:
    """Kafka's time of the message, in milliseconds since 1970."""
    return (version >> (_GENERATION_BITS + _OFFSET_BITS)) & ((1 << _CLOCK_BITS) - 1)


def read_counted(
    client: Client,
    rule: Rule,
    series: tuple[str, str],
    since: datetime,
    until: datetime,
    limit: int,
    most: int,
    reach: int | None = None,
) -> tuple[list[CountedPost], int]:
    """The posts counted in [since, until) with keys up to `reach`: at most so many, by rising key,
    and how many there are. Raises RetryLater."""
    values: dict[str, Any] = {
        "brand": series[0], "topic": series[1], "since": since, "until": until,
        "most": most, "reach": _LAST_KEY if reach is None else reach, "limit": limit,
        **listened_to(rule),
    }  # fmt: skip
    with errors_sorted():
        rows = client.query(_COUNTED, parameters=values).result_rows
    posts = [
        CountedPost(int(key), int(version), bool(negative), source, post_id)
        for key, version, negative, source, post_id, _ in rows
    ]
    return posts, int(rows[0][-1]) if rows else 0


def fingerprints(
    client: Client,
    rule: Rule,
    series: tuple[str, str],
    since: datetime,
    until: datetime,
    limit: int,
) -> Fingerprints:
    """Of the posts counted in [since, until), at most `MOST`. Raises RetryLater."""
    return Fingerprints.of(*read_counted(client, rule, series, since, until, limit, MOST))


def read_fates(
    client: Client, keys: Iterable[int], since: datetime, until: datetime, limit: int
) -> dict[int, Fate]:
    """What became of posts of [since, until); of what was removed for good there is nothing."""
    values = {"keys": sorted(keys), "since": since, "until": until, "limit": limit}
    if not values["keys"]:
        return {}
    with errors_sorted():
        rows = client.query(_FATES, parameters=values).result_rows
    return {
        int(key): Fate(source, post_id, int(version), bool(deleted), bool(moved))
        for key, source, post_id, version, (deleted, moved) in rows
    }


def first_seen(
    client: Client, posts: Sequence[CountedPost], limit: int
) -> dict[tuple[str, str], datetime]:
    """When the server first acknowledged each post."""
    if not posts:
        return {}
    values = {"keys": [(post.source, post.post_id) for post in posts], "limit": limit}
    with errors_sorted():
        rows = client.query(_FIRST_SEEN, parameters=values).result_rows
    return {(source, post_id): first for source, post_id, first in rows}
