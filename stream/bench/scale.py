"""Whether more consumers store more posts, where the model is on another machine."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.synchronize import Event
from typing import Any

from stream import metrics, schema
from stream.bench.figures import Bar, Figure, Part
from stream.bench.plan import Bench
from stream.bench.processes import cpu_seconds
from stream.bench.scorers import Waiting
from stream.bench.whole import Message, Whole, consuming, fill, middle
from stream.database import connect
from stream.embedded.broker import EmbeddedBroker
from stream.embedded.clickhouse import EmbeddedClickHouse
from stream.errors import StopService
from stream.logs import set_up_logs
from stream.service import schema_target
from stream.settings import Settings

MEMBERS = (1, 2, 4)
A_POST = 0.005
"""Seconds that the scorer waits."""

SECONDS = 15
"""That a run takes where all members are always busy."""

PARTITIONS = 12
_LOOK_SECONDS = 0.05
_PATIENCE_SECONDS = 180.0
_END_SECONDS = 25.0


def measure(bench: Bench) -> Part:
    """Posts a second of one, two and four consumer processes, and what each post costs a core.

    Broker and database are on the same cores, so a machine with few shows its own limit.
    """
    settings = bench.settings.model_copy(
        update={"kafka": bench.settings.kafka.model_copy(update={"partitions": PARTITIONS})}
    )
    costs: dict[int, list[float]] = {members: [] for members in MEMBERS}
    with (
        EmbeddedBroker(bench.directory / "kafka") as broker,
        EmbeddedClickHouse(bench.directory / "clickhouse") as server,
    ):
        at = {"interface": "http", "host": server.host, "port": server.port}
        bed = Whole(settings, settings.clickhouse.model_copy(update=at), broker)

        def run_of(members: int) -> Callable[[int], float]:
            def timed(repeat: int) -> float:
                count = bench.count(round(members * SECONDS / A_POST))
                sent_at = datetime.now(UTC) - timedelta(minutes=1)
                messages = bench.corpus.messages(count, f"c{members}-{repeat}-", sent_at)
                rate, cost = _run(bed.fresh(), members, messages, count)
                costs[members].append(1e6 * cost)
                return rate

            return timed

        runs = {_name(members): run_of(members) for members in MEMBERS}
        found = bench.alternate("scale", runs, "posts/s")
    one, two, four = (found[_name(members)].median for members in MEMBERS)
    cpu = (
        Figure(f"CPU, {_name(members)}", "µs/post", tuple(values))
        for members, values in costs.items()
    )
    return Part(
        "scale",
        (*found.values(), *cpu),
        (Bar("two / one", two / one, 1.8), Bar("four / one", four / one, 3.2)),
        (
            f"posts: {bench.corpus.name}, one mention each; the scorer waits "
            f"{1000 * A_POST:g} ms a post; {PARTITIONS} partitions",
            f"{os.cpu_count()} cores for consumers, broker and database; CPU is the consumers'",
        ),
    )


def _name(members: int) -> str:
    return f"{members} consumer{'s' if members > 1 else ''}"


def _run(
    settings: Settings, members: int, messages: Iterator[Message], count: int
) -> tuple[float, float]:
    """Posts a second, and seconds of a core a post."""
    with closing(connect(settings.clickhouse, "")) as client:
        schema.apply(client, schema_target(settings))
    with closing(connect(settings.clickhouse)) as client, _members(settings, members) as pids:

        def stored() -> int:
            return int(client.query("SELECT count() FROM posts").result_rows[0][0])

        def look() -> dict[str, float]:
            return {"CPU": sum(map(cpu_seconds, pids))}

        fill(settings, messages)
        done = middle(lambda least: _await(stored, lambda found: found >= least), count, look)
    return done.rate, done.spent["CPU"] / done.posts


@contextmanager
def _members(settings: Settings, members: int) -> Iterator[list[int]]:
    """So many consumer processes that have all partitions between them, evenly; their ids."""
    spawning = multiprocessing.get_context("spawn")  # threads and an engine do not bear a fork
    stop = spawning.Event()
    owned = spawning.Array("i", members)
    running = [
        spawning.Process(target=_consume, args=(settings, number, owned, stop))
        for number in range(members)
    ]
    for process in running:
        process.start()
    try:
        share = settings.kafka.partitions // members
        _await(lambda: min(owned[:]), lambda least: least == share)
        yield [process.pid for process in running if process.pid is not None]
    finally:
        stop.set()
        for process in running:
            process.join(_END_SECONDS)
            process.kill()


def _consume(settings: Settings, number: int, owned: Any, stop: Event) -> None:
    """A member: until told to stop, tell how many partitions it has."""
    set_up_logs(settings.log)
    with consuming(settings, Waiting(A_POST)) as running:
        while not stop.wait(_LOOK_SECONDS) and not running.stop.is_set():
            lags = metrics.LAG.collect()
            owned[number] = sum(len(metric.samples) for metric in lags)


def _await(look: Callable[[], int], holds: Callable[[int], bool]) -> int:
    """What `look` gives once it is as it should be. Raises StopService where it never is."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not holds(found := look()):
        if time.monotonic() > deadline:
            raise StopService(f"bench scale: nothing came of it in {_PATIENCE_SECONDS:g} s")
        time.sleep(_LOOK_SECONDS)
    return found
