"""The posts that the benchmarks are made of: each names exactly one brand, no text comes twice.

Real or written ones, in their order of arrival. Where more are wanted than there are, they come
again; a short mark behind the brand's name, within what the model sees, makes each text new to the
cache.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stream.catalogue import Catalogue
from stream.decode import Record, decode
from stream.errors import RejectMessage, UsageError
from stream.match import Matcher
from stream.post import Post

_LATER = datetime(2200, 1, 1, tzinfo=UTC)
_ENOUGH = 50  # texts; fewer would say little of anybody's posts


@dataclass(frozen=True, slots=True)
class Corpus:
    """Posts in the wire format, as JSON objects, and the catalogue that finds their brands."""

    posts: tuple[tuple[dict[str, Any], int], ...]
    """Each with the place in its text where the brand's name ends."""
    catalogue: Catalogue
    name: str
    """Where they are from, as it is told beside the figures."""

    def take(self, count: int, series: str) -> Iterator[dict[str, Any]]:
        """`count` posts whose texts and ids occur nowhere else in this or any other series."""
        for number, (post, end) in zip(range(count), itertools.cycle(self.posts), strict=False):
            mark, text = f"{series}{number:x}", post["text"]
            yield post | {"post_id": mark, "text": f"{text[:end]} {mark} {text[end:]}"}

    def texts(self, count: int, series: str) -> list[str]:
        return [post["text"] for post in self.take(count, series)]

    def messages(
        self, count: int, series: str, created_at: datetime
    ) -> Iterator[tuple[bytes, bytes]]:
        """Key and value of `count` Kafka messages, all created at that time."""
        for post in self.take(count, series):
            yield message(post, created_at)

    def of(self, *brands: str) -> Corpus:
        """Those of its posts that name one of these."""
        matcher = Matcher(self.catalogue)
        named = tuple(
            (post, end)
            for post, end in self.posts
            if matcher.match(post["text"])[0].brand in brands
        )
        return Corpus(named, self.catalogue, self.name)


def message(post: Mapping[str, Any], created_at: datetime) -> tuple[bytes, bytes]:
    """Key and value of the Kafka message that tells of a post."""
    value = {**post, "created_at": created_at.isoformat()}
    key = f"{post['source']}:{post['post_id']}"
    return key.encode(), json.dumps(value, ensure_ascii=False).encode()


def corpus(values: Iterable[bytes], catalogue: Catalogue, name: str) -> Corpus:
    """Those of `values`, messages of the wire format, that name exactly one brand.

    Of equal texts the first stays; edits lose their `updated_at`. Raises UsageError where hardly
    any are left.
    """
    matcher = Matcher(catalogue)
    found: dict[str, tuple[dict[str, Any], int]] = {}
    for value in values:
        post = _read(value)
        mentions = matcher.match(post.text) if post and post.text not in found else ()
        if post and len(mentions) == 1:
            kept = json.loads(value) | {"text": post.text}
            kept.pop("updated_at", None)
            found[post.text] = kept, mentions[0].target[1]
    if len(found) < _ENOUGH:
        raise UsageError(
            f"--posts {name}: {len(found)} different posts in it name exactly one brand; give a "
            f"file with {_ENOUGH} or more, and its brands with --brands"
        )
    return Corpus(tuple(found.values()), catalogue, name)


def _read(value: bytes) -> Post | None:
    try:
        # The times of a file are long past: any record time does.
        post = decode(Record("posts", 0, 0, _LATER, None, value)).post
    except RejectMessage:
        return None
    return post if isinstance(post, Post) else None
