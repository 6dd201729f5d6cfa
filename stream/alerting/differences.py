"""Which posts count otherwise than they did when an alert was judged, and why. Pure.

late         it came after the verdict
edited       its words changed since, or what it is about
re-scored    the same words, judged by another model or catalogue
moved        another message of it is older: it counts at another time
deleted      it was withdrawn, by its author or by an erasure whose trace is kept
erased       nothing is left of it
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from stream.alerting.counted_posts import (
    CountedPost,
    Fate,
    Fingerprints,
    content_of,
    delivered_at,
)

Cause = Literal["late", "edited", "re-scored", "moved", "deleted", "erased"]
CAUSES: tuple[Cause, ...] = get_args(Cause)


@dataclass(frozen=True, slots=True)
class Difference:
    """A post that counts otherwise than it did. None: it did not count, or does no more.

    Of an erased post only the fingerprint is known: `source` and `post_id` are ''.
    """

    cause: Cause
    source: str
    post_id: str
    negative_then: bool | None
    negative_now: bool | None

    @property
    def negative(self) -> int:
        """How many negative mentions more."""
        return int(self.negative_now or False) - int(self.negative_then or False)

    @property
    def mentions(self) -> int:
        return (self.negative_now is not None) - (self.negative_then is not None)


def compare(
    then: Fingerprints,
    now: Sequence[CountedPost],
    fates: Mapping[int, Fate],
    seen: Mapping[tuple[str, str], datetime],
    recorded_at: datetime,
) -> Iterator[Difference]:
    """Each post that counts otherwise. `fates` are of those that count no more, `seen` tells when
    new ones came first. Where `then` is a sample, only what belongs to it is compared."""
    before = then.by_key()
    reach = then.reach
    for post in now:
        if reach is not None and post.key > reach:
            continue
        if post.key not in before:
            cause = _came(post, seen.get((post.source, post.post_id)), recorded_at)
            yield Difference(cause, post.source, post.post_id, None, post.negative)
            continue
        version, negative = before[post.key]
        if (post.version, post.negative) != (version, negative):
            same = content_of(post.version) == content_of(version)
            cause = "re-scored" if same else "edited"
            yield Difference(cause, post.source, post.post_id, negative, post.negative)
    for key in sorted(before.keys() - {post.key for post in now}):
        version, negative = before[key]
        fate = fates.get(key)
        source, post_id = (fate.source, fate.post_id) if fate else ("", "")
        yield Difference(_went(version, fate), source, post_id, negative, None)


def _came(post: CountedPost, seen: datetime | None, recorded_at: datetime) -> Cause:
    if seen is None or seen > recorded_at:
        return "late"
    delivered = datetime.fromtimestamp(delivered_at(post.version) / 1000, UTC)
    return "edited" if delivered > recorded_at else "re-scored"


def _went(version: int, fate: Fate | None) -> Cause:
    if fate is None:
        return "erased"
    if fate.deleted:
        return "moved" if fate.moved else "deleted"
    return "re-scored" if content_of(fate.version) == content_of(version) else "edited"


def sums(found: Iterable[Difference]) -> dict[Cause, dict[str, int]]:
    """Posts, and negative mentions and mentions more, by cause: those that there are, in the order
    of `CAUSES`."""
    by_cause: dict[Cause, list[Difference]] = {cause: [] for cause in CAUSES}
    for one in found:
        by_cause[one.cause].append(one)
    return {
        cause: {
            "posts": len(several),
            "negative": sum(one.negative for one in several),
            "mentions": sum(one.mentions for one in several),
        }
        for cause, several in by_cause.items()
        if several
    }
