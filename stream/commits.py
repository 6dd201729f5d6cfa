"""Offsets that are stored and therefore may be committed, until Kafka has taken them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import structlog
from kafka.errors import CommitFailedError, IllegalStateError, KafkaError
from kafka.structs import OffsetAndMetadata, TopicPartition

from stream.decode import Record
from stream.store import Position

log = structlog.get_logger()

_COMMIT_MS = 10_000


def read_to(batch: Sequence[Record], partitions: int) -> list[Position]:
    """How far a batch reads each of its partitions; the topic has `partitions` in all."""
    last: dict[int, Record] = {record.partition: record for record in batch}
    return [
        Position(partition, partitions, record.time, record.offset + 1)
        for partition, record in sorted(last.items())
    ]


class Commits:
    """Commits of one membership of the group. A lost one costs nothing: rows are safe to repeat.

    What is refused because of a rebalance is owed until the next call: a partition that is kept is
    read on from where it was, so that no message may come to cover it.
    """

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._owed: dict[int, int] = {}  # next offset by partition

    def commit(self, client: Any, positions: Sequence[Position] = ()) -> None:
        """Commit these and what is owed, where the partition is still the client's."""
        self._owed |= {p.partition: p.next_offset for p in positions}
        owned = {place.partition for place in client.assignment()}
        self._owed = {part: at for part, at in self._owed.items() if part in owned}
        offsets = {
            TopicPartition(self._topic, part): OffsetAndMetadata(at, "", -1)
            for part, at in self._owed.items()
        }
        if not offsets:
            return
        try:
            client.commit(offsets, timeout_ms=_COMMIT_MS)
        except (CommitFailedError, IllegalStateError) as error:
            log.warning("commit.refused", reason=type(error).__name__)
        except (KafkaError, OSError) as error:
            log.warning("commit.failed", reason=f"{type(error).__name__}: {error}"[:200])
        else:
            self._owed = {}
