"""Record batches made and sent by hand: what no well-behaved producer would send."""

from __future__ import annotations

import gzip
import socket
import struct
import time
from collections.abc import Callable, Iterable

from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from kafka.record.util import calc_crc32c

GZIP, SNAPPY, LZ4, ZSTD = 1, 2, 3, 4
_CRC = DefaultRecordBatch.CRC_OFFSET
_ATTRIBUTES = DefaultRecordBatch.ATTRIBUTES_OFFSET
_HEAD = DefaultRecordBatch.HEADER_STRUCT.size
_LAST_OFFSET = _ATTRIBUTES + 2
_PRODUCE, _VERSION = 0, 3


def batch(*values: bytes) -> bytearray:
    """A sound batch of these values without compression, of now: a topic's retention may be on."""
    at = int(time.time() * 1000)
    builder = DefaultRecordBatchBuilder(2, 0, False, -1, -1, -1, 1 << 40)
    for offset, value in enumerate(values):
        assert builder.append(offset, timestamp=at, key=None, value=value, headers=[])
    return bytearray(builder.build())


def packed(
    codec: int,
    *values: bytes,
    pack: Callable[[bytes], bytes] = gzip.compress,
    records: int | None = None,
) -> bytearray:
    """A batch that says it is compressed by `codec`; its records went through `pack`.

    `records` is how many it says it has, where that is not the number of values.
    """
    plain = batch(*values)
    if records is not None:
        struct.pack_into(">i", plain, _LAST_OFFSET, records - 1)
        struct.pack_into(">i", plain, _HEAD - 4, records)
    raw = plain[:_HEAD] + pack(bytes(plain[_HEAD:]))
    struct.pack_into(">i", raw, 8, len(raw) - 12)
    struct.pack_into(">h", raw, _ATTRIBUTES, codec)
    struct.pack_into(">I", raw, _CRC, calc_crc32c(memoryview(raw)[_ATTRIBUTES:]))
    return raw


def corrupt(raw: bytearray) -> bytearray:
    """The same batch with its last byte flipped: the checksum is wrong."""
    raw[-1] ^= 0xFF
    return raw


def send_raw(broker: str, topic: str, partition: int, batches: Iterable[bytes]) -> None:
    """Produce these bytes as they are. Fails where the broker refuses one."""
    host, port = broker.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        for number, raw in enumerate(batches):
            request = struct.pack(">hhih", _PRODUCE, _VERSION, number, -1)  # no client id
            request += struct.pack(">hhi", -1, -1, 30_000)  # no transaction, all replicas
            request += struct.pack(">ih", 1, len(topic)) + topic.encode()
            request += struct.pack(">iii", 1, partition, len(raw)) + raw
            connection.sendall(struct.pack(">i", len(request)) + request)
            (size,) = struct.unpack(">i", _exactly(connection, 4))
            answer = _exactly(connection, size)
            # correlation, topics, name, partitions, partition, error
            (error,) = struct.unpack_from(">h", answer, 4 + 4 + 2 + len(topic) + 4 + 4)
            assert error == 0, f"the broker refused the batch with error {error}"


def _exactly(connection: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = connection.recv(size - len(found))
        assert part, "the broker closed the connection"
        found += part
    return found
