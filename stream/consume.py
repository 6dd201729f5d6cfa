"""The consumer loop: poll, gather a micro-batch, send it along the line, commit what is stored.

A batch begins when it is full, heavy or old enough and the line is free; what comes then belongs to
the next one. While a whole batch waits for the line every partition is paused, and this thread goes
on polling, so that a long batch never looks like a dead member. No rebalance listener: what the
loop needs to know it reads from the assignment after each poll, and rows are safe to write twice.
"""

from __future__ import annotations

import struct
import time
from functools import partial
from typing import Any

import structlog
from kafka.errors import KafkaError
from kafka.structs import MemberState, TopicPartition

from stream import kafka, metrics, topics
from stream.batch_line import BatchLine
from stream.batch_size import BatchSize
from stream.clock import Clock
from stream.commits import Commits, read_to
from stream.decode import Record
from stream.errors import RetryLater
from stream.gathering import Gathering
from stream.health import Health
from stream.pipeline import Found, Pipeline
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
_POLL_AGAIN_SECONDS = 0.5  # while a batch waits for the line
_REST_SECONDS = 0.09  # where few come: a broker that holds no fetch back is asked without end
_FEW = 32  # messages of a poll
_REST_POLL_MS = 10
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
        self._progress = progress
        self._clock = clock
        self._health = health
        self._patience = patience
        self._stop = patience.stop
        self._line: BatchLine[Found] = BatchLine(pipeline.analyse, pipeline.store)
        self._size = BatchSize(settings.batch_posts, settings.batch_time.total_seconds())
        self._paused = self._resting = False
        self._polled = 0.0
        self._say_stuck_after = _STUCK_SECONDS
        self._gathered = Gathering()
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
            self._partitions = len(
                self._patience.until_answered(
                    partial(topics.partitions, client, self._settings.topic), "kafka"
                )
            )
            client.subscribe([self._settings.topic])
            while not self._stop.is_set():
                self._turn(client)
            self._finish(client)
        except _Stalled:
            self._stalls.begin_anew()
        finally:
            # An unfinished batch is not committed: it comes again.
            client.close(autocommit=False, timeout_ms=_CLOSE_MS)
            log.info("consumer.stopped", uncommitted=len(self._gathered))
            self._gathered.clear()
            self._assignment, self._resting = set(), False
            self._commits = Commits(self._settings.topic)

    def _turn(self, client: Any) -> None:
        """One turn of the loop: read a little, begin what is due, commit what is stored."""
        if self._gathered.is_full(self._size.posts) and not self._line.is_free:
            self._wait(client)
        else:
            if self._paused or self._held:  # some that are held may be tried again
                self._resume(client)
            if self._resting:
                (self._line or self._stop).wait(_REST_SECONDS)  # or until the line has news
            self._gather(client)
        self._commit(client)
        if self._line.is_free and self._is_due():
            self._line.start(self._gathered.cut(self._size.posts, time.monotonic()))
        if time.monotonic() >= self._next_look:
            self._look(client)

    def _gather(self, client: Any) -> None:
        records = self._poll(client)
        self._gathered.add(records, time.monotonic())
        # A member that rejoins must not tarry: who commits meanwhile is refused and joins anew.
        settled = bool(self._assignment) and client.group_metadata().state == MemberState.STABLE
        few = len(records) < min(_FEW, self._settings.batch_posts)
        self._resting = settled and few and not self._paused

    def _is_due(self) -> bool:
        age = self._settings.batch_age.total_seconds()
        return self._gathered.is_full(self._size.posts) or self._gathered.is_older(
            age, time.monotonic()
        )

    def _wait(self, client: Any) -> None:
        """A whole batch waits: ask for nothing more until the line is free, and stay a member."""
        began = time.monotonic()
        # Again at every turn: a rebalance may bring partitions that are not paused.
        client.pause(*client.assignment())
        self._paused = True
        self._line.wait(_POLL_MS / 1000)
        if time.monotonic() - self._polled > _POLL_AGAIN_SECONDS:
            self._gather(client)
        self._stalls.excuse(time.monotonic() - began)

    def _commit(self, client: Any) -> None:
        """Of each batch that is stored: tell the progress, then commit. Raises what a stage did."""
        for stored in self._line.take():
            self._health.beat("batch")
            self._say_stuck_after = _STUCK_SECONDS
            self._size.learn(len(stored.batch), stored.seconds)
            positions = read_to(stored.batch, self._partitions)
            self._patience.until_answered(
                partial(self._progress.record_progress, self._settings.topic, positions),
                "clickhouse",
            )
            self._commits.commit(client, positions)
        if self._line.age > self._say_stuck_after:
            self._say_stuck(self._line.age)
            self._say_stuck_after *= 10

    def _finish(self, client: Any) -> None:
        """Told to stop: what is under way is stored and committed, if that does not take long."""
        deadline = time.monotonic() + _ABANDON_SECONDS
        while len(self._line):
            if time.monotonic() > deadline:
                raise Stopped("the running batch was left uncommitted")
            self._wait(client)
            self._commit(client)

    def _poll(self, client: Any) -> list[Record]:
        try:
            with kafka.errors_sorted():
                wait = _REST_POLL_MS if self._resting else _POLL_MS
                found = list(topics.records(client.poll(timeout_ms=wait)))
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
        self._polled = time.monotonic()
        self._health.beat(PART)
        metrics.CONSUMER_POLLED_AT.set_to_current_time()
        if self._notice_assignment(client.assignment()):
            owned = {place.partition for place in self._assignment}
            return [record for record in found if record.partition in owned]
        return found

    def _hold(self, batch: UnopenedBatch) -> None:
        """Its partition stands still, uncommitted from there on; the others go on."""
        if self._held.hold(batch.place.partition, batch.offset, time.monotonic()):
            log.error("partition.stopped", reason=str(batch))
        self._health.trouble("partitions", str(batch))

    def _resume(self, client: Any) -> None:
        """Ask for messages of every partition but those that are held."""
        self._paused = False
        held = {p for p in client.assignment() if self._held.holds(p.partition, time.monotonic())}
        client.pause(*held)
        client.resume(*(client.paused() - held))

    def _notice_assignment(self, assignment: set[TopicPartition]) -> bool:
        """Drop what was gathered of partitions that another member has now. Whether it changed."""
        if assignment == self._assignment:
            return False
        metrics.REBALANCES.inc()
        log.info("partitions.assigned", partitions=sorted(place.partition for place in assignment))
        for place in self._assignment - assignment:
            metrics.LAG.remove(str(place.partition))
        self._assignment = set(assignment)
        owned = {place.partition for place in assignment}
        self._gathered.keep_only(owned)
        self._next_look = 0.0
        return True

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


class _Stalled(Exception):
    """The client is of no use any more: leave the group and join it anew."""
