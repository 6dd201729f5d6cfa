"""How a consumer opens what it fetched: to a limit, and naming the place where it cannot.

kafka-python unpacks a batch whatever comes out: gzip makes a gigabyte of one megabyte. And what
it cannot open (a wrong checksum, a codec that is not installed, no gzip in what says gzip) it
raises once without saying where, drops the error where the partition was paused meanwhile, and at
the next poll waits for ever for records of an iterator that has ended. Its one class at fault is
replaced by the one below; tests/stream/test_unpack.py holds that a new release still asks it.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from typing import Any

from kafka import KafkaConsumer, codec
from kafka.consumer.fetcher import Fetcher
from kafka.errors import UnsupportedCodecError
from kafka.record.default_records import DefaultRecordBatch
from kafka.structs import TopicPartition

from stream.errors import StopService

_PACKAGES = {"lz4": "lz4", "snappy": "python-snappy", "zstd": "zstandard"}
_SKIP = "or skip it by hand (kafka-consumer-groups --reset-offsets)"


class UnopenedBatch(StopService):
    """A batch that cannot be opened. A consumer stops its partition there; all others stop."""

    def __init__(self, place: TopicPartition, offset: int, why: str, fix: str) -> None:
        super().__init__(
            f"topic {place.topic}, partition {place.partition}, offset {offset}: the batch cannot "
            f"be opened ({why}); nothing from there on was read or committed. {fix}, {_SKIP}"
        )
        self.place = place
        self.offset = offset


def open_carefully(client: KafkaConsumer, most: int) -> None:
    """Let this client unpack at most `most` bytes at once, and raise UnopenedBatch."""
    client._fetcher.PartitionRecords = partial(_Records, most=most)


class _Records(Fetcher.PartitionRecords):  # type: ignore[misc] # kafka-python has no types
    """What one fetch brought of one partition."""

    def __init__(self, *given: Any, most: int, **named: Any) -> None:
        self._most = most
        super().__init__(*given, **named)

    def take(self, n: int | None = None) -> list[Any]:
        """The next records. Raises UnopenedBatch, after which the next poll fetches anew."""
        try:
            found: list[Any] = super().take(n)
        except Exception as error:  # the codecs raise what they like
            self.drain()
            why = " ".join(str(error).split())[:200] or type(error).__name__
            raise UnopenedBatch(
                self.topic_partition, self.next_fetch_offset, why, _fix(error)
            ) from error
        return found

    def _unpack_records(self, tp: TopicPartition, records: Any, *given: Any) -> Iterator[Any]:
        found: Iterator[Any] = super()._unpack_records(tp, _Batches(records, self._most), *given)
        return found


class _Batches:
    """The batches of a fetch. Once `most` is unpacked the rest is left for the next fetch."""

    def __init__(self, records: Any, most: int) -> None:
        self._records = records
        self._most = most
        self._unpacked = 0

    def next_batch(self) -> Any:
        if self._unpacked >= self._most:
            return None
        batch = self._records.next_batch()
        # Brokers of today convert what comes in a format before version 2, so bombs have that.
        if isinstance(batch, DefaultRecordBatch) and batch.compression_type:
            return _Batch(batch, self._most, self._count)
        return batch

    def _count(self, size: int) -> None:
        self._unpacked += size


class _Batch(DefaultRecordBatch):  # type: ignore[misc] # kafka-python has no types
    """A compressed batch, unpacked to a limit."""

    _buffer: bytes
    _pos: int
    _decompressed: bool

    def __init__(self, packed: DefaultRecordBatch, most: int, count: Callable[[int], None]) -> None:
        super().__init__(packed._buffer)
        self._most = most
        self._count = count

    def _maybe_uncompress(self) -> None:
        if not self._decompressed:
            self._assert_has_codec(self.compression_type)
            unpack = _UNPACK[self.compression_type]
            self._buffer = unpack(bytes(self._buffer[self._pos :]), self._most + 1)
            self._pos = 0
            if len(self._buffer) > self._most:
                raise _TooLarge(f"unpacked it has more than {self._most} bytes")
            self._count(len(self._buffer))
        self._decompressed = True


class _TooLarge(Exception):
    """A bomb, or a limit too low."""


def _gzip(packed: bytes, most: int) -> bytes:
    return gzip.GzipFile(fileobj=BytesIO(packed)).read(most)


def _lz4(packed: bytes, most: int) -> bytes:
    found: bytes = codec.lz4.open(BytesIO(packed)).read(most)
    return found


def _zstd(packed: bytes, most: int) -> bytes:
    reader = codec.zstd.ZstdDecompressor().stream_reader(BytesIO(packed), read_across_frames=True)
    found: bytes = reader.read(most)
    return found


def _snappy(packed: bytes, _most: int) -> bytes:
    """Its format makes at most twenty-one bytes of one."""
    found: bytes = codec.snappy_decode(packed)
    return found


_UNPACK = {
    DefaultRecordBatch.CODEC_GZIP: _gzip,
    DefaultRecordBatch.CODEC_LZ4: _lz4,
    DefaultRecordBatch.CODEC_SNAPPY: _snappy,
    DefaultRecordBatch.CODEC_ZSTD: _zstd,
}


def _fix(error: Exception) -> str:
    if isinstance(error, UnsupportedCodecError):
        missing = [package for name, package in _PACKAGES.items() if name in str(error)]
        return f"Install the codec (pip install {' '.join(missing)}) and start again"
    if isinstance(error, _TooLarge):
        return "If that is no bomb, raise UNDERTONE_KAFKA__MOST_UNPACKED"
    return "Mend the broker's disk or the producer"
