"""`undertone dlq` on a real broker: what was refused is seen, and goes back after a fix."""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from kafka import KafkaProducer
from structlog.testing import capture_logs

from stream import kafka, topics
from stream.database import Client
from stream.decode import Record
from stream.errors import RejectMessage, RetryLater
from stream.settings import Kafka
from tests.stream.calling import Call
from tests.stream.consuming import (
    Service,
    committed,
    dead_letters,
    eventually,
    messages,
    post,
    stored,
)

Start = Callable[..., Service]
Send = Callable[..., None]
Put = Callable[..., Any]

HOSTILE = "text: \x1b[2J\nforged\u202e"
_ROW = "SELECT * EXCEPT (version, kafka_offset, ingested_at) FROM posts FINAL"


@pytest.fixture
def call(undertone: Call, monkeypatch: pytest.MonkeyPatch, kafka_settings: Kafka) -> Iterator[Call]:
    """Run `undertone dlq` on the test's topics."""
    monkeypatch.setattr("stream.cli.dlq_commands.stop_on_signals", lambda: None)
    for name in ("bootstrap_servers", "topic", "dlq_topic"):
        monkeypatch.setenv(f"UNDERTONE_KAFKA__{name}".upper(), getattr(kafka_settings, name))
    with capture_logs():  # the service in the same process would log into the output
        yield partial(undertone, "dlq")


@pytest.fixture
def put(kafka_settings: Kafka) -> Iterator[Put]:
    """Send one message with everything about it by hand."""
    producer = KafkaProducer(bootstrap_servers=kafka_settings.bootstrap_servers)
    yield lambda value, **rest: producer.send(kafka_settings.topic, value, **rest).get(10)
    producer.close(timeout=5)


class Fix:
    """Code that refuses all that `bad` names until it is mended, in the service and in replay."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from stream.decode import decode

        self._decode = decode
        self.bad = b"Acme"
        monkeypatch.setattr("stream.pipeline.decode", self)
        monkeypatch.setattr("stream.dead_letter_replay.decode", self)

    def __call__(self, record: Record) -> Any:
        if self.bad in (record.value or b""):
            raise RejectMessage("bad_field", HOSTILE)
        return self._decode(record)

    def mend(self) -> None:
        self.bad = b"no message holds this"


@pytest.fixture
def fix(monkeypatch: pytest.MonkeyPatch) -> Fix:
    return Fix(monkeypatch)


def test_a_refused_message_is_listed_stays_while_refused_and_goes_back_equal_after_a_fix(
    call: Call, put: Put, start: Start, client: Client, kafka_settings: Kafka, fix: Fix
) -> None:
    minute_ago = int((datetime.now(UTC) - timedelta(minutes=1)).timestamp() * 1000)
    own = [("error", b"the crawler's own"), ("trace", b"\xff\x00")]
    put(post(1), key=b"s:1", headers=own, partition=2, timestamp_ms=minute_ago)
    start()
    eventually(lambda: committed(kafka_settings) == 1)

    code, out, _ = call("list")
    line, summary, _ = out.split("\n")
    assert code == 0 and line.isprintable() and summary == "1 letters: 1 bad_field"
    assert line.startswith("0:0  20") and f"{kafka_settings.topic} 2:0" in line
    assert "\\x1b[2J\\nforged\\u202e" in line

    code, out, _ = call("replay", "--json")
    told = json.loads(out)
    assert code == 0 and told["sent"] == told["accepted"] == 0
    assert told["refused"] == {"bad_field": 1}
    assert len(messages(kafka_settings, kafka_settings.topic)) == 1

    fix.mend()
    code, out, _ = call("replay", "--dry-run")
    assert code == 0 and out == f"would send 1 messages to {kafka_settings.topic}\n"
    assert len(messages(kafka_settings, kafka_settings.topic)) == 1
    code, out, _ = call("replay")
    assert code == 0 and out == f"sent 1 messages to {kafka_settings.topic}\n"
    first, again = messages(kafka_settings, kafka_settings.topic)
    for what in ("key", "value", "headers", "partition", "timestamp"):
        assert getattr(again, what) == getattr(first, what), what
    assert again.headers == own and again.timestamp == minute_ago
    eventually(lambda: stored(client) == 1)
    assert len(dead_letters(kafka_settings)) == 1  # a replay deletes nothing, and adds nothing


def test_replaying_twice_ends_in_the_same_rows_and_never_beats_a_newer_edit(
    call: Call, put: Put, start: Start, client: Client, kafka_settings: Kafka, fix: Fix
) -> None:
    now = datetime.now(UTC)
    created = (now - timedelta(minutes=5)).isoformat()
    at = int(now.timestamp() * 1000)
    # An edit of a crawler that sends no updated_at: only the record's time tells it is newer.
    put(post(1, "Acme", created_at=created), key=b"s:1", timestamp_ms=at - 60_000)
    put(post(1, "Bolt", created_at=created), key=b"s:1", timestamp_ms=at)
    put(post(2, "Acme", created_at=created), key=b"s:2", timestamp_ms=at)
    start()
    eventually(lambda: committed(kafka_settings) == 3)
    fix.mend()
    rows = []
    for round_ in (1, 2):
        code, out, _ = call("replay", "--json")
        assert code == 0 and json.loads(out)["sent"] == 2
        eventually(lambda done=3 + 2 * round_: committed(kafka_settings) == done)
        rows.append(sorted(client.query(_ROW).result_rows))
    assert rows[0] == rows[1] and len(rows[0]) == 2
    assert client.query("SELECT text FROM posts FINAL ORDER BY post_id").result_rows == [
        ("Bolt",),
        ("Acme",),
    ]


def test_a_letter_is_shown_with_its_headers_and_written_to_the_byte(
    call: Call, send: Send, start: Start, kafka_settings: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = b'\xff{"a\x1b[2J\r\n": 1}\n'
    send(bad, key=b"k\x07")
    send(None, key=b"no source")
    start()
    eventually(lambda: committed(kafka_settings) == 2)
    place = next(f"0:{n}" for n, one in enumerate(dead_letters(kafka_settings)) if one.value == bad)
    code, out, _ = call("show", place)
    assert code == 0 and all(line.isprintable() for line in out.splitlines())
    assert "key: k\\x07\n" in out and "header error: not_utf8" in out
    assert "today: refused, not_utf8" in out and "value: \\xff{" in out
    code, out, _ = call("show", place, "--json")
    told = json.loads(out)
    assert code == 0 and told["today"]["why"] == "not_utf8" and "base64" in told["value"]
    assert [name for name, _ in told["headers"]][:4] == ["error", "topic", "partition", "offset"]
    binary = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", binary)
    call("show", place, "--raw")
    assert binary.buffer.getvalue() == bad  # type: ignore[attr-defined]


def test_letters_are_chosen_by_reason_place_and_number(
    call: Call, send: Send, start: Start, kafka_settings: Kafka
) -> None:
    send(b"{", b"[]", post(1, rating=9), post(2, rating=8), key=b"k")
    start()
    eventually(lambda: committed(kafka_settings) == 4)

    def places(*options: str) -> list[str]:
        code, out, _ = call("list", "--json", *options)
        assert code == 0
        return [one["place"] for one in json.loads(out)["letters"]]

    assert places() == ["0:0", "0:1", "0:2", "0:3"]
    assert places("--from", "0:3") == ["0:3"]
    assert places("--reason", "bad_field") == ["0:2", "0:3"]
    assert places("--reason", "bad_field", "--limit", "1") == ["0:2"]
    assert places("--limit", "0") == []
    _, out, _ = call("list", "--json", "--limit", "1")
    told = json.loads(out)
    assert told["total"] == 4
    assert told["reasons"] == {"not_json": 1, "not_an_object": 1, "bad_field": 2}
    _, out, _ = call("list", "--limit", "0")
    assert out == "4 letters: 2 bad_field, 1 not_an_object, 1 not_json\n"
    code, out, _ = call("replay", "--reason", "not_json", "--from", "0:0")
    assert code == 0 and "not sent: 1 not_json, first 0:0: " in out


def test_an_empty_queue_is_no_error(call: Call) -> None:
    assert call("list")[:2] == (0, "0 letters\n")
    code, out, _ = call("replay", "--json")
    assert code == 0 and json.loads(out)["sent"] == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["show", "12"], "write the place of a letter, like 0:12"),
        (["show", "0:-1"], "write the place of a letter"),
        (["show", "0:99"], "goes from 0:0 to 0:0"),
        (["list", "--from", "7:0"], "--from 7:0: outside of"),
        (["list", "--reason", "bad_filed"], "no such reason; use one of too_large"),
        (["replay", "--limit", "0"], "limit"),
        (["show", "0:0", "--raw", "--json"], "exclude each other"),
        (["replay", "--from", "x"], "--from x: write the place"),
    ],
)
def test_a_wrong_call_says_what_is_wrong_and_exits_2(
    call: Call, arguments: list[str], says: str
) -> None:
    code, out, err = call(*arguments)
    assert (code, out) == (2, "") and says in re.sub(r"\s+", " ", err)


@pytest.mark.parametrize("arguments", [["list"], ["replay"], ["replay", "--dry-run"]])
def test_a_missing_topic_or_broker_is_one_line_and_exits_1(
    call: Call, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "DLQ_TOPIC" if arguments == ["list"] else "TOPIC"
    monkeypatch.setenv(f"UNDERTONE_KAFKA__{name}", "nowhere")
    code, out, err = call(*arguments)
    assert (code, out, err.count("\n")) == (1, "", 1) and "no topic nowhere" in err
    monkeypatch.setenv("UNDERTONE_KAFKA__BOOTSTRAP_SERVERS", "127.0.0.1:1")
    monkeypatch.setattr("stream.kafka._BOOTSTRAP_MS", 300)
    code, out, err = call(*arguments)
    assert (code, out, err.count("\n")) == (1, "", 1) and "no broker answers" in err


def test_reading_ends_where_the_topic_ended_at_the_start(kafka_settings: Kafka, send: Send) -> None:
    send(b"a", b"b", key=b"k")
    client = kafka.reader(kafka_settings)
    try:
        spans = topics.spans(client, kafka_settings.topic)
        send(b"too late", key=b"k")
        found = [one.value for one in topics.read(client, kafka_settings.topic, spans)]
    finally:
        client.close(autocommit=False)
    assert found == [b"a", b"b"]


def test_a_broker_that_falls_silent_ends_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def assign(self, _places: object) -> None: ...
        def seek(self, _place: object, _offset: int) -> None: ...
        def poll(self, timeout_ms: int) -> dict[object, list[object]]:
            return {}

        def position(self, _place: object, timeout_ms: int) -> None: ...

    monkeypatch.setattr(topics, "_STUCK_SECONDS", 0)
    with pytest.raises(RetryLater, match="partition 0, offset 3"):
        list(topics.read(Silent(), "posts.dlq", {0: range(3, 4)}))
