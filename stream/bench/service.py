"""What of the model's speed is left once broker, database and everything between take part."""

from __future__ import annotations

from time import perf_counter

from models import Passage
from stream.bench.figures import Bar, Part
from stream.bench.plan import Bench
from stream.bench.whole import drain, whole
from stream.match import Matcher
from stream.service import load_scorer

POSTS = 2000


def measure(bench: Bench) -> Part:
    """Posts a second of the classifier by itself, all passages in one call, and in the service.

    Both are asked about each post's one brand; no text comes twice, so nothing is taken from the
    cache.
    """
    engine = load_scorer(bench.settings)
    matcher = Matcher(bench.corpus.catalogue)
    count = bench.count(POSTS)

    def passage(text: str) -> Passage:
        begin, end = matcher.match(text)[0].target
        return Passage(text, text[begin:end], begin)

    def alone(repeat: int) -> float:
        passages = [passage(text) for text in bench.corpus.texts(count, f"a{repeat}-")]
        began = perf_counter()
        engine.score(passages)
        return count / (perf_counter() - began)

    with whole(bench.settings, bench.directory) as bed:

        def in_service(repeat: int) -> float:
            return drain(bed.filled(bench.corpus, count, f"s{repeat}-"), engine, count).rate

        engine.score([passage(text) for text in bench.corpus.texts(bench.count(64), "w")])
        runs = {"engine alone": alone, "whole service": in_service}
        found = bench.alternate("service", runs, "posts/s")
    ratio = found["whole service"].median / found["engine alone"].median
    return Part(
        "service",
        tuple(found.values()),
        (Bar("service / engine alone", ratio, 0.85),),
        (
            f"posts: {bench.corpus.name}; {count}, one mention each, none twice",
            f"engine: {engine.backend.name} ({engine.why})",
        ),
    )
