"""The dead-letter queue: what breaks the contract is kept, byte for byte, with where and why.

A message is never dropped: if the DLQ cannot be written, the service stops before committing.
And a stream that is mostly bad is not diverted: it stops the service (DESIGN §2).
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import structlog
from kafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError

from stream import metrics
from stream.decode import Record
from stream.errors import RejectMessage, RetryLater, StopService
from stream.rows import milliseconds

log = structlog.get_logger()

_TRUNCATED_BYTES = 512 * 1024
_ASK_AGAIN_SECONDS = 5
_TOO_LARGE = (MessageSizeTooLargeError,)

Rejected = tuple[Record, RejectMessage]


class Producer(Protocol):
    """The part of KafkaProducer used here."""

    def send(self, topic: str, **message: Any) -> Any: ...
    def flush(self, timeout: float | None = None) -> Any: ...


class BadStreamGuard:
    """Stops the service when most of what arrives is bad: a broken crawler, not a bad message.

    It judges the last `look_at` messages, and from the `least`-th on: what is started again and
    again on a bad stream diverts no more than that at each start. `most` of 1 lets all through.
    """

    def __init__(self, most: float = 0.5, look_at: int = 400, least: int = 100) -> None:
        self._recent: deque[bool] = deque(maxlen=look_at)
        self._least = least
        self._most = most

    def check(self, bad: int, good: int) -> None:
        """Count one batch, before its bad messages are diverted. Raises StopService."""
        self._recent.extend([True] * bad + [False] * good)
        share = sum(self._recent) / max(len(self._recent), 1)
        if len(self._recent) >= self._least and share > self._most:
            raise StopService(
                f"{share:.0%} of the last {len(self._recent)} messages break the contract; stopped "
                "rather than divert the topic. Mend the producer, then start again; with "
                "UNDERTONE_KAFKA__MOST_BAD=1 until what is there already has gone to the DLQ"
            )


class DeadLetters:
    """Writes rejected messages to the DLQ topic and returns once the broker has them.

    `find_brokers` is called where no answer comes: perhaps they are elsewhere now. It returns
    whether any of them answers at all.
    """

    def __init__(
        self,
        producer: Producer,
        topic: str,
        guard: BadStreamGuard | None = None,
        find_brokers: Callable[[], bool] = lambda: True,
    ) -> None:
        self._producer = producer
        self._topic = topic
        self._guard = guard or BadStreamGuard()
        self._find_brokers = find_brokers

    def check(self, bad: int, good: int) -> None:
        """Take note of what a batch brought. Raises StopService if most of what arrives is bad."""
        self._guard.check(bad=bad, good=good)

    def write(self, rejected: Sequence[Rejected]) -> None:
        """Send all and wait for all.

        Raises StopService if one could not be delivered; RetryLater where no broker answers, after
        which all may be written again: a replay knows a message by its place.
        """
        try:
            waiting = [(one, self._send(*one)) for one in rejected]
            for (record, reason), future in waiting:
                try:
                    self._wait(future)
                except _TOO_LARGE:
                    self._wait(self._send(record, reason, truncate=True))
        except (KafkaError, OSError, AssertionError) as error:
            if not self._find_brokers():
                raise RetryLater(
                    f"Kafka: no broker answers, and {len(rejected)} rejected messages wait for it"
                ) from None
            raise StopService(
                f"DLQ topic {self._topic} cannot be written ({type(error).__name__}: {error}); "
                "nothing past the bad message was committed. Create the topic or grant the write"
            ) from None
        for record, reason in rejected:
            metrics.DEAD_LETTERS.labels(reason=reason.reason).inc()
            log.warning(
                "message.rejected",
                reason=reason.reason,
                detail=reason.detail,
                partition=record.partition,
                offset=record.offset,
            )

    def _wait(self, future: Any) -> None:
        """Until it is delivered, or the producer has lost its own patience."""
        while True:
            try:
                future.get(_ASK_AGAIN_SECONDS)
                return
            except KafkaTimeoutError:
                if future.is_done:
                    raise
                self._find_brokers()

    def _send(self, record: Record, reason: RejectMessage, truncate: bool = False) -> Any:
        value = record.value
        headers = [
            *record.headers,
            ("error", str(reason).encode()),
            ("topic", record.topic.encode()),
            ("partition", str(record.partition).encode()),
            ("offset", str(record.offset).encode()),
            # Clocks of a post are judged by it, so a replay must know it; milliseconds.
            ("timestamp", str(milliseconds(record.time)).encode()),
        ]
        if truncate and value is not None:
            headers += [
                ("truncated", b"true"),
                ("size", str(len(value)).encode()),
                ("sha256", hashlib.sha256(value).hexdigest().encode()),
            ]
            value = value[:_TRUNCATED_BYTES]
        # The client refuses a message without key and value; an empty key says as little.
        key = b"" if record.key is None and value is None else record.key
        try:
            return self._producer.send(self._topic, key=key, value=value, headers=headers)
        except _TOO_LARGE:
            if truncate:
                raise
            return self._send(record, reason, truncate=True)
