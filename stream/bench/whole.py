"""The whole service on an embedded broker and database, for parts that measure all of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stream import kafka, metrics
from stream.bench.posts import Corpus
from stream.clock import Clock
from stream.database import connect
from stream.embedded.broker import EmbeddedBroker, reached_at
from stream.errors import StopService, UsageError
from stream.running import Running
from stream.score import Scorer
from stream.service import prepare_database, start_consumer
from stream.settings import ClickHouse, Settings

Message = tuple[bytes, bytes]

STAGES = ("decode", "look_up", "match", "score", "store")
"""Of a batch; the first four are in one thread, `store` in another, polling in a third."""

_LOOK_SECONDS = 0.02  # looking takes a share of what is measured
_STANDSTILL_SECONDS = 120


class Whole:
    """Where the service runs, again and again: each `fresh` has topics and tables of its own."""

    def __init__(self, settings: Settings, tables: ClickHouse, broker: EmbeddedBroker) -> None:
        self.broker = broker
        self._given = settings
        self._tables = tables
        self._made = 0

    @property
    def broker_pid(self) -> int:
        if self.broker.pid is None:
            raise StopService("bench: the embedded broker is not running")
        return self.broker.pid

    def fresh(self) -> Settings:
        """The given settings with empty topics and tables."""
        self._made += 1
        name = f"bench{self._made}"
        reached = reached_at(self.broker.bootstrap_servers, self._given.kafka).model_copy(
            update={"topic": name, "dlq_topic": f"{name}.dlq", "group_id": name}
        )
        self.broker.create_topic(reached.topic, reached.partitions)
        self.broker.create_topic(reached.dlq_topic, 1)
        tables = self._tables.model_copy(update={"database": name})
        return self._given.model_copy(update={"kafka": reached, "clickhouse": tables})

    def filled(self, corpus: Corpus, count: int, series: str) -> Settings:
        """As `fresh`, with so many posts in the topic, a minute old."""
        settings = self.fresh()
        fill(settings, corpus.messages(count, series, datetime.now(UTC) - timedelta(minutes=1)))
        return settings


@contextmanager
def whole(settings: Settings, directory: Path) -> Iterator[Whole]:
    """A broker, and a database engine in this process. Main thread only: the broker dies with the
    thread that started it."""
    embedded = {"interface": "chdb", "path": directory / "clickhouse"}
    tables = settings.clickhouse.model_copy(update=embedded)
    # A client is held, or the engine would end and begin with every run.
    with EmbeddedBroker(directory / "kafka") as broker, closing(connect(tables, "")):
        yield Whole(settings, tables, broker)


def fill(settings: Settings, messages: Iterable[Message]) -> None:
    """Send to the topic, and return when the broker has all."""
    producer = kafka.producer(settings.kafka)
    try:
        for key, value in messages:
            producer.send(settings.kafka.topic, key=key, value=value)
        producer.flush(timeout=_STANDSTILL_SECONDS)
    finally:
        producer.close(timeout=5)


@contextmanager
def consuming(settings: Settings, scorer: Scorer | None = None) -> Iterator[Running]:
    """A consumer, as `undertone consume` runs it, for as long as the context lasts.

    Raises its failure at the end.
    """
    running = Running(settings, Clock.of_wall(), threading.Event())
    try:
        prepare_database(settings, running.patience)
        start_consumer(running, scorer)
        yield running
    finally:
        running.end()
    running.raise_failure()


def stored() -> int:
    """Posts that this process has stored until now."""
    return int(metrics.REGISTRY.get_sample_value("undertone_posts_stored_total") or 0)


def await_stored(count: int, running: Running) -> int:
    """How many are `stored`, once so many are. Raises StopService where none comes for long."""
    seen, moved = stored(), time.monotonic()
    while (now := stored()) < count:
        running.raise_failure()
        if now > seen:
            seen, moved = now, time.monotonic()
        elif time.monotonic() - moved > _STANDSTILL_SECONDS:
            raise StopService(f"bench: no post was stored for {_STANDSTILL_SECONDS} s")
        time.sleep(_LOOK_SECONDS)
    return now


@dataclass(frozen=True, slots=True)
class Drained:
    """What happened while the middle of a run was stored."""

    posts: int
    seconds: float
    spent: Mapping[str, float]
    """By how much each value that `look` gave has grown meanwhile."""

    @property
    def rate(self) -> float:
        return self.posts / self.seconds


def middle(
    await_stored: Callable[[int], int],
    count: int,
    look: Callable[[], Mapping[str, float]] = dict,
) -> Drained:
    """Watch `count` posts being stored, from the first tenth to the last.

    Both ends are times at which a batch has just been stored and the next is under way: starting,
    joining the group and the last batch, which has none beside it, are no throughput.
    `await_stored` returns how many are stored once it is at least so many. Raises UsageError where
    one batch took all.
    """
    first = await_stored(max(1, count // 10))
    began, at_first = time.perf_counter(), look()
    last = await_stored(min(count, max(first + 1, count - count // 10)))
    seconds, at_last = time.perf_counter() - began, look()
    if first == last:
        raise UsageError("bench --size: a single batch took all posts; take more for a rate")
    await_stored(count)
    spent = {name: value - at_first[name] for name, value in at_last.items()}
    return Drained(last - first, seconds, spent)


def drain(
    settings: Settings,
    scorer: Scorer | None,
    count: int,
    look: Callable[[], Mapping[str, float]] = dict,
) -> Drained:
    """Let a consumer in this process store the `count` posts that lie in its topic."""
    before = stored()
    with consuming(settings, scorer) as running:
        return middle(lambda least: await_stored(before + least, running) - before, count, look)
