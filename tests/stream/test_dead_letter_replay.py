"""A letter gives back the message as it came, and only what would be taken today goes back."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from stream.cli.dlq_screen import line, report, whole
from stream.dead_letter_replay import Letter, read_letter, refusal, replay, sender
from stream.dead_letters import DeadLetters
from stream.decode import Record
from stream.errors import RejectMessage, StopService

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=30)  # when the consumer came to it
OURS = ("error", "topic", "partition", "offset", "timestamp")
BAD = RejectMessage("bad_field", "rating: too high")


class Broker:
    """A producer that keeps what it is sent; `most` is the most bytes of a value it takes."""

    def __init__(self, most: int = 2**30) -> None:
        self.sent: list[dict[str, Any]] = []
        self._most = most

    def send(self, topic: str, **message: Any) -> Broker:
        if len(message["value"] or b"") > self._most:
            raise MessageSizeTooLargeError("too large")
        self.sent.append({"topic": topic, **message})
        return self

    def get(self, _timeout: float) -> None: ...

    def flush(self, timeout: float | None = None) -> None: ...


def dead(record: Record, why: RejectMessage = BAD, most: int = 2**30) -> Record:
    """The record of the DLQ that a refused one becomes."""
    broker = Broker(most)
    letters = DeadLetters(broker, "dlq")
    letters.wait(letters.send([(record, why)]))
    (sent,) = broker.sent
    headers = tuple(sent["headers"])
    return Record("dlq", 0, 7, LATER, sent["key"], sent["value"], headers)


def message(post_id: int = 1, **fields: Any) -> Record:
    whole = {"post_id": str(post_id), "source": "s", "text": "t", "created_at": NOON.isoformat()}
    value = json.dumps({**whole, **fields}).encode()
    return Record("posts", 2, 40 + post_id, NOON, f"s:{post_id}".encode(), value)


def letters(*records: Record) -> Iterable[Letter]:
    for offset, record in enumerate(records):
        yield read_letter(replace(dead(record), offset=offset))


headers = st.lists(
    st.tuples(st.sampled_from((*OURS, "truncated", "size", "sha256", "trace")), st.binary())
)


@given(key=st.binary(), value=st.none() | st.binary(), own=headers)
def test_a_letter_gives_back_the_message_to_the_byte_even_with_headers_named_like_ours(
    key: bytes, value: bytes | None, own: list[tuple[str, bytes]]
) -> None:
    record = Record("posts", 3, 5, NOON, key, value, tuple(own))
    letter = read_letter(dead(record))
    assert letter.original == record
    assert (letter.reason, letter.detail) == ("bad_field", "rating: too high")
    assert letter.size == (None if value is None else len(value))


def test_clocks_are_judged_by_the_time_of_the_message_and_not_of_the_letter() -> None:
    ahead = message(created_at=(NOON + timedelta(minutes=20)).isoformat())
    found = refusal(read_letter(dead(ahead)), "posts")
    assert found is not None and found.why == "from_the_future"
    # Letters written before they told the time: their own has to do, and goes along.
    early = dead(ahead)
    letter = read_letter(replace(early, headers=early.headers[:-1]))
    assert refusal(letter, "posts") is None
    assert letter.original == replace(ahead, time=LATER)


def test_a_letter_cut_short_is_never_sent_and_says_so() -> None:
    letter = read_letter(dead(replace(message(), value=b" " * 600_000), most=590_000))
    assert letter.truncated and letter.size == 600_000
    found = refusal(letter, "posts")
    assert found is not None and found.why == "truncated"
    assert "600000 B (truncated)" in line(letter)


@pytest.mark.parametrize(
    "noted",
    [
        (),
        (("error", b"bad_field: x"),),
        (("error", b"x"), ("topic", b"posts"), ("partition", b"two"), ("offset", b"1")),
        (("error", b"x"), ("topic", b"\xff"), ("partition", b"2"), ("offset", b"1")),
        tuple((name, b"9" * 30) for name in OURS),
    ],
)
def test_what_undertone_did_not_write_is_shown_and_never_sent(
    noted: tuple[tuple[str, bytes], ...],
) -> None:
    letter = read_letter(Record("dlq", 0, 1, NOON, None, message().value, noted))
    assert letter.reason == "unknown" and "unknown" in line(letter)
    found = refusal(letter, "posts")
    assert found is not None and found.why == "unknown"


def test_a_message_of_another_topic_is_not_sent_to_this_one() -> None:
    found = refusal(read_letter(dead(message())), "posts-of-others")
    assert found is not None and found.why == "other_topic"


def test_a_message_goes_back_with_its_key_bytes_headers_time_and_partition() -> None:
    broker = Broker()
    record = replace(message(), headers=(("trace", b"\xff"),))
    done = replay(letters(record), "posts", sender(broker, "posts", {0, 1, 2}))
    assert done.sent == 1 and done.ended_by == "end"
    assert broker.sent == [
        {
            "topic": "posts",
            "key": record.key,
            "value": record.value,
            "headers": [("trace", b"\xff")],
            "partition": 2,
            "timestamp_ms": int(NOON.timestamp() * 1000),
        }
    ]


def test_where_its_partition_is_gone_the_key_decides() -> None:
    broker = Broker()
    replay(letters(message()), "posts", sender(broker, "posts", {0, 1}))
    assert broker.sent[0]["partition"] is None


def test_what_would_be_refused_again_is_not_sent_and_told_by_reason() -> None:
    broker = Broker()
    bad = [message(2, rating=9), message(3, rating=8), replace(message(4), value=b"{")]
    done = replay(letters(message(1), *bad), "posts", sender(broker, "posts", {2}))
    assert done.sent == len(broker.sent) == 1
    assert done.refused == {"bad_field": 2, "not_json": 1}
    assert done.first["bad_field"].startswith("0:1: rating")


def test_a_message_that_lies_there_twice_is_sent_once() -> None:
    """As after a replay to a service that was not mended yet: replays must not double letters."""
    broker = Broker()
    again = replace(message(), offset=99)
    tombstone = replace(message(), value=None)
    done = replay(letters(message(), again, tombstone), "posts", sender(broker, "posts", {2}))
    assert (done.sent, done.copies) == (2, 1)
    assert [one["value"] for one in broker.sent] == [message().value, None]


def test_a_limit_or_an_order_to_stop_says_where_to_go_on() -> None:
    broker = Broker()
    many = [message(0, rating=9), *map(message, range(1, 5))]
    done = replay(letters(*many), "posts", sender(broker, "posts", {2}), limit=2)
    assert len(broker.sent) == done.sent == 2 and done.ended_by == "limit"
    assert done.next_offsets == {0: 3}
    assert "--from 0:3" in report(done, "posts", False, ["0:3"])
    stop = threading.Event()
    stop.set()
    done = replay(letters(*many), "posts", sender(broker, "posts", {2}), stop=stop)
    assert done.sent == 0 and done.ended_by == "order"
    assert replay(letters(*many), "posts", None, limit=4).ended_by == "end"


def test_a_message_that_cannot_be_delivered_is_named_and_those_before_it_are_counted() -> None:
    class Gone(Broker):
        def get(self, _timeout: float) -> None:
            raise KafkaTimeoutError("no answer")

    class Sudden(Broker):
        def send(self, topic: str, **sent: Any) -> Broker:
            return super().send(topic, **sent) if len(self.sent) < 100 else Gone()

    with pytest.raises(StopService, match=r"letter 0:100 .* 100 before it were"):
        replay(letters(*map(message, range(120))), "posts", sender(Sudden(), "posts", {2}))


def test_hostile_text_makes_one_line_and_moves_no_cursor() -> None:
    hostile = "\x1b[2J\r\n\u202e\x9bforged"
    record = replace(message(), key=hostile.encode(), headers=((hostile, b"\xff\n"),))
    letter = read_letter(dead(record, RejectMessage("bad_field", hostile)))
    assert line(letter).isprintable()
    assert all(one.isprintable() for one in whole(letter, "posts").split("\n"))
    assert len(whole(letter, "posts").split("\n")) == 5 + len(letter.record.headers) - 1
