"""What the host can do beside the model: the whole service with a scorer that costs nothing."""

from __future__ import annotations

import os
import time
from functools import partial

from stream import metrics
from stream.bench.figures import Bar, Figure, Part
from stream.bench.plan import Bench
from stream.bench.processes import cpu_seconds
from stream.bench.scorers import Costless
from stream.bench.whole import STAGES, drain, whole

POSTS = 20_000
_WARM = 2000


def measure(bench: Bench) -> Part:
    """Posts a second, from a full topic, and what each step and each process costs a post."""
    count = bench.count(POSTS)
    rates: list[float] = []
    costs: dict[str, list[float]] = {}
    for repeat in range(bench.repeats):
        # A broker for each: the embedded one rewrites every topic it ever held, at a growing cost.
        with whole(bench.settings, bench.directory / f"host{repeat}") as bed:
            for size in (min(count, _WARM), count):
                settings = bed.filled(bench.corpus, size, f"h{repeat}-{size}-")
                done = drain(settings, Costless(), size, partial(_spent, bed.broker_pid))
        rates.append(done.rate)
        for name, seconds in done.spent.items():
            costs.setdefault(name, []).append(1e6 * seconds / done.posts)
        bench.tick("host")
    found = Figure("whole service", "posts/s", tuple(rates))
    return Part(
        "host",
        (found, *(Figure(name, "µs/post", tuple(values)) for name, values in costs.items())),
        (Bar("without a model", found.median, 5000, 10_000, unit="posts/s"),),
        (
            f"posts: {bench.corpus.name}; {count} in the topic, one mention each, none twice",
            f"{os.cpu_count()} cores for service, broker and database; steps are seconds of a "
            "batch, and a step waits where another thread has the interpreter",
        ),
    )


def _spent(broker: int) -> dict[str, float]:
    """Seconds spent so far: in each step, and of the processors by both processes."""
    steps = {stage: _stage_seconds(stage) for stage in STAGES}
    return steps | {
        "CPU of service and database": time.process_time(),
        "CPU of the broker": cpu_seconds(broker),
    }


def _stage_seconds(stage: str) -> float:
    name, labels = "undertone_stage_seconds_sum", {"stage": stage}
    return metrics.REGISTRY.get_sample_value(name, labels) or 0.0
