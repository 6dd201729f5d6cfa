"""The tables against the oracle's truth: PASS, FAIL with differences, or UNVERIFIED.

A database that does not answer proves nothing: such a check is neither passed nor failed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError
from urllib3.exceptions import HTTPError

from tests.chaos.oracle import Expectation

SHOWN = 20  # differences in full; further ones are counted

_MS = "toUnixTimestamp64Milli"
_POST = {
    "created_at": f"{_MS}(created_at)",
    "updated_at": f"if(isNull(updated_at), NULL, {_MS}(assumeNotNull(updated_at)))",
    "kind": "kind",
    "text": "text",
    "lang": "lang",
    "author_id": "author_id",
    "followers": "followers",
    "kafka_partition": "kafka_partition",
    "kafka_offset": "kafka_offset",
    "kafka_time": f"{_MS}(kafka_time)",
    "generation": "generation",
    "version": "version",
    "brand": "`mentions.brand`",
    "topics": "`mentions.topics`",
    "negative": "`mentions.negative`",
    "neutral": "`mentions.neutral`",
    "positive": "`mentions.positive`",
    "score": "`mentions.score`",
}
_SUMS = ("mentions", "negative", "neutral", "positive", "score_sum", "reach")
_DISTINCT = ("authors", "texts", "negative_authors")
_CLAIMS = (
    f"SELECT source, post_id, {_MS}(tupleElement(min(first), 2)) FROM post_keys "
    "GROUP BY source, post_id"
)
_POSTS = (
    f"SELECT source, post_id, {', '.join(_POST.values())} FROM posts FINAL "
    "WHERE created_at >= fromUnixTimestamp64Milli({oldest:Int64}, 'UTC')"
)
_SINCE = "WHERE toInt64(toUnixTimestamp(window_start)) * 1000 >= {oldest:Int64}"
_WINDOWS = (
    "SELECT toInt64(toUnixTimestamp(window_start)) * 1000, brand, topic, source, lang, "
    f"{', '.join(_SUMS)}, {', '.join(f'finalizeAggregation({name})' for name in _DISTINCT)} "
    f"FROM window_scores FINAL {_SINCE}"
)
_TOTALS = (
    f"SELECT brand, topic, {', '.join(f'uniqExactMerge({name})' for name in _DISTINCT)} "
    f"FROM window_scores FINAL {_SINCE} GROUP BY brand, topic"
)


@dataclass(frozen=True)
class Verdict:
    """Outcome of one check; `differences` name the row and both values."""

    status: Literal["PASS", "FAIL", "UNVERIFIED"]
    differences: tuple[str, ...] = ()

    def __str__(self) -> str:
        more = len(self.differences) - SHOWN
        lines = [self.status, *self.differences[:SHOWN], *([f"… {more} more"] * (more > 0))]
        return "\n  ".join(lines)


def verdict(differences: Iterable[str]) -> Verdict:
    """FAIL where there is a difference."""
    found = tuple(differences)
    return Verdict("FAIL" if found else "PASS", found)


def compare(client: Client, expected: Expectation) -> Verdict:
    """Read `post_keys`, `posts FINAL` and `window_scores FINAL` and hold them to the truth."""
    oldest = {"oldest": expected.oldest}
    try:
        claims = client.query(_CLAIMS).result_rows
        posts = client.query(_POSTS, parameters=oldest).result_rows
        windows = client.query(_WINDOWS, parameters=oldest).result_rows
        totals = client.query(_TOTALS, parameters=oldest).result_rows
    except (ClickHouseError, HTTPError, OSError) as error:
        return Verdict("UNVERIFIED", (f"the database does not answer: {error}"[:300],))
    truth = expected.under({(source, post_id): first for source, post_id, first in claims})
    counts = (*_SUMS, *_DISTINCT)
    return verdict(
        [
            *truth.complaints,
            *_differences("posts", _rows(posts, 2, tuple(_POST)), truth.posts),
            *_differences("window_scores", _counted(windows, 5, counts), truth.windows),
            *_differences(
                "distinct over all windows", _counted(totals, 2, _DISTINCT), truth.totals
            ),
        ]
    )


Found = list[tuple[Any, dict[str, Any]]]


def _rows(rows: Iterable[Any], keys: int, names: tuple[str, ...]) -> Found:
    return [(tuple(row[:keys]), dict(zip(names, row[keys:], strict=True))) for row in rows]


def _counted(rows: Iterable[Any], keys: int, names: tuple[str, ...]) -> Found:
    """Zeros left out: a window that vanished may stay as a row of zeros, and only so."""
    found = [
        (key, {name: n for name, n in row.items() if n}) for key, row in _rows(rows, keys, names)
    ]
    return [(key, row) for key, row in found if row]


def _differences(table: str, found: Found, wanted: dict[Any, dict[str, Any]]) -> Iterable[str]:
    seen = set()
    for key, row in found:
        if key in seen:
            yield f"{table}: {key} is there twice"
        elif key not in wanted:
            yield f"{table}: {key} should not be there: {row}"
        else:
            right = wanted[key]
            wrong = {
                name: f"{row.get(name)!r}, not {right.get(name)!r}"
                for name in row.keys() | right.keys()
                if row.get(name, 0) != right.get(name, 0)
            }
            if wrong:
                yield f"{table}: {key} has {wrong}"
        seen.add(key)
    for key in wanted.keys() - seen:
        yield f"{table}: {key} is missing"
