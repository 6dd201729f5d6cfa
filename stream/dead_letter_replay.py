"""The way back from the dead-letter queue: read letters, judge them anew, send what passes today.

A letter is a record of the DLQ topic: a message as it came, with headers that say why it was
refused and where it lay. Nothing is ever deleted there, and nothing that would be refused again is
sent, so a replay cannot loop; replaying twice ends in the same posts.
"""

from __future__ import annotations

import hashlib
import threading
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol, get_args

from kafka.errors import KafkaError

from stream.dead_letters import Producer
from stream.decode import Record, decode
from stream.errors import RejectMessage, RejectReason, StopService
from stream.rows import milliseconds

Obstacle = Literal["truncated", "unknown", "other_topic"]

REASONS = (*get_args(RejectReason), "unknown")  # what `Letter.reason` is, by our own hand
_LONGEST_DETAIL = 400  # characters; ours are shorter, and others' lines must not fill the screen
_IN_FLIGHT = 64  # messages of up to 1 MB that wait for their acknowledgement
_SEND_SECONDS = 45
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Letter:
    """One record of the DLQ topic, and the message it keeps."""

    record: Record
    reason: str  # `unknown` where Undertone did not write it
    detail: str
    size: int | None  # bytes of the value as it first came; None: a null value
    truncated: bool  # only the value's beginning is kept
    original: Record | None  # as it lay in its own topic; None where nothing tells

    @property
    def place(self) -> str:
        """Where it lies in the DLQ: PARTITION:OFFSET."""
        return f"{self.record.partition}:{self.record.offset}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a letter cannot go back today."""

    why: RejectReason | Obstacle
    detail: str


@dataclass
class Replayed:
    """What became of the letters. Counts are of letters."""

    sent: int = 0  # and acknowledged; in a dry run: those that would be
    copies: int = 0  # not sent: the very message was sent already in this run
    refused: Counter[str] = field(default_factory=Counter)  # by `Refusal.why`
    first: dict[str, str] = field(default_factory=dict)  # one example of each
    ended_by: Literal["end", "limit", "order"] = "end"  # of the letters, or by an order to stop
    next_offsets: dict[int, int] = field(default_factory=dict)  # where to go on, by DLQ partition


class Sending(Protocol):
    """A message under way, as the producer's `send` returns it."""

    def get(self, timeout: float) -> Any: ...


Send = Callable[[Record], Sending]


def read_letter(record: Record) -> Letter:
    """Part a record of the DLQ into the message as it came and what was noted about it.

    What DeadLetters adds stands last, so headers of the same names that the message brought along
    are the message's own and stay with it.
    """
    headers = list(record.headers)
    cut = _take_last(headers, "truncated", "size", "sha256")
    # Early letters do not tell the record's own time. That of the letter stands in: it is later by
    # the consumer's lag, so that a post may pass that was ahead of its own record by as much.
    stamp = _take_last(headers, "timestamp")
    noted = _take_last(headers, "error", "topic", "partition", "offset")
    size = None if record.value is None else len(record.value)
    try:
        original = replace(
            record,
            topic=noted["topic"].decode(),
            partition=int(noted["partition"]),
            offset=int(noted["offset"]),
            time=_time(stamp["timestamp"]) if stamp else record.time,
            headers=tuple(headers),
        )
        size = int(cut["size"]) if cut else size
    except (KeyError, ValueError, OverflowError):
        return Letter(record, "unknown", "not written by Undertone", size, False, None)
    reason, _, detail = shown(noted["error"])[:_LONGEST_DETAIL].partition(": ")
    return Letter(record, reason, detail, size, bool(cut), original)


def refusal(letter: Letter, topic: str) -> Refusal | None:
    """Judge a letter as the service judges messages of `topic` today. None: it would be taken."""
    original = letter.original
    if original is None:
        return Refusal("unknown", "its headers do not tell where it came from")
    if letter.truncated:
        return Refusal("truncated", "only the beginning is kept; send it again from its source")
    if original.topic != topic:
        return Refusal("other_topic", f"it came from topic {original.topic}, not {topic}")
    try:
        decode(original)
    except RejectMessage as error:
        return Refusal(error.reason, error.detail)
    return None


def replay(
    letters: Iterable[Letter],
    topic: str,
    send: Send | None,
    *,
    limit: int | None = None,
    stop: threading.Event | None = None,
) -> Replayed:
    """Send back what passes today, in order, and wait until the broker has all of it.

    Without `send` it is a dry run. `limit` bounds the messages sent. Raises StopService where one
    could not be delivered; it says how many were.
    """
    report = Replayed()
    under_way: deque[tuple[Letter, Sending]] = deque()
    passed: set[tuple[object, ...]] = set()
    for letter in letters:
        if stop and stop.is_set():
            report.ended_by = "order"
            break
        if len(passed) == limit:
            report.ended_by = "limit"
            break
        report.next_offsets[letter.record.partition] = letter.record.offset + 1
        if found := refusal(letter, topic):
            report.refused[found.why] += 1
            report.first.setdefault(found.why, f"{letter.place}: {found.detail}")
            continue
        assert letter.original is not None
        # A message that an unmended service refused again after a replay lies here twice.
        # Were both sent each time, every further replay would double them.
        if (name := _identity(letter.original)) in passed:
            report.copies += 1
            continue
        passed.add(name)
        if send is None:
            report.sent += 1
            continue
        with _failure_told(letter, report):
            under_way.append((letter, send(letter.original)))
        if len(under_way) == _IN_FLIGHT:
            _await_first(under_way, report)
    while under_way:
        _await_first(under_way, report)
    return report


def sender(producer: Producer, topic: str, partitions: Collection[int]) -> Send:
    """How a message goes back: the same key, bytes and headers, partition and timestamp.

    The timestamp: a row's version holds it, after the post's own clock. With the time of the
    replay, an old message would beat a newer edit whose own clock is equal (a producer that sends
    no `updated_at`); with its own it stays as old as it is. The service also judges
    `from_the_future` by it, as we did. Only the offset is new, so a second replay writes the same
    row once more.

    The partition: another client's partitioner may have chosen it by another hash of the key, and
    a post's messages belong in one. Where it is gone, the key decides.
    """

    def send(original: Record) -> Sending:
        sending: Sending = producer.send(
            topic,
            key=original.key,
            value=original.value,
            headers=list(original.headers),
            partition=original.partition if original.partition in partitions else None,
            timestamp_ms=milliseconds(original.time),
        )
        return sending

    return send


def shown(value: bytes) -> str:
    """Bytes as text; what is no UTF-8 as \\x escapes. Control characters are still in it."""
    return value.decode("utf-8", "backslashreplace")


def _await_first(under_way: deque[tuple[Letter, Sending]], report: Replayed) -> None:
    letter, sending = under_way.popleft()
    with _failure_told(letter, report):
        sending.get(_SEND_SECONDS)
    report.sent += 1


@contextmanager
def _failure_told(letter: Letter, report: Replayed) -> Iterator[None]:
    try:
        yield
    except (KafkaError, OSError, AssertionError) as error:
        raise StopService(
            f"letter {letter.place} could not be sent ({type(error).__name__}: {error}); "
            f"{report.sent} before it were. Call again when the broker takes it: what is sent "
            "twice counts once"
        ) from None


def _identity(original: Record) -> tuple[object, ...]:
    digest = hashlib.sha256(original.value or b"").digest()
    return original.key, original.value is None, digest, original.time, original.headers


def _take_last(headers: list[tuple[str, bytes]], *names: str) -> dict[str, bytes]:
    """Remove the headers at the end if they have these names; else take none."""
    last = headers[-len(names) :]
    if tuple(name for name, _ in last) != names:
        return {}
    del headers[-len(names) :]
    return dict(last)


def _time(milliseconds_since_1970: bytes) -> datetime:
    return _EPOCH + timedelta(milliseconds=int(milliseconds_since_1970))
