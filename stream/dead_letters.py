"""The dead-letter queue: what breaks the contract is kept, byte for byte, with where and why.

A message is never dropped: if the DLQ cannot be written, the service stops before committing.
And a stream that is mostly bad is not diverted: it stops the service (DESIGN §2).
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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

_UNDELIVERED = (KafkaError, OSError, AssertionError)

Rejected = tuple[Record, RejectMessage]


@dataclass
class Letter:
    """A rejected message on its way to the DLQ; without a future it is still to be sent."""

    record: Record
    reason: RejectMessage
    future: Any = None
    error: Exception | None = None
    cut: bool = False


Letters = deque[Letter]


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
        all_ = bad + good
        # Spread evenly: a large batch is judged by its share, not by how it ends.
        self._recent.extend(n * bad // all_ < (n + 1) * bad // all_ for n in range(all_))
        share = sum(self._recent) / max(len(self._recent), 1)
        if len(self._recent) >= self._least and share > self._most:
            raise StopService(
                f"{share:.0%} of the last {len(self._recent)} messages break the contract; stopped "
                "rather than divert the topic. Mend the producer, then start again; with "
                "UNDERTONE_KAFKA__MOST_BAD=1 until what is there already has gone to the DLQ"
            )


class DeadLetters:
    """Writes rejected messages to the DLQ topic, and waits until the broker has them.

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

    def send(self, rejected: Sequence[Rejected], good: int = 0) -> Letters:
        """Send all, to be waited for; `good` is the number of messages that came with them.

        Raises StopService if most of what arrives is bad.
        """
        self._guard.check(bad=len(rejected), good=good)
        letters = deque(Letter(record, reason) for record, reason in rejected)
        for letter in letters:
            try:
                letter.future = self._send(letter)
            except _UNDELIVERED as error:  # for `wait` to raise; it took the producer's patience
                letter.error = error
                break
        return letters

    def wait(self, letters: Letters) -> None:
        """Return once the broker has all of them; those that it has are taken out of `letters`.

        Raises StopService if it does not take one; RetryLater where no broker answers, after which
        the rest can be waited for again: they are sent anew, and a replay knows a message by its
        place.
        """
        for fresh in (False, True):  # what was sent with the batch may have expired since
            try:
                while letters:
                    self._wait(letters[0])
                    _tell(letters.popleft())
                return
            except _UNDELIVERED as error:
                for letter in letters:
                    letter.future = letter.error = None
                if not self._find_brokers():
                    raise RetryLater(
                        f"Kafka: no broker answers, and {len(letters)} rejected messages wait"
                    ) from None
                if fresh:
                    raise StopService(
                        f"DLQ topic {self._topic} cannot be written ({type(error).__name__}: "
                        f"{error}); nothing past the bad message was committed. Create the topic "
                        "or grant the write"
                    ) from None

    def _wait(self, letter: Letter) -> None:
        """Until it has arrived, or the producer has lost its own patience."""
        if letter.error:
            raise letter.error
        letter.future = letter.future or self._send(letter)
        while True:
            try:
                letter.future.get(_ASK_AGAIN_SECONDS)
                return
            except _TOO_LARGE:
                if letter.cut:
                    raise
                letter.future = self._send(letter, cut=True)
            except KafkaTimeoutError:
                if letter.future.is_done:
                    raise
                self._find_brokers()

    def _send(self, letter: Letter, cut: bool = False) -> Any:
        record, reason, letter.cut = letter.record, letter.reason, cut
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
        if cut and value is not None:
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
            if cut:
                raise
            return self._send(letter, cut=True)


def _tell(letter: Letter) -> None:
    metrics.DEAD_LETTERS.labels(reason=letter.reason.reason).inc()
    log.warning(
        "message.rejected",
        reason=letter.reason.reason,
        detail=letter.reason.detail,
        partition=letter.record.partition,
        offset=letter.record.offset,
    )
