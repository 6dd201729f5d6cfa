"""The consumer loop: poll, gather a micro-batch, take it all the way, commit only what is stored.

A batch closes when it is full, heavy or old enough; what comes then belongs to the next one. It is
worked on in a thread of its own while this one keeps polling with every partition paused, so that
a long batch never looks like a dead member. No rebalance listener: what the loop needs to know it
reads from the assignment after each poll, and rows are safe to write twice.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

import structlog
from kafka.errors import KafkaError
from kafka.structs import TopicPartition

from stream import kafka, metrics
from stream.batch_thread import BatchThread
from stream.clock import Clock
from stream.commits import Commits, read_to
from stream.decode import Record
from stream.errors import RetryLater, StopService
from stream.health import Health
from stream.pipeline import Pipeline
from stream.retry import Patience, Stopped
from stream.settings import Kafka
from stream.store import Position, Store
from stream.unpack import UnopenedBatch
from stream.watchdog import HeldPartitions, StallWatch, thread_stacks

log = structlog.get_logger()

PART = "consumer"
_IDLE_PROGRESS_SECONDS = 5  # of service time; not more often than …
_IDLE_PROGRESS_REAL_SECONDS = 0.5
_POLL_MS = 100  # not shorter: a poll that ends early begins a join anew
_HEAVY_BYTES = 16 << 20  # a batch is full at this weight, too: one fetch may hold many bombs
_CLOSE_MS = 5_000
_READY_WITHIN_SECONDS = 30
_STALLED_SECONDS = 30  # messages wait in a partition and none has come
_HELD_SECONDS = 30  # a batch cannot be opened; another replica may lead by then
_STUCK_SECONDS = 30  # one batch has been worked on; said again after ten times as long
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
        self._worker = BatchThread()
        self._gathered: list[Record] = []
        self._gathered_since = 0.0
        self._assignment: set[TopicPartition] = set()
        self._commits = Commits(settings.topic)
        self._partitions = 0
        self._next_look = 0.0
        self._stalls = StallWatch(_STALLED_SECONDS)
        self._held = HeldPartitions(_HELD_SECONDS)
        health.expect(PART, _READY_WITHIN_SECONDS)
        health.watch("partitions")
        health.watch("batch")

    def run(self) -> None:
        """Consume until told to stop. Raises StopService when going on would lose a message."""
        try:
            while not self._stop.is_set():
                self._be_a_member()
        except Stopped:
            pass

    def _be_a_member(self) -> None:
        """Join the group and consume, until told to stop or until the client is of no use."""
        client = self._patience.until_answered(lambda: kafka.consumer(self._settings), "kafka")
        try:
            self._require_topic(client)
            client.subscribe([self._settings.topic])
            while not self._stop.is_set():
                self._turn(client)
        except _Stalled:
            self._stalls.begin_anew()
        finally:
            # An unfinished batch is not committed: it comes again.
            client.close(autocommit=False, timeout_ms=_CLOSE_MS)
            log.info("consumer.stopped", uncommitted=len(self._gathered))
            self._gathered, self._assignment = [], set()
            self._commits = Commits(self._settings.topic)

    def _turn(self, client: Any) -> None:
        """One turn of the loop: read a little, and flush what is due."""
        if self._held:  # some may be tried again
            self._resume(client)
        self._gather(self._poll(client))
        while self._is_due() and not self._stop.is_set():
            self._flush(client)
        if time.monotonic() >= self._next_look:
            self._look(client)

    def _gather(self, records: Sequence[Record]) -> None:
        if not self._gathered:
            self._gathered_since = time.monotonic()
        self._gathered += records

    def _is_due(self) -> bool:
        if not self._gathered:
            return False
        age = time.monotonic() - self._gathered_since
        return (
            age >= self._settings.batch_age.total_seconds()
            or len(self._gathered) >= self._settings.batch_posts
            or sum(len(record.value or b"") for record in self._gathered) >= _HEAVY_BYTES
        )

    def _poll(self, client: Any) -> list[Record]:
        try:
            with kafka.errors_sorted():
                found = list(kafka.records(client.poll(timeout_ms=_POLL_MS)))
        except UnopenedBatch as error:
            self._hold(error)
            return []
        except RetryLater as error:
            log.warning("poll.failed", reason=str(error))
            self._health.trouble(PART, str(error))
            self._stop.wait(1)
            return []
        except struct.error as error:
            # An assignment of no bytes, for a member that the group's leader did not know: the
            # client falls over it and believes the one before. Only a new client helps.
            log.warning("assignment.unreadable", reason=str(error))
            raise _Stalled(str(error)) from None
        self._health.beat(PART)
        metrics.CONSUMER_POLLED_AT.set_to_current_time()
        self._notice_assignment(client.assignment())
        return found

    def _hold(self, batch: UnopenedBatch) -> None:
        """Its partition stands still, uncommitted from there on; the others go on."""
        if self._held.hold(batch.place.partition, batch.offset, time.monotonic()):
            log.error("partition.stopped", reason=str(batch))
        self._health.trouble("partitions", str(batch))

    def _resume(self, client: Any) -> None:
        """Ask for messages of every partition but those that are held."""
        held = {p for p in client.assignment() if self._held.holds(p.partition, time.monotonic())}
        client.pause(*held)
        client.resume(*(client.paused() - held))

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
        self._next_look = 0.0

    def _flush(self, client: Any) -> None:
        """1. process in a thread, polling meanwhile; 2. tell the progress; 3. commit."""
        size = self._settings.batch_posts
        batch, self._gathered = self._gathered[:size], self._gathered[size:]
        work = self._worker.start(lambda: self._pipeline.process(batch))
        began = time.monotonic()
        self._gather(self._poll_while(client, work))
        self._stalls.excuse(time.monotonic() - began)
        work.result()
        positions = read_to(batch, self._partitions)
        self._patience.until_answered(
            lambda: self._progress.record_progress(self._settings.topic, positions), "clickhouse"
        )
        self._commits.commit(client, positions)

    def _poll_while(self, client: Any, work: Future[None]) -> list[Record]:
        """Stay a member while the batch is worked on. Returns records that slipped in."""
        late: list[Record] = []
        deadline: float | None = None
        began, say_after = time.monotonic(), _STUCK_SECONDS
        while not work.done():
            # Again at every turn: a rebalance may bring partitions that are not paused.
            client.pause(*client.assignment())
            late += self._poll(client)
            if self._stop.is_set():
                deadline = deadline or time.monotonic() + _ABANDON_SECONDS
                if time.monotonic() > deadline:
                    raise Stopped("the running batch was left uncommitted")
            if time.monotonic() - began > say_after:
                self._say_stuck(time.monotonic() - began)
                say_after *= 10
        self._health.beat("batch")
        self._resume(client)
        owned = {place.partition for place in self._assignment}
        return [record for record in late if record.partition in owned]

    def _say_stuck(self, seconds: float) -> None:
        """A hung call looks like a long one: the stacks tell which."""
        self._health.trouble("batch", f"one batch has been worked on for {seconds:.0f} s")
        log.warning("batch.stuck", seconds=round(seconds), threads=thread_stacks())

    def _look(self, client: Any) -> None:
        """Show the lag, and say of partitions read to their end that nothing came until now.

        Raises _Stalled where messages wait and none comes.
        """
        interval = max(_IDLE_PROGRESS_SECONDS / self._clock.factor, _IDLE_PROGRESS_REAL_SECONDS)
        self._next_look = time.monotonic() + interval
        now, places = self._clock.now(), sorted(self._assignment)  # what comes later is after now
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
            kafka.learn_addresses(client)
            return
        self._health.beat("kafka")
        known = {place.partition: at for place, at in positions.items() if at is not None}
        lags = {
            p.partition: max(ends[p] - known[p.partition], 0)
            for p in places
            if p.partition in known
        }
        for part, lag in lags.items():
            metrics.LAG.labels(partition=part).set(lag)
        self._require_movement(lags, known)
        self._commits.commit(client)
        if self._gathered:
            return  # read, but not stored yet
        idle = [Position(p, self._partitions, now, at) for p, at in known.items() if not lags[p]]
        try:
            self._progress.record_progress(self._settings.topic, idle)
        except RetryLater as error:
            log.warning("progress.failed", reason=str(error))

    def _require_movement(self, lags: dict[int, int], positions: dict[int, int]) -> None:
        """Raises _Stalled: a client that lives and gives nothing is replaced by a new one."""
        self._held.look(positions)
        metrics.UNOPENED.set(len(self._held))
        moving = {partition: lag for partition, lag in lags.items() if partition not in self._held}
        stalled = self._stalls.look(moving, positions, time.monotonic())
        if not self._stalls.stuck and not self._held:
            self._health.beat("partitions")
        if stalled:
            reason = f"{lags[stalled[0]]} messages wait in partition {stalled[0]} and none comes"
            self._health.trouble("partitions", reason)
            metrics.STALLS.inc()
            log.warning("partitions.stalled", partitions=stalled, reason=reason)
            raise _Stalled(reason)

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


class _Stalled(Exception):
    """The client is of no use any more: leave the group and join it anew."""
