"""What of the model's speed is left once broker, database and everything between take part."""

from __future__ import annotations

from time import perf_counter

from models import Passage
from stream.bench.figures import Bar, Figure, Part, ratio
from stream.bench.plan import Bench
from stream.bench.whole import drain, whole
from stream.match import Matcher
from stream.service import load_scorer

POSTS = 2000


def measure(bench: Bench) -> Part:
    """Posts a second of the classifier by itself, in two calls, and in the service between them.

    Both are asked about each post's one brand; no text comes twice, so nothing is taken from the
    cache.
    """
    engine = load_scorer(bench.settings)
    matcher = Matcher(bench.corpus.catalogue)
    count = bench.count(POSTS)

    def passage(text: str) -> Passage:
        begin, end = matcher.match(text)[0].target
        return Passage(text, text[begin:end], begin)

    def alone(size: int, series: str) -> float:
        passages = [passage(text) for text in bench.corpus.texts(size, series)]
        began = perf_counter()
        engine.score(passages)
        return perf_counter() - began

    half = max(1, count // 2)
    alone_rates, service_rates = [], []
    with whole(bench.settings, bench.directory) as bed:
        alone(bench.count(64), "w")
        for repeat in range(bench.repeats):
            # Half of the engine's posts before, half after: what drifts meanwhile drifts for both.
            seconds = alone(half, f"a{repeat}-")
            served = drain(bed.filled(bench.corpus, count, f"s{repeat}-"), engine, count)
            seconds += alone(half, f"b{repeat}-")
            alone_rates.append(2 * half / seconds)
            service_rates.append(served.rate)
            bench.tick("service")
    by_engine = Figure("engine alone", "posts/s", tuple(alone_rates))
    in_service = Figure("whole service", "posts/s", tuple(service_rates))
    return Part(
        "service",
        (by_engine, in_service),
        (Bar("service / engine alone", ratio(in_service, by_engine), 0.85),),
        (
            f"posts: {bench.corpus.name}; {count}, one mention each, none twice",
            f"engine: {engine.backend.name} ({engine.why})",
        ),
    )
