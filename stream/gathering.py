"""Messages that were read and wait for their batch to begin. Pure: time is passed in."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from stream.decode import Record

_HEAVY_BYTES = 16 << 20  # a batch is full at this weight, too: one fetch may hold many bombs


class Gathering:
    """What a batch is cut from, in the order of arrival. Seconds are of any steady clock."""

    def __init__(self) -> None:
        self._records: list[Record] = []
        self._bytes = 0
        self._since = 0.0

    def __len__(self) -> int:
        return len(self._records)

    def add(self, records: Sequence[Record], now: float) -> None:
        if not self._records:
            self._since = now
        self._records += records
        self._bytes += _weight(records)

    def is_full(self, posts: int) -> bool:
        """Whether it holds a batch of so many posts, or a heavy one."""
        return len(self._records) >= posts or self._bytes >= _HEAVY_BYTES

    def is_older(self, seconds: float, now: float) -> bool:
        """Whether its first message has waited so long; an empty one is of no age."""
        return bool(self._records) and now - self._since >= seconds

    def cut(self, posts: int, now: float) -> list[Record]:
        """Take the first `posts` out."""
        batch = self._records[:posts]
        self._records = self._records[posts:]
        self._bytes -= _weight(batch)
        self._since = now
        return batch

    def keep_only(self, partitions: Collection[int]) -> None:
        """Drop what is of other partitions: another member reads it now."""
        self._records = [record for record in self._records if record.partition in partitions]
        self._bytes = _weight(self._records)

    def clear(self) -> None:
        self.keep_only(())


def _weight(records: Sequence[Record]) -> int:
    return sum(len(record.value or b"") for record in records)
