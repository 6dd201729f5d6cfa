"""Whether the service keeps anything of the posts that went through it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from stream.bench.figures import Bar, Figure, Part
from stream.bench.plan import Bench
from stream.bench.processes import resident_bytes
from stream.bench.scorers import Costless
from stream.bench.whole import Message, await_stored, consuming, fill, stored, whole

POSTS = 200_000
SETTLED = 20_000
"""From here on it is compared: until then caches fill and the database takes what it works in."""

_MOST_WAITING = 5_000
_LOOK_SECONDS = 0.02


def measure(bench: Bench) -> Part:
    """Resident memory of service and database, one process, while so many posts go through it.

    One run: the figures are of one curve. What waits in the topic is kept short, because the
    embedded broker answers a fetch with all that is behind its offset.
    """
    count, settled = bench.count(POSTS), bench.count(SETTLED)
    with whole(bench.settings, bench.directory) as bed:
        settings = bed.fresh()
        with consuming(settings, Costless()) as running:
            before = stored()

            def paced(messages: Iterator[Message]) -> Iterator[Message]:
                for sent, message in enumerate(messages):
                    while sent - (stored() - before) > _MOST_WAITING:
                        running.raise_failure()
                        time.sleep(_LOOK_SECONDS)
                    yield message

            sent_at = datetime.now(UTC) - timedelta(minutes=1)
            messages = paced(bench.corpus.messages(count, "m", sent_at))
            fill(settings, (next(messages) for _ in range(settled)))
            await_stored(before + settled, running)
            early = resident_bytes() / 1e6
            bench.tick("memory")
            fill(settings, messages)
            await_stored(before + count, running)
            late = resident_bytes() / 1e6
            bench.tick("memory")
    return Part(
        "memory",
        (
            Figure(f"after {settled:,} posts", "MB", (early,)),
            Figure(f"after {count:,} posts", "MB", (late,)),
        ),
        (Bar("memory at the end / early", late / early, 1.1, at_most=True),),
        (f"posts: {bench.corpus.name}, one mention each, none twice; one run",),
    )
