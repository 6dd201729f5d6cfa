"""Messages for tests of faults: what the chaos runner's plans send, with all its kinds.

The whole log is read back for the oracle, so it does not matter what exactly arrived how often.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Self

from kafka import KafkaProducer

from stream.kafka import producer as producer_of
from stream.settings import Kafka
from tests.chaos.actions import Send, moved
from tests.chaos.plan import plan

_PLAN = 2000  # actions
_AHEAD = timedelta(days=30)


def messages(seed: int = 1) -> Iterator[Send]:
    """New posts, edits, deletions, duplicates, late ones and bad ones, without end."""
    while True:
        for one in plan(seed, _PLAN):
            if isinstance(one, Send):
                # A plan's clock runs ahead of this machine's.
                yield replace(one, value=moved(one.value, -_AHEAD))
        seed += 1


class Traffic:
    """Sends messages: a given number by `send`, or so many a second while it is entered."""

    def __init__(self, kafka: Kafka, seed: int = 1, a_second: float = 0) -> None:
        self.kafka = kafka
        self._messages = messages(seed)
        self._pause = 1 / a_second if a_second else 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._flow, name="traffic")
        self.sent = 0

    def send(self, number: int) -> None:
        """By a client of its own: the broker may be another one than the last time."""
        producer = producer_of(self.kafka)
        for _ in range(number):
            self._put(producer)
        producer.flush(30)
        producer.close(timeout=5)

    def _put(self, producer: KafkaProducer) -> None:
        one = next(self._messages)
        producer.send(
            self.kafka.topic,
            key=one.key.encode(),
            value=None if one.value is None else one.value.encode(),
            partition=one.partition,
        )
        self.sent += 1

    def _flow(self) -> None:
        producer = producer_of(self.kafka)
        while not self._stop.wait(self._pause):
            self._put(producer)
        producer.flush(30)
        producer.close(timeout=5)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(60)
