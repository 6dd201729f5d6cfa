"""A process of its own in which a consumer meets bombs; prints how far its memory grew, as JSON.

`python -m tests.stream.bombed BROKER TOPIC DLQ DIRECTORY MEGABYTES`. It runs the real consumer
with a costless scorer, and the measure begins when it has done some work.
"""

from __future__ import annotations

import itertools
import json
import sys
import threading
import time
import zlib
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path

from kafka.record.util import encode_varint

from stream import schema
from stream.database import connect
from stream.settings import ClickHouse, Kafka
from tests.stream.consuming import Service, eventually, post, stored
from tests.stream.raw_batches import GZIP, batch, packed, send_raw

MEGABYTE = 1 << 20
PARTITIONS = 3
WARM = 6  # batches of a hundred good posts


def resident() -> float:
    """Megabytes of this process in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / MEGABYTE


class Peak:
    """The most that `resident` gave while it ran, looked at every 5 ms."""

    def __enter__(self) -> Peak:
        self.megabytes = resident()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self) -> None:
        while not self._end.wait(0.005):
            self.megabytes = max(self.megabytes, resident())

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()


def squeeze(pieces: Iterable[bytes]) -> bytes:
    """Gzip, piece by piece: the bomb's maker must not hold it either."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(map(packer.compress, pieces)) + packer.flush()


def record(offset: int, size: int) -> Iterator[bytes]:
    """A record of so many zeros."""
    offset_and_size, whole = bytearray(), bytearray()
    for number in (offset, -1, size):  # -1: no key
        encode_varint(number, offset_and_size.append)
    encode_varint(3 + len(offset_and_size) + size, whole.append)
    yield bytes(whole + bytes(2) + offset_and_size)  # no attributes, no later than the first
    for at in range(0, size, MEGABYTE):
        yield bytes(min(MEGABYTE, size - at))
    yield bytes(1)  # no headers


def one_record(size: int) -> bytearray:
    """About a thousandth of that on the wire."""
    return packed(GZIP, b"", pack=lambda _: squeeze(record(0, size)))


def many_records(size: int) -> bytearray:
    """Records of 64 KB until there are so many bytes."""
    number = size // 65_536
    pieces = itertools.chain.from_iterable(record(offset, 65_536) for offset in range(number))
    return packed(GZIP, b"", pack=lambda _: squeeze(pieces), records=number)


def many_batches(size: int) -> list[bytearray]:
    """As many as one fetch can bring, each as large as is opened."""
    return [one_record(15 * MEGABYTE)] * (size // 15 // MEGABYTE)


def main() -> None:
    bootstrap, topic, dlq, directory, megabytes = sys.argv[1:]
    size = int(megabytes) * MEGABYTE
    kafka = Kafka(
        bootstrap_servers=bootstrap,
        topic=topic,
        dlq_topic=dlq,
        group_id=topic,
        partitions=PARTITIONS,
        most_bad=1,
        batch_age=timedelta(milliseconds=100),
    )
    clickhouse = ClickHouse(path=Path(directory))
    client = connect(clickhouse, "")
    schema.apply(client, schema.Target(clickhouse.database, retention_days=400))
    client.close()
    client = connect(clickhouse)
    service = Service(kafka, clickhouse)

    def send(partition: int, *batches: bytes) -> None:
        send_raw(bootstrap, topic, partition, [*batches, batch(post(f"after {time.time_ns()}"))])

    def stopped(partition: int) -> bool:
        return f"partition {partition}, offset" in str(service.health.problems())

    try:
        for number in range(WARM):
            send(number % PARTITIONS, batch(*(post(f"{number}-{i}") for i in range(99))))
        eventually(lambda: stored(client) == WARM * 100)
        start, grown = resident(), {}
        with Peak() as peak:
            for partition in range(PARTITIONS):
                send(partition, *many_batches(size // PARTITIONS))
            eventually(lambda: stored(client) == WARM * 100 + PARTITIONS, within=300)
        grown["many batches"] = peak.megabytes - start
        with Peak() as peak:
            send(0, one_record(size))
            eventually(lambda: stopped(0), within=300)
        grown["one record"] = peak.megabytes - start
        with Peak() as peak:
            send(1, many_records(size * 7 // 8))  # they squeeze less well
            eventually(lambda: stopped(1), within=300)
        grown["many records"] = peak.megabytes - start
        print(json.dumps(grown))
    finally:
        service.close()
        client.close()


if __name__ == "__main__":
    main()
