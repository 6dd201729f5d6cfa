"""The loop on a real broker and a real database: every good message is stored once, and nothing is
committed that is not."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from kafka.coordinator.consumer import ConsumerProtocolAssignment
from kafka.errors import CommitFailedError

from stream import kafka, metrics
from stream.database import Client
from stream.embedded.broker import EmbeddedBroker
from stream.embedded.children import free_port
from stream.errors import RetryLater, StopService
from stream.health import Health
from stream.retry import Patience, Stopped
from stream.settings import ClickHouse, Kafka
from stream.store import Store
from tests.stream.consuming import Service, committed, dead_letters, eventually, post, stored

Start = Callable[..., Service]
Send = Callable[..., None]


def test_good_posts_are_stored_and_then_committed(
    start: Start,
    send: Send,
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


def test_a_post_sent_again_is_neither_scored_nor_written_again(
    start: Start,
    send: Send,
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
    start: Start,
    send: Send,
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


def test_what_is_older_than_the_retention_is_counted_and_committed_and_not_stored(
    start: Start,
    send: Send,
    client: Client,
    kafka_settings: Kafka,
) -> None:
    """By its own date, however lately it was edited."""
    before = counted("undertone_expired_total")
    old = {"created_at": "2016-09-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"}
    send(post(1, **old), post(2))
    start()
    eventually(lambda: committed(kafka_settings) == 2)
    assert stored(client) == 1
    assert counted("undertone_expired_total") == before + 1
    assert dead_letters(kafka_settings) == []


def test_messages_under_another_key_are_stored_and_counted(
    start: Start,
    send: Send,
    client: Client,
) -> None:
    before = counted("undertone_foreign_keys_total")
    send(post(1), key=b"s:1")
    send(post(2), key=b"another")
    send(post(3))
    start()
    eventually(lambda: stored(client) == 3)
    assert counted("undertone_foreign_keys_total") == before + 2


def counted(name: str) -> float:
    return metrics.REGISTRY.get_sample_value(name) or 0.0


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
    send: Send,
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


@pytest.fixture
def looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """At the ends of the topic, and with that at the broker."""
    monkeypatch.setattr("stream.consume._IDLE_PROGRESS_SECONDS", 0.5)


@pytest.mark.usefixtures("looks_often")
def test_a_broker_that_is_away_is_a_problem_until_it_is_back(
    clickhouse_settings: ClickHouse, client: Client, tmp_path: Path
) -> None:
    with EmbeddedBroker(tmp_path, free_port()) as broker:
        settings = Kafka(bootstrap_servers=broker.bootstrap_servers)
        broker.create_topic("posts", 1)
        broker.create_topic("posts.dlq", 1)
        service = Service(settings, clickhouse_settings)
        try:
            eventually(lambda: service.health.problems() == [])
            broker.stop()
            eventually(lambda: any(one.startswith("kafka") for one in service.health.problems()))
            broker.start()
            eventually(lambda: service.health.problems() == [], within=60)
            sender = kafka.producer(settings)
            sender.send("posts", value=post(1))
            sender.close(timeout=10)
            eventually(lambda: stored(client) == 1)
        finally:
            service.close()


def test_two_consumers_share_the_topic_and_one_takes_over_what_the_other_leaves(
    start: Start, send: Send, client: Client
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
    start: Start, client: Client
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


def test_waiting_ends_when_the_service_is_told_to_stop() -> None:
    stop = threading.Event()

    def call() -> None:
        stop.set()
        raise RetryLater("away")

    with pytest.raises(Stopped):
        Patience(stop, Health()).until_answered(call, "test")


def test_a_member_given_an_assignment_it_cannot_read_joins_anew(
    start: Start, send: Send, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a broker gives whom the group's leader did not know: no bytes, here by the client's
    decoder. Seen on the embedded broker where many came and went."""
    decode, given = ConsumerProtocolAssignment.decode, [b""]
    monkeypatch.setattr(
        ConsumerProtocolAssignment,
        "decode",
        lambda assignment: decode(given.pop() if given else assignment),
    )
    send(*(post(number) for number in range(5)))
    service = start()
    eventually(lambda: stored(client) == 5)
    assert not given and service.failure is None


@pytest.mark.usefixtures("looks_often")
def test_a_refused_commit_is_made_up_for_where_the_partition_is_kept(
    start: Start,
    send: Send,
    client: Client,
    kafka_settings: Kafka,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Even where no further message comes: the group's lag ends at 0. The refusal is at the edge of
    a real client; a broker gives it while others join or leave."""
    real, refused = kafka.consumer, []

    def refuses_once(settings: Kafka) -> Any:
        member = real(settings)
        commit = member.commit

        def first_refused(*given: Any, **named: Any) -> None:
            if not refused:
                refused.append(given)
                raise CommitFailedError("a rebalance is under way")
            commit(*given, **named)

        monkeypatch.setattr(member, "commit", first_refused)
        return member

    monkeypatch.setattr(kafka, "consumer", refuses_once)
    send(post(1), key=b"s:1")
    start()
    eventually(lambda: committed(kafka_settings) == 1)
    assert refused and stored(client) == 1


def test_a_backlog_larger_than_any_fetch_is_read_on_the_embedded_broker(
    kafka_settings: Kafka, start: Start, send: Send, client: Client
) -> None:
    """That broker gives all it has at once. An answer that is not taken is asked for again and
    again, and nothing comes."""
    assert kafka_settings.most_fetched > 40_000_000
    send(*(post(number, f"Acme {number} {'x' * 800_000}") for number in range(50)))
    service = start()
    eventually(lambda: stored(client) == 50, within=60)
    assert service.failure is None
