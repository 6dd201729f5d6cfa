"""The embedded broker, the real one: what it keeps over stops, kills and new ports."""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from stream import kafka
from stream.embedded.broker import DLQ_MAX_BYTES, EmbeddedBroker
from stream.embedded.children import free_port, runs
from stream.errors import StopService, UsageError
from stream.settings import Kafka

OLD = 1_400_000_000_000  # ms: a record of 2014, older than any default retention
PARENT = """
import sys, time
from pathlib import Path
from kafka import KafkaProducer
from stream.embedded.broker import EmbeddedBroker
broker = EmbeddedBroker(Path(sys.argv[1]))
broker.start()
broker.create_topic("posts", 2)
producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers)
for number in range(200):
    producer.send("posts", value=b"%d" % number, partition=number % 2).get(10)
print(broker.pid, broker.port, flush=True)
time.sleep(600)
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path / "kafka") as running:
        yield running


def produce(broker: EmbeddedBroker, values: list[bytes], topic: str = "posts") -> None:
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers)
    sent = [
        producer.send(topic, value=value, key=value[:9], timestamp_ms=OLD + place)
        for place, value in enumerate(values)
    ]
    producer.flush(10)
    assert [future.get(1).timestamp for future in sent] == [OLD + i for i in range(len(values))]
    producer.close()


def consume(broker: EmbeddedBroker, count: int, topic: str = "posts") -> list[bytes]:
    """Read and commit `count` records as group `g`, from where it last committed."""
    consumer = KafkaConsumer(
        topic,
        bootstrap_servers=broker.bootstrap_servers,
        group_id="g",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_poll_records=count,
    )
    found: list[bytes] = []
    for _ in range(100):
        for records in consumer.poll(200, max_records=count - len(found)).values():
            found += [record.value for record in records]
        if len(found) == count:
            consumer.commit()
            break
    consumer.close()
    return found


def ends(broker: EmbeddedBroker, topic: str, partitions: int) -> int:
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap_servers)
    places = [TopicPartition(topic, number) for number in range(partitions)]
    total = sum(consumer.end_offsets(places).values())
    consumer.close()
    return int(total)


def test_records_and_committed_offsets_survive_a_stop(broker: EmbeddedBroker) -> None:
    """Old records too: nothing is retained away, and on another port than before."""
    broker.create_topic("posts", 3)
    broker.create_topic("posts", 6)  # it exists: nothing changes, nothing fails
    values = [b"%d" % number for number in range(40)]
    produce(broker, values)
    first = consume(broker, 15)
    port = broker.port
    broker.stop()
    with socket.socket() as squatter:  # so that it cannot come back on the same port
        # Connections that the broker closed may still hold its port.
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", port))
        squatter.listen()
        broker.start()
        assert broker.port != port
        rest = consume(broker, 25)
    assert sorted(first + rest) == sorted(values)


def test_what_is_acknowledged_while_it_is_told_to_end_is_kept(tmp_path: Path) -> None:
    """The broker alone loses what it takes between its last save and its end."""
    acknowledged: set[bytes] = set()
    over = threading.Event()
    with EmbeddedBroker(tmp_path, free_port()) as broker:
        broker.create_topic("posts", 1)
        settings = Kafka(bootstrap_servers=broker.bootstrap_servers)
        producer = kafka.producer(settings, patience=timedelta(minutes=1))

        def feed() -> None:
            while not over.wait(0.001):
                value = b"%d" % time.monotonic_ns()
                sent = producer.send("posts", value=value)
                sent.add_callback(lambda _, value=value: acknowledged.add(value))

        thread = threading.Thread(target=feed)
        thread.start()
        for _ in range(6):
            time.sleep(0.3)
            broker.stop()
            broker.start()
        over.set()
        thread.join()
        producer.close(timeout=20)
        kept = consume(broker, ends(broker, "posts", 1))
    assert len(acknowledged) > 100
    assert acknowledged <= set(kept)


def test_killing_its_owner_loses_nothing_that_was_acknowledged(
    tmp_path: Path, eventually: Callable[..., None]
) -> None:
    """The broker saves once a second; it is told to end, and not killed, when its owner dies."""
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline().split()[0])
        owner.kill()
    command = json.loads((tmp_path / "broker.pid").read_text())["command"]
    eventually(lambda: not runs(pid, command))
    with EmbeddedBroker(tmp_path) as broker:
        assert ends(broker, "posts", 2) == 200


def test_a_killed_broker_comes_back_with_what_it_had_saved(
    broker: EmbeddedBroker, eventually: Callable[..., None]
) -> None:
    broker.create_topic("posts", 1)
    produce(broker, [b"a", b"b", b"c"])
    assert len(consume(broker, 2)) == 2
    saved = broker.directory / "kafka.json"
    written = saved.stat().st_mtime_ns if saved.exists() else 0
    eventually(lambda: saved.exists() and saved.stat().st_mtime_ns > written)
    produce(broker, [b"d"])
    written = saved.stat().st_mtime_ns
    eventually(lambda: saved.stat().st_mtime_ns > written)
    broker.kill()
    broker.start()
    assert consume(broker, 2) == [b"c", b"d"]


def test_dead_letters_may_be_larger_than_posts(broker: EmbeddedBroker) -> None:
    broker.create_topic("posts.dlq", 1, max_message_bytes=DLQ_MAX_BYTES)
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap_servers, max_request_size=2 << 20)
    headers = [("error", b"not_json"), ("offset", b"7"), ("empty", b"")]
    large = b"\x00\xff" * ((1 << 19) + (16 << 10))  # 1 MB and 32 KB
    for value in (large, None):
        producer.send("posts.dlq", key=b"k", value=value, headers=headers, timestamp_ms=OLD).get(10)
    producer.close()
    consumer = KafkaConsumer(
        bootstrap_servers=broker.bootstrap_servers, auto_offset_reset="earliest"
    )
    consumer.assign([TopicPartition("posts.dlq", 0)])
    found = []
    while len(found) < 2:
        found += [record for records in consumer.poll(5000).values() for record in records]
    consumer.close()
    assert [record.value for record in found] == [large, None]
    assert found[0].headers == headers
    assert (found[0].timestamp, found[0].timestamp_type) == (OLD, 0)


def test_a_directory_in_use_and_a_port_in_use_are_one_clear_line(
    broker: EmbeddedBroker, tmp_path: Path
) -> None:
    with pytest.raises(StopService, match="is in use by process"):
        EmbeddedBroker(broker.directory).start()
    with pytest.raises(StopService, match=rf"kafka\.port {broker.port} is taken"):
        EmbeddedBroker(tmp_path / "other", broker.port).start()
    broker.check()


def test_damaged_data_are_named_and_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "kafka.json").write_text("{broken")
    with pytest.raises(StopService, match=r"did not start: .*snapshot.*broker\.log.*move it away"):
        EmbeddedBroker(tmp_path).start()
    assert (tmp_path / "kafka.json").read_text() == "{broken"


def test_without_the_extra_the_fix_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"pip install 'undertone\[embedded\]'"):
        EmbeddedBroker(tmp_path).start()
