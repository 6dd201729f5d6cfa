"""A consumer in a thread on real parts, and what tests ask about it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from kafka import KafkaConsumer
from kafka.structs import OffsetAndMetadata, TopicPartition

from stream import kafka
from stream.catalogue import Brand, Catalogue
from stream.clock import Clock
from stream.consume import Consumer
from stream.database import Client, connect
from stream.dead_letters import DeadLetters
from stream.health import Health
from stream.match import Matcher
from stream.pipeline import Pipeline
from stream.retry import Patience
from stream.settings import ClickHouse, Kafka
from stream.store import Store
from tests.stream.fakes import PureScorer

CATALOGUE = Catalogue(brands=(Brand(name="Acme"), Brand(name="Bolt")))


def eventually(holds: Callable[[], bool], within: float = 30) -> None:
    """Wait for a condition instead of for a time."""
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.05)


class Service:
    """One consumer in a thread, as `undertone consume` runs it."""

    def __init__(self, kafka_settings: Kafka, clickhouse: ClickHouse, **changed: Any) -> None:
        self.stop = threading.Event()
        self.health = Health()
        self.failure: BaseException | None = None
        self.scorer = changed.get("scorer", PureScorer())
        self._producer = kafka.dead_letter_producer(kafka_settings)
        self._client = connect(clickhouse)
        self._looking = connect(clickhouse)
        self._progress = connect(clickhouse)
        self.store = Store(self._client, clickhouse, look_ups=self._looking)
        patience = Patience(self.stop, self.health)
        for system in ("clickhouse", "kafka"):
            self.health.watch(system)
        pipeline = Pipeline(
            matcher=Matcher(CATALOGUE),
            scorer=self.scorer,
            store=changed.get("store", self.store),
            dead_letters=changed.get(
                "dead_letters", DeadLetters(self._producer, kafka_settings.dlq_topic)
            ),
            generation=1,
            retention=timedelta(days=400),
            clock=Clock.of_wall(),
            patience=patience,
        )
        self.consumer = Consumer(
            kafka_settings,
            pipeline,
            Store(self._progress, clickhouse),
            Clock.of_wall(),
            self.health,
            patience,
        )
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.consumer.run()
        except BaseException as error:
            self.failure = error

    def close(self) -> None:
        self.stop.set()
        self.thread.join(30)
        assert not self.thread.is_alive()
        self._producer.close(timeout=5)
        self._looking.close()
        self._client.close()
        self._progress.close()


def post(post_id: object, text: str = "Acme is bad", **fields: Any) -> bytes:
    whole = {"post_id": str(post_id), "source": "s", "text": text, "lang": "en"}
    created = datetime.now(UTC) - timedelta(minutes=5)
    return json.dumps({**whole, "created_at": created.isoformat(), **fields}).encode()


def stored(client: Client) -> int:
    return int(client.query("SELECT count() FROM posts FINAL").result_rows[0][0])


def committed(settings: Kafka, *partitions: int) -> int:
    """The sum of the committed offsets, of these partitions or of all."""
    reader = KafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers,
        group_id=settings.group_id,
        enable_auto_commit=False,
    )
    try:
        numbers = partitions or range(settings.partitions)
        places = [TopicPartition(settings.topic, number) for number in numbers]
        return sum(reader.committed(place) or 0 for place in places)
    finally:
        reader.close(autocommit=False)


def dead_letters(settings: Kafka) -> list[Any]:
    return messages(settings, settings.dlq_topic)


def messages(settings: Kafka, topic: str) -> list[Any]:
    """What lies in a topic, as any client reads it."""
    reader = KafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers,
        receive_message_max_bytes=1 << 30,  # the embedded broker gives all at once
    )
    try:
        places = [TopicPartition(topic, part) for part in reader.partitions_for_topic(topic) or ()]
        reader.assign(places)
        reader.seek_to_beginning()
        ends, found = reader.end_offsets(places), []
        deadline = time.monotonic() + 60
        while any(reader.position(place) < ends[place] for place in places):
            assert time.monotonic() < deadline, "the topic cannot be read to its end"
            for records in reader.poll(timeout_ms=500).values():
                found += records
        return found
    finally:
        reader.close()


def replay_from_zero(settings: Kafka) -> None:
    """Set the committed offsets of a group without members back to 0."""
    client = KafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers,
        group_id=settings.group_id,
        enable_auto_commit=False,
    )
    try:
        places = [TopicPartition(settings.topic, number) for number in range(settings.partitions)]
        client.assign(places)
        client.commit({place: OffsetAndMetadata(0, "", -1) for place in places})
    finally:
        client.close(autocommit=False)


def require_windows_and_few_parts(client: Client, expected: Mapping[datetime, int]) -> None:
    """Each minute's mentions are as counted by hand, and the tables lie in few parts (T20)."""
    found: list[Any] = client.query(
        "SELECT window_start, sum(mentions) FROM window_scores FINAL WHERE topic = '' "
        "GROUP BY window_start"
    ).result_rows
    assert {start.replace(tzinfo=UTC): count for start, count in found} == dict(expected)
    parts = client.query(
        "SELECT table, partition, count() FROM system.parts "
        "WHERE active AND database = currentDatabase() GROUP BY table, partition"
    ).result_rows
    assert max(count for *_, count in parts) < 300
    assert sum(count for *_, count in parts) < 1000
