"""The loop on a real broker and a real database: every good message is stored once, every bad one
is kept, and nothing is committed that is not."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.structs import TopicPartition

from stream import kafka
from stream.catalogue import Brand, Catalogue
from stream.clock import Clock
from stream.consume import Consumer
from stream.database import Client, connect
from stream.dead_letters import BadStreamGuard, DeadLetters
from stream.errors import RejectMessage, RetryLater, StopService
from stream.health import Health
from stream.match import Matcher
from stream.pipeline import Pipeline
from stream.retry import Patience, Stopped
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
        self._producer = kafka.producer(kafka_settings)
        self._client = connect(clickhouse)
        self._progress = connect(clickhouse)
        self.store = Store(self._client, clickhouse)
        patience = Patience(self.stop, self.health)
        self.health.watch("clickhouse")
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
        self._client.close()
        self._progress.close()


@pytest.fixture
def start(
    kafka_settings: Kafka, clickhouse_settings: ClickHouse
) -> Iterator[Callable[..., Service]]:
    running: list[Service] = []

    def begin(**changed: Any) -> Service:
        running.append(Service(kafka_settings, clickhouse_settings, **changed))
        return running[-1]

    yield begin
    for service in running:
        service.close()


@pytest.fixture
def client(clickhouse_settings: ClickHouse) -> Iterator[Client]:
    client = connect(clickhouse_settings)
    yield client
    client.close()


@pytest.fixture
def send(kafka_settings: Kafka) -> Iterator[Callable[..., None]]:
    producer = KafkaProducer(bootstrap_servers=kafka_settings.bootstrap_servers)

    def put(*values: bytes | None, key: bytes | None = None) -> None:
        for value in values:
            producer.send(kafka_settings.topic, key=key, value=value)
        producer.flush(10)

    yield put
    producer.close(timeout=5)


def post(post_id: object, text: str = "Acme is bad", **fields: Any) -> bytes:
    whole = {"post_id": str(post_id), "source": "s", "text": text, "lang": "en"}
    created = datetime.now(UTC) - timedelta(minutes=5)
    return json.dumps({**whole, "created_at": created.isoformat(), **fields}).encode()


def stored(client: Client) -> int:
    return int(client.query("SELECT count() FROM posts FINAL").result_rows[0][0])


def committed(settings: Kafka) -> int:
    reader = KafkaConsumer(
        bootstrap_servers=settings.bootstrap_servers,
        group_id=settings.group_id,
        enable_auto_commit=False,
    )
    try:
        places = [TopicPartition(settings.topic, number) for number in range(settings.partitions)]
        return sum(reader.committed(place) or 0 for place in places)
    finally:
        reader.close(autocommit=False)


def dead_letters(settings: Kafka) -> list[Any]:
    reader = KafkaConsumer(
        settings.dlq_topic,
        bootstrap_servers=settings.bootstrap_servers,
        auto_offset_reset="earliest",
        consumer_timeout_ms=1500,
    )
    try:
        return list(reader)
    finally:
        reader.close()


def test_good_posts_are_stored_and_then_committed(
    start: Callable[..., Service],
    send: Callable[..., None],
    client: Client,
    kafka_settings: Kafka,
) -> None:
    send(*(post(number) for number in range(40)), post("none", "no brand here"))
    service = start()
    eventually(lambda: stored(client) == 41)
    eventually(lambda: committed(kafka_settings) == 41)
    assert service.scorer.asked == 40  # what names no brand is stored and not scored
    assert client.query(
        "SELECT countIf(empty(`mentions.brand`)), any(generation) FROM posts FINAL"
    ).result_rows == [(1, 1)]
    eventually(lambda: not service.health.problems())


def test_bad_messages_are_dead_lettered_byte_for_byte_and_the_rest_flows_on(
    start: Callable[..., Service],
    send: Callable[..., None],
    client: Client,
    kafka_settings: Kafka,
) -> None:
    bad = [b"\xff\x00", b"{", b"[" * 50_000, post(1, rating=9), b"x" * 1_000_001]
    send(*bad, key=b"k")
    send(post(1), post(2))
    send(None, key=b"no source")
    start()
    eventually(lambda: committed(kafka_settings) == 8)
    assert stored(client) == 2
    letters = dead_letters(kafka_settings)
    assert sorted(one.value or b"" for one in letters) == sorted([*bad, b""])
    headers = dict(next(one for one in letters if one.value == bad[0]).headers)
    assert headers["error"].startswith(b"not_utf8")
    assert headers["topic"] == kafka_settings.topic.encode()
    assert set(headers) == {"error", "topic", "partition", "offset"}


def test_a_post_sent_again_is_neither_scored_nor_written_again(
    start: Callable[..., Service],
    send: Callable[..., None],
    client: Client,
    kafka_settings: Kafka,
) -> None:
    created = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    edited = post(1, "Bolt, not that other one", created_at=created, updated_at=created)
    send(edited, key=b"s:1")
    service = start()
    eventually(lambda: stored(client) == 1)
    older = (datetime.now(UTC) - timedelta(hours=2)).isoformat()
    send(post(1, "Acme", created_at=older), key=b"s:1")
    eventually(lambda: committed(kafka_settings) == 2)
    assert service.scorer.asked == 1
    assert client.query("SELECT `mentions.brand` FROM posts FINAL").result_rows == [(["Bolt"],)]


def test_an_edit_keeps_the_first_date_and_a_tombstone_ends_it(
    start: Callable[..., Service],
    send: Callable[..., None],
    client: Client,
    kafka_settings: Kafka,
) -> None:
    first = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
    later = first + timedelta(hours=1)
    send(post(1, created_at=first.isoformat()), key=b"s:1")
    send(post(1, "Bolt", created_at=later.isoformat(), updated_at=later.isoformat()), key=b"s:1")
    start()
    eventually(lambda: committed(kafka_settings) == 2)
    assert client.query("SELECT created_at, `mentions.brand` FROM posts FINAL").result_rows == [
        (first, ["Bolt"])
    ]
    send(None, key=b"s:1")
    eventually(lambda: committed(kafka_settings) == 3)
    assert stored(client) == 0


def test_what_is_older_than_the_retention_is_committed_and_not_stored(
    start: Callable[..., Service],
    send: Callable[..., None],
    client: Client,
    kafka_settings: Kafka,
) -> None:
    send(post(1, created_at="2016-09-01T00:00:00Z"), post(2))
    start()
    eventually(lambda: committed(kafka_settings) == 2)
    assert stored(client) == 1
    assert dead_letters(kafka_settings) == []


class Failing:
    """A producer whose messages never arrive."""

    def send(self, _topic: str, **_message: Any) -> Any:
        raise OSError("no route to broker")

    def flush(self, timeout: float | None = None) -> None: ...


def test_if_the_dlq_cannot_be_written_nothing_past_the_bad_message_is_committed(
    start: Callable[..., Service], send: Callable[..., None], kafka_settings: Kafka
) -> None:
    send(b"bad", post(1), key=b"k")
    service = start(dead_letters=DeadLetters(Failing(), "posts.dlq"))
    service.thread.join(30)
    assert isinstance(service.failure, StopService)
    assert "posts.dlq cannot be written" in str(service.failure)
    assert committed(kafka_settings) == 0


def test_a_long_batch_causes_no_eviction(
    kafka_settings: Kafka,
    clickhouse_settings: ClickHouse,
    send: Callable[..., None],
    client: Client,
) -> None:
    """Scoring takes longer than max_poll_interval; the member stays and commits (T4, short)."""
    gate = threading.Event()
    settings = kafka_settings.model_copy(update={"max_poll_interval": timedelta(seconds=2)})
    service = Service(settings, clickhouse_settings, scorer=PureScorer(gate))
    try:
        send(*(post(number) for number in range(5)))
        eventually(lambda: bool(service.consumer._assignment))
        before = time.monotonic()
        eventually(lambda: time.monotonic() - before > 4.5)
        gate.set()
        eventually(lambda: committed(kafka_settings) == 5)
        assert stored(client) == 5
    finally:
        gate.set()
        service.close()


class Away(Store):
    """A database that does not answer until told to."""

    def __init__(self, inner: Store) -> None:
        self.inner = inner
        self.back = threading.Event()
        self.refused = 0

    def __getattribute__(self, name: str) -> Any:
        if name in ("first_created", "versions", "claim", "insert"):
            if not self.back.is_set():
                self.refused += 1
                raise RetryLater("ClickHouse does not answer")
            return getattr(self.inner, name)
        return super().__getattribute__(name)


def test_while_clickhouse_is_away_offsets_stand_still_and_nothing_is_lost(
    kafka_settings: Kafka,
    clickhouse_settings: ClickHouse,
    send: Callable[..., None],
    client: Client,
) -> None:
    away = Away(Store(client, clickhouse_settings))
    service = Service(kafka_settings, clickhouse_settings, store=away)
    try:
        send(*(post(number) for number in range(5)))
        eventually(lambda: away.refused >= 3)
        assert service.health.problems() == ["clickhouse: ClickHouse does not answer"]
        assert committed(kafka_settings) == 0
        away.back.set()
        eventually(lambda: committed(kafka_settings) == 5)
        assert stored(client) == 5
        assert service.health.problems() == []
    finally:
        away.back.set()
        service.close()


def test_two_consumers_share_the_topic_and_one_takes_over_what_the_other_leaves(
    start: Callable[..., Service], send: Callable[..., None], client: Client
) -> None:
    first, second = start(), start()
    eventually(lambda: bool(first.consumer._assignment) and bool(second.consumer._assignment))
    eventually(lambda: len(first.consumer._assignment | second.consumer._assignment) == 3)
    send(*(post(number) for number in range(30)))
    eventually(lambda: stored(client) == 30)
    first.close()
    eventually(lambda: len(second.consumer._assignment) == 3)
    send(*(post(number) for number in range(30, 60)))
    eventually(lambda: stored(client) == 60)


def test_progress_tells_how_far_each_partition_was_read_also_where_nothing_comes(
    start: Callable[..., Service], client: Client
) -> None:
    began = datetime.now(UTC)
    start()

    def all_read() -> bool:
        rows = client.query("SELECT read_to, partitions FROM progress FINAL").result_rows
        return len(rows) == 3 and all(at >= began and of == 3 for at, of in rows)

    eventually(all_read)


def test_a_missing_topic_is_named_with_its_fix(
    kafka_settings: Kafka, clickhouse_settings: ClickHouse
) -> None:
    settings = kafka_settings.model_copy(update={"topic": "nowhere"})
    service = Service(settings, clickhouse_settings)
    service.thread.join(30)
    service.close()
    assert isinstance(service.failure, StopService)
    assert "nowhere" in str(service.failure) and "CREATE_TOPICS" in str(service.failure)


def test_a_mostly_bad_stream_stops_and_a_few_bad_messages_do_not() -> None:
    guard = BadStreamGuard(look_at=100)
    for _ in range(50):
        guard.check(bad=1, good=9)
    with pytest.raises(StopService, match="break the contract"):
        for _ in range(50):
            guard.check(bad=10, good=0)


def test_a_message_too_large_for_the_dlq_goes_cut_with_its_size_and_hash() -> None:
    from kafka.errors import MessageSizeTooLargeError

    from stream.decode import Record

    taken: list[dict[str, Any]] = []

    class Small(Failing):
        def send(self, _topic: str, **message: Any) -> Any:
            if len(message["value"]) > 600_000:
                raise MessageSizeTooLargeError("too large")
            taken.append(message)

            class Sent:
                def get(self, _timeout: float) -> None: ...

            return Sent()

    record = Record("posts", 1, 2, datetime.now(UTC), b"k", b"x" * 1_200_000)
    DeadLetters(Small(), "dlq").write([(record, RejectMessage("too_large", "1.2 MB"))])
    headers = dict(taken[0]["headers"])
    assert len(taken[0]["value"]) == 512 * 1024
    assert headers["truncated"] == b"true" and headers["size"] == b"1200000"
    assert len(headers["sha256"]) == 64


def test_waiting_ends_when_the_service_is_told_to_stop() -> None:
    stop = threading.Event()

    def call() -> None:
        stop.set()
        raise RetryLater("away")

    with pytest.raises(Stopped):
        Patience(stop, Health()).until_answered(call, "test")
