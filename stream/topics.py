"""What lies in a topic: records as the service reads them, and looks that take nothing from it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from kafka.structs import TopicPartition

from stream.decode import Record
from stream.errors import RetryLater, StopService
from stream.kafka import errors_sorted

_STUCK_SECONDS = 30
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST_MS = 7_258_118_400_000  # 2200: a producer that gives microseconds must stop nobody


def partitions(client: Any, topic: str) -> set[int]:
    """The numbers of a topic's partitions. Raises StopService where there is no such topic,
    RetryLater where no broker answers."""
    with errors_sorted():
        found: set[int] | None = client.partitions_for_topic(topic)
    if not found:
        raise StopService(
            f"kafka.topic {topic}: no such topic; create it, or set "
            "UNDERTONE_KAFKA__CREATE_TOPICS=true"
        )
    return found


def records(polled: Mapping[Any, list[Any]]) -> Iterator[Record]:
    """What `poll` returned as records, partition by partition, in offset order."""
    for place, messages in polled.items():
        for message in messages:
            yield Record(
                topic=place.topic,
                partition=place.partition,
                offset=message.offset,
                time=_EPOCH + timedelta(milliseconds=min(max(message.timestamp, 0), _LATEST_MS)),
                key=message.key,
                value=message.value,
                headers=tuple((name, value or b"") for name, value in message.headers or ()),
            )


def newest(client: Any, topic: str, number: int) -> list[Record]:
    """About the last `number` records of a topic, for a look; nothing is joined or committed.

    `client` is a consumer that is not subscribed. Waits at most five seconds.
    """
    places = [TopicPartition(topic, part) for part in client.partitions_for_topic(topic) or ()]
    begins, ends = client.beginning_offsets(places), client.end_offsets(places)
    share = -(-number // max(1, len(places)))
    client.assign(places)
    for place in places:
        client.seek(place, max(begins[place], ends[place] - share))
    found: list[Record] = []
    wanted = sum(min(ends[place] - begins[place], share) for place in places)
    deadline = time.monotonic() + 5
    while len(found) < wanted and time.monotonic() < deadline:
        found += records(client.poll(timeout_ms=200))
    return found


def spans(client: Any, topic: str) -> dict[int, range]:
    """The offsets that each partition of a topic holds now.

    Raises StopService where there is no such topic, RetryLater where no broker answers.
    """
    with errors_sorted():
        places = [TopicPartition(topic, part) for part in client.partitions_for_topic(topic) or ()]
        if not places:
            raise StopService(
                f"Kafka: no topic {topic}; create it, or mend kafka.topic or kafka.dlq_topic"
            )
        begins, ends = client.beginning_offsets(places), client.end_offsets(places)
    return {place.partition: range(begins[place], ends[place]) for place in sorted(places)}


def lag(client: Any, topic: str) -> int:
    """Messages of the topic that the client's group has not committed. Raises as `spans` does."""
    found = spans(client, topic)
    with errors_sorted():
        done = {part: client.committed(TopicPartition(topic, part)) or 0 for part in found}
    return sum(max(0, span.stop - max(done[part], span.start)) for part, span in found.items())


def read(client: Any, topic: str, offsets: Mapping[int, range]) -> Iterator[Record]:
    """The records in these spans of offsets, partition by partition, each in its order.

    `client` is a reader. Raises RetryLater when nothing comes for thirty seconds.
    """
    for partition, span in offsets.items():
        place = TopicPartition(topic, partition)
        client.assign([place])
        client.seek(place, span.start)
        at, moved = span.start, time.monotonic()
        # By position, not by records: compaction and transactions leave offsets without one.
        while at < span.stop:
            with errors_sorted():
                found = list(records(client.poll(timeout_ms=500)))
                position = client.position(place, timeout_ms=_STUCK_SECONDS * 1000)
            yield from (record for record in found if record.offset < span.stop)
            if position is not None and position > at:
                at, moved = position, time.monotonic()
            elif time.monotonic() - moved > _STUCK_SECONDS:
                raise RetryLater(
                    f"Kafka: nothing of topic {topic} came for {_STUCK_SECONDS} s, at partition "
                    f"{partition}, offset {at}; look after the broker and call again"
                )
