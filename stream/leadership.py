"""Which watcher acts: the one that holds the only partition of a small topic (DESIGN §4).

Holding it is not believed but asked: a watcher commits to the partition, which the group's
coordinator takes only from a member of its present generation, and an answer is good for one
session timeout, in which the coordinator gives the partition to nobody else. So a watcher that was
paused, for however long, does not act on what it knew before: it asks again first.

While no broker answers, nobody can be told of a change: who led goes on and who followed waits.
Two may lead for a moment; ids and rows are made so that it costs one repeat at most (decision 018).
"""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import structlog
from kafka.errors import (
    CommitFailedError,
    IllegalStateError,
    KafkaError,
    RebalanceInProgressError,
)
from kafka.structs import MemberState, OffsetAndMetadata

from stream import kafka, metrics
from stream.errors import RetryLater, StopService
from stream.health import Health
from stream.retry import Patience, Stopped
from stream.settings import Kafka, Settings

log = structlog.get_logger()

PART = "leadership"
_POLL_MS = 1_000  # not shorter: a poll that ends early begins a join anew
_ASK_MS = 3_000
_CLOSE_MS = 3_000
_AGAIN_SECONDS = 1.0


class Leadership(Protocol):
    """Whether this watcher may act."""

    def term(self) -> int | None:
        """Which of this watcher's terms it is now; None while another watcher may be acting.

        From one term to the next all that was known is to be read again.
        """
        ...

    def run(self) -> None:
        """Stand for it, in a thread of its own, until `resign`."""
        ...

    def resign(self) -> None:
        """Leave it to another: what this watcher did is recorded."""
        ...


class Tenure:
    """One worker's view of a leadership: what it knew in an earlier term is forgotten."""

    def __init__(self, leadership: Leadership) -> None:
        self._leadership = leadership
        self._term: int | None = None

    def begin(self, forget: Callable[[], None]) -> bool:
        """Whether it may begin a turn of its work; calls `forget` first in a new term."""
        term = self._leadership.term()
        if term is not None and term != self._term:
            forget()
            self._term = term
        return term is not None

    def goes_on(self) -> bool:
        """Whether it is still the term in which the turn began."""
        return self._leadership.term() == self._term


def leadership_for(settings: Settings, health: Health) -> Leadership:
    """An election, except where a watcher shares neither database nor broker with another."""
    if settings.clickhouse.interface == "chdb" or not settings.kafka.bootstrap_servers:
        return Alone()
    return Election(settings.kafka, settings.alerts.leader_topic, health)


class Alone:
    """The only watcher there is: an embedded database has one process."""

    def __init__(self) -> None:
        self._resigned = threading.Event()
        metrics.LEADER.set(1)

    def term(self) -> int | None:
        return 1

    def run(self) -> None:
        self._resigned.wait()

    def resign(self) -> None:
        self._resigned.set()


class Election:
    """A member of the group of watchers. `run` in a thread of its own; the others from any.

    `now` is a monotonic clock in seconds, which goes on while the process is paused.
    """

    def __init__(
        self,
        settings: Kafka,
        topic: str,
        health: Health,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._health = health
        self._stop = threading.Event()
        self._patience = Patience(self._stop, health)
        self._now = now
        # Of those who watch the same posts; another installation may share the broker.
        self._group = f"{settings.group_id}.{settings.topic}.leader"
        self._good_for = settings.session_timeout.total_seconds()
        self._settles_within = self._good_for + settings.max_poll_interval.total_seconds()
        self._settled = now()
        self._good_until: float | None = None  # None: another leads, for all that is known
        self.stands = False
        """Whether it has been in a settled group: what it was told of its turn is true."""
        self._terms = 0
        metrics.LEADER.set(0)
        health.watch(PART)

    def term(self) -> int | None:
        good_until = self._good_until
        return self._terms if good_until is not None and self._now() < good_until else None

    def run(self) -> None:
        """Stand until `resign`. Raises StopService where Kafka refuses us for good."""
        try:
            while not self._stop.is_set():
                self._stand()
        except Stopped:
            pass

    def resign(self) -> None:
        self._stop.set()

    def _stand(self) -> None:
        """Join the group and ask again and again, until told to stop or the client is of no use."""
        client = self._patience.until_answered(
            lambda: kafka.candidate(self._settings, self._group), "kafka"
        )
        self._settled = self._now()
        try:
            if not self._exists(client):
                return
            client.subscribe([self._topic])
            while not self._stop.is_set():
                self._ask(client)
        except struct.error as error:  # as in `consume`: the client falls over its assignment
            log.warning("assignment.unreadable", reason=str(error))
        finally:
            self._lose("it has left the group")
            client.close(autocommit=False, timeout_ms=_CLOSE_MS)

    def _exists(self, client: Any) -> bool:
        """Whether there is a topic to stand for, by now; two partitions would make two leaders."""
        try:
            kafka.create_leader_topic(self._settings, self._topic)
            refused = ""
        except StopService as error:
            refused = f" ({error})"
        except RetryLater as error:
            return self._wait(str(error))
        with suppress(KafkaError, OSError):
            partitions = client.partitions_for_topic(self._topic)
            if partitions == {0}:
                self._health.beat(PART)
                return True
            found = f"has {len(partitions)} partitions" if partitions else "is missing"
            return self._wait(
                f"topic {self._topic} {found}{refused}: create it with one partition; until then "
                "this watcher judges nothing and tells nobody"
            )
        return self._wait("Kafka does not answer")

    def _wait(self, reason: str) -> bool:
        self._health.trouble(PART, reason)
        log.warning("leadership.waits", reason=reason)
        self._stop.wait(5 * _AGAIN_SECONDS)
        return False

    def _ask(self, client: Any) -> None:
        """One turn: stay a member, and have it confirmed that the partition is ours."""
        try:
            with kafka.errors_sorted():
                client.poll(timeout_ms=_POLL_MS)
                held = client.assignment()
                client.pause(*held)  # there is nothing to read
            asked = self._now()
            if not held:
                self._lose("the partition is another watcher's")
                self._follow(client)
                return
            told = {place: OffsetAndMetadata(0, "", -1) for place in held}
            with kafka.errors_sorted():
                try:
                    client.commit(told, timeout_ms=_ASK_MS)
                except (CommitFailedError, IllegalStateError, RebalanceInProgressError) as error:
                    self._lose(f"{type(error).__name__}: {error}"[:200])
                    return
        except RetryLater as error:
            if self._good_until is not None:
                log.warning("leadership.not_asked", reason=str(error))
                self._good_until = self._now() + self._good_for
            kafka.learn_addresses(client)
            self._stop.wait(_AGAIN_SECONDS)
        else:
            self._confirm(asked)

    def _follow(self, client: Any) -> None:
        """Wait for a turn; where the group does not settle, take out those it waits for.

        Kafka does that by itself, sooner. The embedded broker never does (seen: whoever joins after
        a watcher was killed waits for ever). Who is taken out and lives joins again at once.
        """
        membership = client.group_metadata()
        if membership.state == MemberState.STABLE:
            self._settled, self.stands = self._now(), True
        elif self._now() - self._settled > self._settles_within:
            gone = kafka.take_out_others(self._settings, self._group, membership.member_id)
            self._settled = self._now()
            log.warning("leadership.members_taken_out", members=gone)

    def _confirm(self, asked: float) -> None:
        if self._good_until is None:
            self._terms += 1
            metrics.LEADER.set(1)
            log.info("leadership.taken", topic=self._topic)
        self._good_until = asked + self._good_for
        self._settled, self.stands = asked, True

    def _lose(self, reason: str) -> None:
        if self._good_until is not None:
            metrics.LEADER.set(0)
            log.info("leadership.lost", reason=reason)
        self._good_until = None
