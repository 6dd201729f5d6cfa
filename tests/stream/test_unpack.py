"""A batch that cannot be opened stops its partition, uncommitted, with one clear line (T15).

The batches are real and lie in the embedded broker: compressed ones are made by hand and sent as
they are; a wrong checksum, which this broker refuses to take, is put into its file while it is
down, as a bad disk would. A codec that is missing is what its failed import leaves in the client.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from kafka import codec
from kafka.structs import TopicPartition

from stream import consume, kafka, metrics, topics
from stream.database import Client
from stream.embedded.broker import EmbeddedBroker
from stream.settings import ClickHouse, Kafka
from stream.unpack import UnopenedBatch
from tests.stream.consuming import Service, committed, eventually, post, stored
from tests.stream.raw_batches import GZIP, LZ4, SNAPPY, ZSTD, batch, packed, send_raw

Start = Callable[..., Service]

UNOPENED = {
    "no gzip": (GZIP, lambda _: b"no gzip at all", "Not a gzipped file"),
    "gzip cut short": (GZIP, lambda records: gzip.compress(records)[:-9], "end-of-stream"),
    "gzip of no records": (GZIP, lambda _: gzip.compress(b"\x02\x00\x00"), "record"),
    "a bomb": (GZIP, lambda records: gzip.compress(records + bytes(17 << 20)), "MOST_UNPACKED"),
    "a bomb of lz4": (LZ4, lambda r: codec.lz4.compress(r + bytes(17 << 20)), "MOST_UNPACKED"),
    "no lz4": (LZ4, lambda _: b"no lz4 at all", "ERROR_frame"),
    "lz4 that is not installed": (LZ4, codec.lz4_encode, "pip install lz4"),
    "zstd that is not installed": (ZSTD, lambda records: records, "pip install zstandard"),
    "snappy that is not installed": (SNAPPY, lambda records: records, "pip install python-snappy"),
}


@pytest.mark.parametrize("kind", UNOPENED)
def test_a_batch_that_cannot_be_opened_is_named_with_its_place_at_every_poll(
    kind: str, kafka_settings: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where its partition was paused meanwhile; and what lies before it and in the other
    partitions is read. (kafka-python alone says it once, or never, and then polls for ever.)"""
    number, pack, says = UNOPENED[kind]
    topic = kafka_settings.topic
    bad = [batch(b"before"), packed(number, b"bad", pack=pack), batch(b"never read")]
    if "not installed" in kind:
        monkeypatch.setattr(codec, kind.split(maxsplit=1)[0], None)
    send_raw(kafka_settings.bootstrap_servers, topic, 1, bad)
    for other in (0, 2):
        send_raw(kafka_settings.bootstrap_servers, topic, other, [batch(b"good")])
    places = [TopicPartition(topic, partition) for partition in range(3)]
    client = kafka.reader(kafka_settings)
    client.assign(places)
    client.seek_to_beginning(*places)
    found, raised = [], []

    def look() -> bool:
        try:
            found.extend(record.value for record in topics.records(client.poll(timeout_ms=500)))
        except UnopenedBatch as error:
            raised.append(error)
        client.pause(*places)
        client.poll(timeout_ms=0)
        client.resume(*places)
        return len(raised) >= 3 and len(found) >= 3

    try:
        eventually(look)
        assert client.position(places[1]) == 1
    finally:
        client.close()
    assert sorted(found) == [b"before", b"good", b"good"]
    assert {(error.place, error.offset) for error in raised} == {(places[1], 1)}
    line = str(raised[0])
    assert f"topic {topic}, partition 1, offset 1" in line and says in line
    assert "\n" not in line


def test_a_sound_batch_of_each_codec_is_read(kafka_settings: Kafka) -> None:
    """Two members in one gzip are one stream; a batch may have as much as the limit, unpacked."""
    big = b"x" * ((16 << 20) - 100)
    halves = lambda r: gzip.compress(r[:9]) + gzip.compress(r[9:])  # noqa: E731
    batches = [packed(GZIP, b"1", b"2"), packed(GZIP, b"3", pack=halves), packed(GZIP, big)]
    batches += [packed(LZ4, b"4", pack=codec.lz4_encode), batch(b"5")]
    send_raw(kafka_settings.bootstrap_servers, kafka_settings.topic, 0, batches)
    client = kafka.reader(kafka_settings)
    try:
        read = topics.read(client, kafka_settings.topic, {0: range(6)})
        assert [record.value for record in read] == [b"1", b"2", b"3", big, b"4", b"5"]
    finally:
        client.close()


def test_a_partition_stops_uncommitted_while_the_others_go_on_and_goes_on_when_it_can(
    start: Start, kafka_settings: Kafka, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """lz4 is not installed, and then it is. The line is said once, however often it is tried."""
    monkeypatch.setattr(consume, "_HELD_SECONDS", 0.2)
    monkeypatch.setattr(consume, "_IDLE_PROGRESS_SECONDS", 0.5)
    installed = codec.lz4
    monkeypatch.setattr(codec, "lz4", None)
    broker, topic = kafka_settings.bootstrap_servers, kafka_settings.topic
    raw = packed(LZ4, post("2"), post("3"), pack=installed.compress)
    send_raw(broker, topic, 1, [batch(post("1")), raw, batch(post("4"))])
    with structlog.testing.capture_logs() as logs:
        service = start()
        eventually(lambda: committed(kafka_settings, 1) == 1)
        for number in range(5, 9):  # while it is tried again and again
            send_raw(broker, topic, number % 2 * 2, [batch(post(number))])
            eventually(lambda number=number: stored(client) == number - 3)
        eventually(lambda: committed(kafka_settings, 0, 2) == 4)
        assert committed(kafka_settings, 1) == 1
        (problem,) = service.health.problems()
        assert problem.startswith(f"partitions: topic {topic}, partition 1, offset 1: ")
        eventually(lambda: metrics.UNOPENED._value.get() == 1)
        monkeypatch.setattr(codec, "lz4", installed)
        eventually(lambda: stored(client) == 8)
        eventually(lambda: committed(kafka_settings) == 8)
        eventually(lambda: service.health.problems() == [])
    assert metrics.UNOPENED._value.get() == 0
    said = [one["reason"] for one in logs if one["event"] == "partition.stopped"]
    assert len(said) == 1 and "pip install lz4" in said[0]


@pytest.fixture
def damaged(tmp_path: Path) -> Iterator[Callable[[bytes, bytes], Kafka]]:
    """A broker of the test's own, whose file can be changed while it is down."""
    with EmbeddedBroker(tmp_path) as broker:
        for topic in ("posts", "posts.dlq"):
            broker.create_topic(topic, 3)

        def change(old: bytes, new: bytes) -> Kafka:
            broker.stop()
            file = tmp_path / "kafka.json"
            listed = [json.dumps(list(part), separators=(",", ":"))[1:-1] for part in (old, new)]
            whole = file.read_text()
            assert whole.count(listed[0]) == 1
            file.write_text(whole.replace(*listed))
            broker.start()
            return Kafka(bootstrap_servers=broker.bootstrap_servers, partitions=3)

        change.broker = broker  # type: ignore[attr-defined]
        yield change


def test_a_wrong_checksum_stops_the_partition_until_the_disk_is_mended(
    damaged: Any, clickhouse_settings: ClickHouse, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is skipped: what lies behind the damaged batch is stored only after it."""
    monkeypatch.setattr(consume, "_HELD_SECONDS", 0.2)
    broker = damaged.broker.bootstrap_servers
    batches = [batch(post("1")), batch(post("2", "Acme: needle")), batch(post("3"))]
    send_raw(broker, "posts", 0, batches)
    send_raw(broker, "posts", 2, [batch(post("4"))])
    settings = damaged(b"needle", b"noodle")
    service = Service(settings, clickhouse_settings)
    try:
        eventually(lambda: any("failed crc check" in one for one in service.health.problems()))
        eventually(lambda: stored(client) == 2)
        eventually(lambda: committed(settings) == 2)
        assert "partition 0, offset 1" in str(service.health.problems())
    finally:
        service.close()
    assert service.failure is None
    settings = damaged(b"noodle", b"needle")
    service = Service(settings, clickhouse_settings)
    try:
        eventually(lambda: committed(settings) == 4)
        assert stored(client) == 4
    finally:
        service.close()
