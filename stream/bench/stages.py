"""What each step of a post's way costs by itself, in one thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from time import perf_counter

from stream.bench.figures import Part
from stream.bench.plan import Bench
from stream.bench.scorers import Costless
from stream.decode import Decoded, Record, decode
from stream.language import detect
from stream.match import Matcher
from stream.post import Post
from stream.rows import Analysed, to_row
from stream.score import score_posts

POSTS = 2000


def measure(bench: Bench) -> Part:
    """Posts a second: decode, match, make the row, and find the language where none is named."""
    count, now = bench.count(POSTS), datetime.now(UTC)
    messages = bench.corpus.messages(count, "stages", now - timedelta(minutes=1))
    records = [Record("posts", 0, i, now, k, v) for i, (k, v) in enumerate(messages)]
    decoded = [decode(record) for record in records]
    texts = [one.post.text for one in decoded if isinstance(one.post, Post)]
    matcher = Matcher(bench.corpus.catalogue)
    scored = score_posts(Costless(), [(text, matcher.match(text)) for text in texts])
    analysed = [
        Analysed(_in_english(one), now, mentions)
        for one, mentions in zip(decoded, scored, strict=True)
    ]

    def rate(run: Callable[[], object]) -> Callable[[int], float]:
        def timed(_repeat: int) -> float:
            began = perf_counter()
            run()
            return count / (perf_counter() - began)

        return timed

    runs = {
        "decode": rate(lambda: [decode(record) for record in records]),
        "match": rate(lambda: [matcher.match(text) for text in texts]),
        "language": rate(lambda: [detect(text) for text in texts]),
        "row": rate(lambda: [to_row(one, 1) for one in analysed]),
    }
    found = bench.alternate("stages", runs, "posts/s")
    return Part("stages", tuple(found.values()), notes=(f"posts: {bench.corpus.name}",))


def _in_english(one: Decoded) -> Decoded:
    """As if its message had named the language: finding it is measured by itself."""
    return replace(one, post=one.post.model_copy(update={"lang": "en"}))
