"""A file goes out line by line, in order and at the pace asked for."""

from __future__ import annotations

import gzip
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stream.errors import UsageError
from stream.produce import Line, Sent, last_time, parse, produce, read_lines

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def lines(*seconds: float) -> list[Line]:
    return [Line(b"k", str(at).encode(), NOON + timedelta(seconds=at)) for at in seconds]


def test_lines_go_out_in_order_at_once_without_a_pace() -> None:
    out: list[Line] = []
    told: list[int] = []
    given = lines(*range(450))
    sent = produce(
        iter(given),
        out.append,
        speed=None,
        stop=threading.Event(),
        on_progress=lambda so_far: told.append(so_far.messages),
    )
    assert out == given and sent.messages == 450
    assert told == [200, 400, 450]


def test_a_pace_keeps_the_distances_divided_by_the_speed() -> None:
    at: list[float] = []
    produce(
        iter(lines(0, 10, 20)),
        lambda _: at.append(time.monotonic()),
        speed=100,
        stop=threading.Event(),
    )
    assert at[2] - at[0] >= 0.19


def test_stop_ends_it_between_two_lines() -> None:
    stop = threading.Event()

    def send(_: Line) -> None:
        stop.set()

    assert produce(iter(lines(0, 3600)), send, speed=1, stop=stop).messages == 1


def test_unreadable_lines_go_out_too_and_are_counted() -> None:
    out: list[Line] = []
    given = [parse(line, timedelta(0)) for line in (b"{", b"[]", b'{"source": "s"}')]
    sent: Sent = produce(iter(given), out.append, speed=None, stop=threading.Event())
    assert sent.unreadable == 3
    assert [line.value for line in out] == [b"{", b"[]", b'{"source": "s"}']


def test_a_gzipped_file_is_read_and_empty_lines_left_out(tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl.gz"
    file.write_bytes(gzip.compress(b"a\r\n\nb\n"))
    assert list(read_lines(file)) == [b"a", b"b"]


@pytest.mark.parametrize("content", [None, b"no gzip"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "posts.jsonl.gz"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(UsageError, match=r"posts\.jsonl\.gz"):
        list(read_lines(file))


def test_a_file_without_times_cannot_be_shifted(tmp_path: Path) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_text("{}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="created_at"):
        last_time(file)


def test_it_waits_while_the_consumers_have_no_room() -> None:
    """Whatever the speed of sending, no more than two hundred messages go out between two looks."""
    stop, unread, most = threading.Event(), 0, 0

    def send(_: Line) -> None:
        nonlocal unread, most
        unread += 1
        most = max(most, unread)

    def has_room() -> bool:
        nonlocal unread
        room = unread < 300
        unread = max(0, unread - 150)  # read meanwhile
        return room

    given = lines(*range(2000))
    sent = produce(iter(given), send, speed=None, stop=stop, has_room=has_room)
    assert sent.messages == 2000
    assert most <= 300 + 200


def test_told_to_stop_it_does_not_wait_for_room() -> None:
    stop = threading.Event()

    def has_room() -> bool:
        stop.set()
        return False

    given = lines(*range(500))
    assert produce(iter(given), print, speed=None, stop=stop, has_room=has_room).messages == 200
