"""Step 4 of a post's way: the one row that stands for it in table `posts`.

Pure. The version decides which row wins, whatever the order of arrival (DESIGN §3, "The version
of a row"): the post's own clock first, then Kafka's, then the offset, then the generation.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stream.decode import Decoded, Record
from stream.language import detect, primary
from stream.post import Post
from stream.score import ScoredMention

TOMBSTONE_VERSION = 2**128 - 1

COLUMNS = (
    "source",
    "post_id",
    "created_at",
    "updated_at",
    "kind",
    "text",
    "lang",
    "author_id",
    "author_name",
    "followers",
    "likes",
    "shares",
    "replies",
    "rating",
    "url",
    "text_hash",
    "mentions.brand",
    "mentions.topics",
    "mentions.negative",
    "mentions.neutral",
    "mentions.positive",
    "mentions.score",
    "mentions.spans",
    "mentions.estimated",
    "generation",
    "kafka_partition",
    "kafka_offset",
    "kafka_time",
    "version",
    "is_deleted",
)

Key = tuple[str, str]
Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Analysed:
    """A decoded record on its way to a row. `created_at` is the first one seen for the post."""

    decoded: Decoded
    created_at: datetime
    mentions: Sequence[ScoredMention] = ()


def key(decoded: Decoded) -> Key:
    """What makes a post one: its source and its id there."""
    return decoded.post.source, decoded.post.post_id


def milliseconds(time: datetime) -> int:
    """Whole milliseconds since 1970, the precision of every stored time."""
    return int(time.timestamp()) * 1000 + time.microsecond // 1000


def version(decoded: Decoded, generation: int) -> int:
    """44 bits of the post's clock | 44 of Kafka's | 24 of the offset | 16 of the generation.

    Milliseconds both. A tombstone beats everything, for ever.
    """
    if not isinstance(decoded.post, Post):
        return TOMBSTONE_VERSION
    own = milliseconds(decoded.post.updated_at or decoded.post.created_at)
    record = decoded.record
    return (
        own << 84 | milliseconds(record.time) << 40 | (record.offset & 0xFFFFFF) << 16 | generation
    )


def first_created_at(decoded: Decoded) -> datetime:
    """The date a post gets when this is its first message; a tombstone takes its record's."""
    post = decoded.post
    time = post.created_at if isinstance(post, Post) else decoded.record.time
    return time.replace(microsecond=time.microsecond // 1000 * 1000)


def text_hash(text: str) -> int:
    """64 bits that are equal for copies: width, case, spacing and composition aside."""
    plain = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return int.from_bytes(hashlib.blake2b(plain.encode(), digest_size=8).digest(), "big")


def to_row(analysed: Analysed, generation: int) -> Row:
    """The values of `COLUMNS` for one post or tombstone."""
    decoded, created_at = analysed.decoded, analysed.created_at
    post, record = decoded.post, decoded.record
    if not isinstance(post, Post):
        nothing: tuple[Any, ...] = (None, "post", "", "", "", "", 0, 0, 0, 0, None, "", 0)
        head = (post.source, post.post_id, created_at, *nothing)
        return (*head, *([[]] * 8), *_tail(record, generation, TOMBSTONE_VERSION, deleted=1))
    author, engagement = post.author, post.engagement
    mentions = analysed.mentions
    return (
        post.source,
        post.post_id,
        created_at,
        post.updated_at,
        post.kind,
        post.text,
        primary(post.lang) if post.lang else detect(post.text),
        author.id if author else "",
        (author.name or "") if author else "",
        (author.followers or 0) if author else 0,
        (engagement.likes or 0) if engagement else 0,
        (engagement.shares or 0) if engagement else 0,
        (engagement.replies or 0) if engagement else 0,
        post.rating,
        post.url or "",
        text_hash(post.text),
        [scored.mention.brand for scored in mentions],
        [list(scored.mention.topics) for scored in mentions],
        [scored.negative for scored in mentions],
        [scored.neutral for scored in mentions],
        [scored.positive for scored in mentions],
        [scored.score for scored in mentions],
        [[place for span in scored.mention.spans for place in span] for scored in mentions],
        [int(scored.estimated) for scored in mentions],
        *_tail(record, generation, version(decoded, generation), deleted=0),
    )


def _tail(record: Record, generation: int, version: int, deleted: int) -> Row:
    return generation, record.partition, record.offset, record.time, version, deleted
