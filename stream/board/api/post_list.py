"""`posts`: what was said, the newest first, page by page.

A page goes on below the place where the one before ended, so a post is told once, however many
arrive meanwhile: the time of a post never changes. Posts are looked for in slices of time, each
longer than the one after it, so that a busy hour is not read whole for fifty rows, and a seldom
word is still found; whoever looks for one over a long time gets short pages rather than none.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import Field

from stream.board.api.answers import PostsAnswer
from stream.board.api.asks import Range
from stream.board.api.cursors import Place, cursor_of, place_of
from stream.board.api.endpoints import Asked, Endpoint
from stream.board.present import post_row
from stream.board.queries import POST_COLUMNS

FIRST_SLICE = timedelta(hours=1)
LONGEST_SLICE = timedelta(days=14)
SECONDS = 5.0
"""After these a page ends where it is: what was found so far, and where to go on."""

_GROWS = 6

# Of one and the same mention: the brand, the topic and the mood that are asked for.
_FOUND = f"""
WITH fromUnixTimestamp64Milli({{since:Int64}}, 'UTC') AS since,
    fromUnixTimestamp64Milli({{until:Int64}}, 'UTC') AS until
SELECT {POST_COLUMNS} FROM posts FINAL
WHERE toStartOfMinute(created_at) >= toStartOfMinute(since) AND created_at >= since
    AND toStartOfMinute(created_at) <= toStartOfMinute(until)
    AND (created_at, source, post_id) < (until, {{below_source:String}}, {{below:String}})
    AND ({{source:String}} = '' OR source = {{source:String}})
    AND ({{lang:String}} = '' OR lang = {{lang:String}})
    AND arrayExists((brand, topics, negative, neutral, positive) ->
        ({{brand:String}} = '' OR brand = {{brand:String}})
        AND ({{topic:String}} = '' OR has(topics, {{topic:String}}))
        AND ({{label:String}} = '' OR {{label:String}} = multiIf(
            negative >= neutral AND negative >= positive, 'negative',
            neutral >= positive, 'neutral', 'positive')),
        `mentions.brand`, `mentions.topics`, `mentions.negative`, `mentions.neutral`,
        `mentions.positive`)
    AND ({{q:String}} = '' OR positionCaseInsensitiveUTF8(text, {{q:String}}) > 0)
ORDER BY created_at DESC, source DESC, post_id DESC LIMIT {{limit:UInt32}}
SETTINGS max_execution_time = 10, do_not_merge_across_partitions_select_final = 1"""


class PostsAsks(Range):
    brand: str = Field("", max_length=100)
    topic: str = Field("", max_length=100)
    label: Literal["", "negative", "neutral", "positive"] = ""
    source: str = Field("", max_length=64)
    lang: str = Field("", max_length=64)
    q: str = Field("", max_length=200, description="text that the post contains, in any case")
    limit: int = Field(50, ge=1, le=500)
    cursor: str = Field("", max_length=2_000, description="`next` of the page before")


def posts(asked: Asked, asks: PostsAsks) -> PostsAnswer:
    since, until = asks.span(asked.now)
    place: Place = (until, "", "")
    if asks.cursor:
        since, place = place_of(asks.cursor)
    values = asks.model_dump(include={"brand", "topic", "label", "source", "lang", "q"})
    found: list[Any] = []
    rest: Place | None = None
    ends = time.monotonic() + SECONDS
    for start, end in slices(since, place):
        values |= {
            "since": _milliseconds(start),
            "until": _milliseconds(end[0]),
            "below_source": end[1],
            "below": end[2],
            "limit": asks.limit + 1 - len(found),
        }
        found += asked.client.query(_FOUND, parameters=values).named_results()
        if len(found) > asks.limit:
            last = found[asks.limit - 1]
            rest = last["created_at"], last["source"], last["post_id"]
            break
        if start > since and time.monotonic() > ends:
            rest = start, "", ""
            break
    return {
        "rows": [post_row(record) for record in found[: asks.limit]],
        "next": cursor_of(since, rest) if rest else None,
    }


def slices(since: datetime, place: Place) -> Iterator[tuple[datetime, Place]]:
    """From a place back to `since` in slices that grow: the start of each, and its upper end."""
    length, end = FIRST_SLICE, place
    while end[0] > since or end[1]:
        start = max(since, end[0] - length)
        yield start, end
        if start <= since:
            return
        end, length = (start, "", ""), min(length * _GROWS, LONGEST_SLICE)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp()) * 1000 + at.microsecond // 1000


POSTS = Endpoint(
    "GET",
    "posts",
    "Posts that name a brand, the newest first",
    PostsAsks,
    PostsAnswer,
    posts,
    of_range=True,
)
