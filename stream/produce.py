"""Put a file in the wire format on the topic: for trials, back-fills and demonstrations.

Lines go out as they are, under the contract's key; a line that is not JSON goes out too (the
service must cope) and is counted. The record's own time is that of sending, as a crawler's is:
a broker would soon drop records that carry the dates of an old file.
"""

from __future__ import annotations

import gzip
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any

from stream.errors import UsageError

_PROGRESS_EVERY = 200  # messages
_LOOK_AGAIN = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class Line:
    """One message to send. `at` is its place in time; None where the line tells none."""

    key: bytes | None
    value: bytes
    at: datetime | None


@dataclass
class Sent:
    """What went out."""

    messages: int = 0
    unreadable: int = 0
    seconds: float = 0.0
    first: datetime | None = None
    last: datetime | None = None


def read_lines(file: Path) -> Iterator[bytes]:
    """Lines of a JSON-lines file, gzipped or not, without their ends; empty ones are left out."""
    try:
        with _open(file) as lines:
            for line in lines:
                if stripped := line.rstrip(b"\r\n"):
                    yield stripped
    except FileNotFoundError:
        raise UsageError(f"{file}: no such file; give a .jsonl or .jsonl.gz file") from None
    except (OSError, EOFError) as error:
        raise UsageError(f"{file}: cannot be read: {error}") from None


def last_time(file: Path) -> datetime:
    """The latest `created_at` of a file. Raises UsageError where no line has one."""
    times = [at for at in (parse(line, timedelta(0)).at for line in read_lines(file)) if at]
    if not times:
        raise UsageError(f"{file}: no line has a created_at; --shift-to-now needs one")
    return max(times)


def parse(line: bytes, shift: timedelta) -> Line:
    """Read key and time of a line, and move its times by `shift`."""
    try:
        message: Any = json.loads(line)
        source, post_id = message["source"], message["post_id"]
        key = f"{source}:{post_id}".encode()
    except (ValueError, KeyError, TypeError, UnicodeEncodeError):
        return Line(None, line, None)
    at = None
    for name in ("created_at", "updated_at"):
        try:
            moved = datetime.fromisoformat(message[name]) + shift
            at = moved.astimezone(UTC)
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        if shift:
            message[name] = moved.isoformat()
    value = json.dumps(message, ensure_ascii=False).encode("utf-8", "replace") if shift else line
    return Line(key, value, at)


def produce(
    lines: Iterator[Line],
    send: Callable[[Line], Any],
    *,
    speed: float | None,
    stop: threading.Event,
    has_room: Callable[[], bool] = lambda: True,
    on_progress: Callable[[Sent], None] = lambda _: None,
) -> Sent:
    """Send lines in their order. `speed` 1 keeps the file's own pace, None knows no pace.

    Every two hundred messages it waits until `has_room`: whoever reads them has not too many left.
    """
    sent = Sent()
    began = time.monotonic()
    for line in lines:
        if stop.is_set():
            break
        at = line.at or sent.last or datetime.now(UTC)
        if sent.first is None:
            sent.first = at
        if speed is not None:
            due = began + (at - sent.first).total_seconds() / speed
            while (wait := due - time.monotonic()) > 0 and not stop.wait(min(wait, 0.5)):
                pass
        send(line)
        sent.messages += 1
        sent.unreadable += line.key is None
        sent.last = max(at, sent.last or at)
        if sent.messages % _PROGRESS_EVERY == 0:
            sent.seconds = time.monotonic() - began
            on_progress(sent)
            while not stop.is_set() and not has_room():
                stop.wait(_LOOK_AGAIN)
    sent.seconds = time.monotonic() - began
    on_progress(sent)
    return sent


def _open(file: Path) -> IO[bytes]:
    return gzip.open(file, "rb") if file.suffix == ".gz" else file.open("rb")  # type: ignore[return-value]
