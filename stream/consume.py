"""The consumer loop: poll, gather a micro-batch, take it all the way, commit only what is stored.

A batch closes when it is full or old enough, and what comes then belongs to the next one. It is
worked on in a thread of its own while this one keeps polling with every partition paused, so that
a long batch never looks like a dead member. No rebalance listener: what the loop needs to know it
reads from the assignment after each poll, and rows are safe to write twice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime
from queue import SimpleQueue
from typing import Any

import structlog
from kafka.errors import CommitFailedError, IllegalStateError, KafkaError
from kafka.structs import OffsetAndMetadata, TopicPartition

from stream import kafka, metrics
from stream.clock import Clock
from stream.decode import Record
from stream.errors import RetryLater, StopService
from stream.health import Health
from stream.pipeline import Pipeline
from stream.retry import Patience, Stopped
from stream.settings import Kafka
from stream.store import Position, Store

log = structlog.get_logger()

PART = "consumer"
_IDLE_PROGRESS_SECONDS = 5  # of service time; not more often than …
_IDLE_PROGRESS_REAL_SECONDS = 0.5
_POLL_MS = 100
_CLOSE_MS = 5_000
_READY_WITHIN_SECONDS = 30
_ABANDON_SECONDS = 15  # a batch still running this long after the order to stop is left uncommitted


class Consumer:
    """One member of the consumer group. `run` returns after `stop` is set, within 25 s."""

    def __init__(
        self,
        settings: Kafka,
        pipeline: Pipeline,
        progress: Store,
        clock: Clock,
        health: Health,
        patience: Patience,
    ) -> None:
        self._settings = settings
        self._pipeline = pipeline
        self._progress = progress
        self._clock = clock
        self._health = health
        self._patience = patience
        self._stop = patience.stop
        self._worker = _Worker()
        self._gathered: list[Record] = []
        self._gathered_since = 0.0
        self._assignment: set[TopicPartition] = set()
        self._partitions = 0
        self._next_idle_report = 0.0
        health.expect(PART, _READY_WITHIN_SECONDS)

    def run(self) -> None:
        """Consume until told to stop. Raises StopService when going on would lose a message."""
        client = self._patience.until_answered(lambda: kafka.consumer(self._settings), "kafka")
        try:
            self._require_topic(client)
            client.subscribe([self._settings.topic])
            while not self._stop.is_set():
                self._turn(client)
        except Stopped:
            pass
        finally:
            # An unfinished batch is not committed: it comes again.
            client.close(autocommit=False, timeout_ms=_CLOSE_MS)
            log.info("consumer.stopped", uncommitted=len(self._gathered))

    def _turn(self, client: Any) -> None:
        """One turn of the loop: read a little, and flush what is full or old enough."""
        self._gather(self._poll(client))
        while self._is_due() and not self._stop.is_set():
            self._flush(client)
        if not self._gathered and time.monotonic() >= self._next_idle_report:
            self._report_idle(client)

    def _gather(self, records: Sequence[Record]) -> None:
        if not self._gathered:
            self._gathered_since = time.monotonic()
        self._gathered += records

    def _is_due(self) -> bool:
        age = time.monotonic() - self._gathered_since
        old = bool(self._gathered) and age >= self._settings.batch_age.total_seconds()
        return old or len(self._gathered) >= self._settings.batch_posts

    def _poll(self, client: Any) -> list[Record]:
        try:
            with kafka.errors_sorted():
                found = list(kafka.records(client.poll(timeout_ms=_POLL_MS)))
        except RetryLater as error:
            log.warning("poll.failed", reason=str(error))
            self._health.trouble(PART, str(error))
            self._stop.wait(1)
            return []
        self._health.beat(PART)
        metrics.CONSUMER_POLLED_AT.set_to_current_time()
        self._notice_assignment(client.assignment())
        return found

    def _notice_assignment(self, assignment: set[TopicPartition]) -> None:
        """Drop what was gathered of partitions that another member has now."""
        if assignment == self._assignment:
            return
        metrics.REBALANCES.inc()
        log.info("partitions.assigned", partitions=sorted(place.partition for place in assignment))
        for place in self._assignment - assignment:
            metrics.LAG.remove(str(place.partition))
        self._assignment = set(assignment)
        owned = {place.partition for place in assignment}
        self._gathered = [record for record in self._gathered if record.partition in owned]
        self._next_idle_report = 0.0

    def _flush(self, client: Any) -> None:
        """1. process in a thread, polling meanwhile; 2. tell the progress; 3. commit."""
        size = self._settings.batch_posts
        batch, self._gathered = self._gathered[:size], self._gathered[size:]
        work = self._worker.start(lambda: self._pipeline.process(batch))
        self._gather(self._poll_while(client, work))
        work.result()
        positions = self._positions(batch)
        self._patience.until_answered(
            lambda: self._progress.record_progress(self._settings.topic, positions), "clickhouse"
        )
        self._commit(client, positions)

    def _poll_while(self, client: Any, work: Future[None]) -> list[Record]:
        """Stay a member while the batch is worked on. Returns records that slipped in."""
        late: list[Record] = []
        deadline: float | None = None
        while not work.done():
            # Again at every turn: a rebalance may bring partitions that are not paused.
            client.pause(*client.assignment())
            late += self._poll(client)
            if self._stop.is_set():
                deadline = deadline or time.monotonic() + _ABANDON_SECONDS
                if time.monotonic() > deadline:
                    raise Stopped("the running batch was left uncommitted")
        client.resume(*client.paused())
        owned = {place.partition for place in self._assignment}
        return [record for record in late if record.partition in owned]

    def _commit(self, client: Any, positions: Sequence[Position]) -> None:
        """Commit what is stored, where the partition is still ours. A lost commit only repeats."""
        owned = {place.partition for place in client.assignment()}
        offsets = {
            TopicPartition(self._settings.topic, p.partition): OffsetAndMetadata(
                p.next_offset, "", -1
            )
            for p in positions
            if p.partition in owned
        }
        if not offsets:
            return
        try:
            client.commit(offsets, timeout_ms=10_000)
        except (CommitFailedError, IllegalStateError) as error:
            log.warning("commit.refused", reason=type(error).__name__)
        except (KafkaError, OSError) as error:
            log.warning("commit.failed", reason=f"{type(error).__name__}: {error}"[:200])

    def _positions(self, batch: Sequence[Record]) -> list[Position]:
        last: dict[int, Record] = {record.partition: record for record in batch}
        return [
            Position(partition, self._partitions, record.time, record.offset + 1)
            for partition, record in sorted(last.items())
        ]

    def _report_idle(self, client: Any) -> None:
        """Say of partitions read to their end that nothing came until now, and show the lag."""
        interval = max(_IDLE_PROGRESS_SECONDS / self._clock.factor, _IDLE_PROGRESS_REAL_SECONDS)
        self._next_idle_report = time.monotonic() + interval
        now = self._clock.now()  # before asking: what comes later is after it
        places = sorted(self._assignment)
        asked = places or [TopicPartition(self._settings.topic, 0)]  # one in reserve asks as well
        try:
            ends: dict[TopicPartition, int] = client.end_offsets(asked, timeout_ms=5_000)
            positions = {place: client.position(place, timeout_ms=5_000) for place in places}
            self._partitions = len(client.partitions_for_topic(self._settings.topic) or ())
        except (KafkaError, OSError) as error:
            # A poll without brokers only comes back empty: this is how their absence shows.
            reason = f"Kafka: {type(error).__name__}: {error}"[:200]
            self._health.trouble("kafka", reason)
            log.warning("progress.failed", reason=reason)
            return
        self._health.beat("kafka")
        try:
            self._progress.record_progress(self._settings.topic, self._idle(now, ends, positions))
        except RetryLater as error:
            log.warning("progress.failed", reason=str(error))

    def _idle(
        self,
        now: datetime,
        ends: dict[TopicPartition, int],
        positions: dict[TopicPartition, int | None],
    ) -> list[Position]:
        idle = []
        for place, end in ends.items():
            position = positions.get(place)
            if position is None:
                continue
            metrics.LAG.labels(partition=place.partition).set(max(end - position, 0))
            if position >= end:
                idle.append(Position(place.partition, self._partitions, now, end))
        return idle

    def _require_topic(self, client: Any) -> None:
        topic = self._settings.topic

        def look() -> set[int]:
            with kafka.errors_sorted():
                found: set[int] | None = client.partitions_for_topic(topic)
            if not found:
                raise StopService(
                    f"kafka.topic {topic}: no such topic; create it, or set "
                    "UNDERTONE_KAFKA__CREATE_TOPICS=true"
                )
            return found

        self._partitions = len(self._patience.until_answered(look, "kafka"))


class _Worker:
    """One thread for all batches: numerical libraries keep their own threads and memory for each
    thread that calls them. It does not hold up the end of the process, should a call never return.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Callable[[], None], Future[None]]] = SimpleQueue()
        threading.Thread(target=self._work, name="batch", daemon=True).start()

    def start(self, call: Callable[[], None]) -> Future[None]:
        future: Future[None] = Future()
        self._calls.put((call, future))
        return future

    def _work(self) -> None:
        while True:
            call, future = self._calls.get()
            try:
                call()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(None)
            del call, future  # let go of the batch while waiting for the next
