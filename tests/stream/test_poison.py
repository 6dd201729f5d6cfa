"""Everything that breaks the contract, in one stream with good posts (T15): all that is bad lies in
the DLQ as it came, all that is good is stored, and nothing stops.

On the embedded broker, with topics that allow 10 MB: the operator's choice. The batches that cannot
be opened are in test_unpack.py.
"""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from kafka import KafkaProducer
from kafka.admin import KafkaAdminClient, NewTopic

from stream import kafka, metrics
from stream.database import Client
from stream.settings import Kafka
from tests.stream.consuming import Service, committed, dead_letters, eventually, post
from tests.stream.poison import DEEP, LARGE, SMALL, TEN_MEGABYTES

Start = Callable[..., Service]
Place = tuple[int, int]
HEADERS = {"error", "topic", "partition", "offset", "timestamp"}
ROOM = TEN_MEGABYTES + 1024 * 1024


@pytest.fixture
def roomy(kafka_settings: Kafka) -> Kafka:
    """The same broker with topics that take messages of ten megabytes."""
    topic = f"{kafka_settings.topic}-roomy"
    dlq = f"{topic}.dlq"
    admin = KafkaAdminClient(bootstrap_servers=kafka_settings.bootstrap_servers)
    for name, room in ((topic, ROOM), (dlq, ROOM + kafka.DLQ_HEADROOM)):
        configs = {"max.message.bytes": str(room)}
        admin.create_topics([NewTopic(name, 3, 1, topic_configs=configs)])
    admin.close()
    # The client takes seconds within one poll for the checksum of ten megabytes, in Python.
    patient = {"max_poll_interval": timedelta(minutes=1)}
    return kafka_settings.model_copy(update={"topic": topic, "dlq_topic": dlq, **patient})


def send_mixed(
    settings: Kafka, good: int, bad: int, large: int
) -> dict[Place, tuple[bytes | None, bytes | None]]:
    """Send them in a seeded order; (key, value) of the bad ones by their place."""
    kinds = itertools.cycle((SMALL | DEEP).values())
    numbered = [make(number) for number, make in zip(range(bad - large), kinds, strict=False)]
    numbered += [make(number) for number in range(large) for make in LARGE.values()]
    messages: list[tuple[bytes, bytes | None, bool]] = [
        (b"s:bad", value, True) if value is not None else (b"no colon", None, True)
        for value in numbered
    ]
    messages += [(f"s:{number}".encode(), post(number), False) for number in range(good)]
    random.Random(good).shuffle(messages)
    producer = KafkaProducer(
        bootstrap_servers=settings.bootstrap_servers,
        max_request_size=ROOM,
    )
    sent = [
        (
            producer.send(settings.topic, key=key, value=value, partition=number % 3),
            (key, value),
            is_bad,
        )
        for number, (key, value, is_bad) in enumerate(messages)
    ]
    places = {}
    for future, message, is_bad in sent:
        done = future.get(120)
        if is_bad:
            places[done.partition, done.offset] = message
    producer.close(timeout=10)
    assert len(places) == bad
    return places


def all_bad_is_kept_and_all_good_is_stored(
    settings: Kafka, start: Any, client: Client, good: int, bad: int, large: int, within: float
) -> None:
    places = send_mixed(settings, good, bad, large)
    before = metrics.REBALANCES._value.get()
    service = start(settings)
    try:
        eventually(lambda: committed(settings) == good + bad, within)
        assert service.thread.is_alive() and service.failure is None
    finally:
        service.close()
    assert metrics.REBALANCES._value.get() == before + 1  # joined once, never left out
    letters: dict[Place, Any] = {}
    for letter in dead_letters(settings):
        headers = dict(letter.headers)
        assert set(headers) == HEADERS
        assert headers["topic"] == settings.topic.encode()
        letters[int(headers["partition"]), int(headers["offset"])] = letter
    assert {place: (one.key, one.value) for place, one in letters.items()} == places
    rows = client.query("SELECT post_id FROM posts FINAL").result_rows
    assert sorted(int(post_id) for (post_id,) in rows) == list(range(good))


@pytest.fixture
def start_with(clickhouse_settings: Any) -> Callable[[Kafka], Service]:
    return lambda settings: Service(settings, clickhouse_settings)


@pytest.mark.timeout(300)
def test_five_in_a_hundred_messages_are_poison_and_nothing_is_lost(
    roomy: Kafka, start_with: Any, client: Client
) -> None:
    """The full form divided by 50: 400 messages, each kind of poison once, one of 10 MB."""
    all_bad_is_kept_and_all_good_is_stored(roomy, start_with, client, 380, 20, 1, within=100)


@pytest.mark.faults
def test_a_thousand_poisoned_messages_among_twenty_thousand_are_kept_byte_for_byte(
    roomy: Kafka, start_with: Any, client: Client
) -> None:
    """With 5 % poison of every kind, 100 % of the bad lie in the DLQ byte-equal with their headers,
    100 % of the good are stored, and the consumer never stops nor leaves its group."""
    all_bad_is_kept_and_all_good_is_stored(roomy, start_with, client, 19_000, 1_000, 10, 1200)


@pytest.mark.timeout(300)
def test_where_the_dlq_has_no_room_for_ten_megabytes_their_beginning_goes_there(
    roomy: Kafka, kafka_settings: Kafka, start_with: Any, client: Client
) -> None:
    """With size and hash, by which the original is found in the topic (DESIGN §2). Every good post
    around it is stored."""
    settings = roomy.model_copy(update={"dlq_topic": kafka_settings.dlq_topic})
    ((_, (_, value)),) = send_mixed(settings, 20, 1, 1).items()
    assert value is not None
    service = start_with(settings)
    try:
        eventually(lambda: committed(settings) == 21, within=100)
    finally:
        service.close()
    assert service.failure is None
    (letter,) = dead_letters(settings)
    headers = dict(letter.headers)
    assert letter.value == value[: 512 * 1024]
    assert headers["size"] == str(len(value)).encode()
    assert headers["sha256"] == hashlib.sha256(value).hexdigest().encode()
    assert client.query("SELECT count() FROM posts FINAL").result_rows == [(20,)]
