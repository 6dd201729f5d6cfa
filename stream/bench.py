"""`undertone bench`: rates of the parts of a post's way on this machine, from the demo's posts.

A start that grows: each part is measured several times, the parts in turn, because machines are
noisy; quote medians and ratios, not single figures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from statistics import median

from models import Passage
from stream.catalogue import Catalogue
from stream.decode import Record, decode
from stream.language import detect
from stream.match import Matcher
from stream.post import Post
from stream.scenario import Message
from stream.score import Scorer

REPEATS = 5
SCORED = 300  # posts a repeat; each repeat takes others, so that the cache answers none


@dataclass(frozen=True, slots=True)
class Rate:
    """Posts a second of one part, over the repeats."""

    part: str
    minimum: float
    median: float
    maximum: float


def measure(
    messages: Sequence[Message],
    catalogue: Catalogue,
    scorer: Scorer,
    on_progress: Callable[[int], None] = lambda _: None,
) -> list[Rate]:
    """Measure decode, match, language and score, in turn, `REPEATS` times."""
    records = [
        Record("posts", 0, number, message.at, message.key, message.value)
        for number, message in enumerate(messages)
        if message.expected == "stored"
    ]
    posts = [one.post for one in map(decode, records) if isinstance(one.post, Post)]
    texts = list({post.text for post in posts})
    matcher = Matcher(catalogue)
    seconds: dict[str, list[float]] = {}

    def timed(part: str, count: int, run: Callable[[], object]) -> None:
        began = time.perf_counter()
        run()
        seconds.setdefault(part, []).append(count / (time.perf_counter() - began))

    for repeat in range(REPEATS):
        # A mark of the repeat at the end makes each text new to the cache and changes no length.
        new = [
            Passage(f"{text} {datetime.now(UTC):%f}{repeat}", None, 0) for text in texts[:SCORED]
        ]
        timed("decode", len(records), lambda: [decode(record) for record in records])
        timed("match", len(posts), lambda: [matcher.match(post.text) for post in posts])
        timed("language", len(texts), lambda: [detect(text) for text in texts])
        timed("score", len(new), partial(scorer.score, new))
        on_progress(repeat + 1)
    return [Rate(part, min(all_), median(all_), max(all_)) for part, all_ in seconds.items()]
