"""The one way to Kafka: clients built from the settings, every default that matters by name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType, MemberToRemove, NewTopic
from kafka.errors import (
    AuthorizationError,
    KafkaConfigurationError,
    KafkaError,
    TopicAlreadyExistsError,
)

from stream.errors import RetryLater, StopService
from stream.settings import Kafka
from stream.unpack import open_carefully

DLQ_HEADROOM = 64 * 1024  # DESIGN §2: the DLQ takes records this much larger than `posts` does
_USUAL_LIMIT = 1_048_588  # max.message.bytes of a topic where nobody set it
_LARGEST = 32 * 1024 * 1024  # request; it bounds the memory of one
_BOOTSTRAP_MS = 10_000
_BOOTSTRAP_AGAIN_MS = 3_000
_DLQ_PATIENCE = timedelta(seconds=10)  # twice, and it shows within 30 s that none can be written


def connection(settings: Kafka) -> dict[str, Any]:
    """What every client needs to reach the brokers."""
    password = settings.sasl_password
    return {
        "bootstrap_servers": settings.bootstrap_servers.split(","),
        "client_id": "undertone",
        "security_protocol": settings.security_protocol,
        "sasl_mechanism": settings.sasl_mechanism,
        "sasl_plain_username": settings.sasl_username,
        "sasl_plain_password": password.get_secret_value() if password else None,
        "ssl_cafile": str(settings.ssl_cafile) if settings.ssl_cafile else None,
        "bootstrap_timeout_ms": _BOOTSTRAP_MS,
        "request_timeout_ms": 30_000,
        "reconnect_backoff_max_ms": 5_000,
        # A broker that comes back on another address is found again.
        "client_dns_lookup": "use_all_dns_ips",
        "metadata_max_age_ms": 60_000,
    }


def consumer(settings: Kafka) -> KafkaConsumer:
    """A member of the consumer group, not subscribed yet. Raises RetryLater or StopService."""
    return _consumer(settings, settings.group_id)


def candidate(settings: Kafka, group_id: str) -> KafkaConsumer:
    """A member of another group than the consumers'. Raises RetryLater or StopService."""
    return _consumer(settings, group_id)


def reader(settings: Kafka) -> KafkaConsumer:
    """A consumer of no group, for a look: it takes nothing from the service and commits nothing.

    Raises RetryLater or StopService.
    """
    return _consumer(settings, None)


def _consumer(settings: Kafka, group_id: str | None) -> KafkaConsumer:
    with errors_sorted():
        client = KafkaConsumer(
            **connection(settings),
            group_id=group_id,
            # Offsets are committed by hand, after ClickHouse has acknowledged.
            enable_auto_commit=False,
            # A new group, or one whose offset was cut off, starts at the beginning: `latest` skips.
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            max_poll_records=settings.batch_posts,
            max_poll_interval_ms=_ms(settings.max_poll_interval),
            session_timeout_ms=_ms(settings.session_timeout),
            # It is by its heartbeat that a member learns of a rebalance, and others wait for it.
            heartbeat_interval_ms=min(1_000, _ms(settings.session_timeout) // 3),
            fetch_max_wait_ms=200,
            max_partition_fetch_bytes=1024 * 1024,
            fetch_max_bytes=16 * 1024 * 1024,
            receive_message_max_bytes=settings.most_fetched,
            check_crcs=True,
            isolation_level="read_committed",
        )
    open_carefully(client, settings.most_unpacked)
    return client


def learn_addresses(client: KafkaConsumer | KafkaProducer) -> None:
    """Ask the bootstrap servers where the brokers are now; no answer changes nothing.

    By itself a client asks only the brokers it knows, for ever: where all of them have come back
    on other addresses, it would never find them. It stays the same member of its group. Returns at
    once: to wait would be to wait for one asked before, half a minute where its connection is dead.
    """
    asks = client._metadata if isinstance(client, KafkaProducer) else client
    asks._manager.bootstrap_async(_BOOTSTRAP_AGAIN_MS, refresh=True)


def answers(settings: Kafka) -> bool:
    """Whether a broker answers, at any address given; takes a few seconds at most."""
    try:
        asked = {"bootstrap_timeout_ms": _BOOTSTRAP_AGAIN_MS, "request_timeout_ms": 5_000}
        admin = KafkaAdminClient(**connection(settings) | asked)
        try:
            admin.list_topics()
        finally:
            admin.close()
    except (KafkaError, OSError):
        return False
    return True


def producer(
    settings: Kafka,
    patience: timedelta = timedelta(seconds=40),
    largest: int = _USUAL_LIMIT + DLQ_HEADROOM,
) -> KafkaProducer:
    """A producer that waits for all replicas and tries again for as long as `patience`.

    Not idempotent: a broker that comes back without the producer's state refuses an idempotent one
    for good (seen: OutOfOrderSequenceNumberError), while a message sent twice harms nothing here.
    One request in flight keeps the order. What is above `largest` bytes it refuses by itself.
    Raises RetryLater or StopService.
    """
    with errors_sorted():
        return KafkaProducer(
            **connection(settings) | {"request_timeout_ms": min(30_000, _ms(patience) // 2)},
            acks="all",
            enable_idempotence=False,
            max_in_flight_requests_per_connection=1,
            linger_ms=5,
            max_block_ms=max(10_000, _ms(patience)),
            delivery_timeout_ms=_ms(patience),
            max_request_size=largest,
            allow_auto_create_topics=False,
        )


def create_topics(settings: Kafka) -> None:
    """Create `posts` and the DLQ where they are missing; what is kept is the broker's to say."""
    headroom = str(_USUAL_LIMIT + DLQ_HEADROOM)
    wanted = [
        NewTopic(settings.topic, settings.partitions, 1),
        NewTopic(settings.dlq_topic, 1, 1, topic_configs={"max.message.bytes": headroom}),
    ]
    _create(settings, wanted)


def create_leader_topic(settings: Kafka, topic: str) -> None:
    """Create the watchers' topic where it is missing: one partition, in which nothing is written.

    Raises RetryLater, or StopService where we may not.
    """
    _create(settings, [NewTopic(topic, 1, 1)])


def _create(settings: Kafka, wanted: Sequence[NewTopic]) -> None:
    with errors_sorted():
        admin = KafkaAdminClient(**connection(settings))
        try:
            known = set(admin.list_topics())
            for topic in wanted:
                if topic.name not in known:
                    admin.create_topics([topic])
        except TopicAlreadyExistsError:
            pass  # another replica was quicker
        finally:
            admin.close()


def dead_letter_producer(settings: Kafka) -> KafkaProducer:
    """One that sends whole what the DLQ takes, and nothing in vain: a checksum costs a second for
    ten megabytes. Raises RetryLater or StopService."""
    try:
        takes = message_limits(settings)[settings.dlq_topic]
    except (StopService, KeyError):  # we may not ask, or there is no such topic yet
        return producer(settings, _DLQ_PATIENCE)
    return producer(settings, _DLQ_PATIENCE, largest=min(takes, _LARGEST))


def message_limits(settings: Kafka) -> dict[str, int]:
    """`max.message.bytes` of `posts` and the DLQ. Raises RetryLater or StopService."""
    topics = (settings.topic, settings.dlq_topic)
    asked = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
    with errors_sorted():
        admin = KafkaAdminClient(**connection(settings))
        try:
            found = admin.describe_configs(asked, config_filter="all")["topic"]
        finally:
            admin.close()
    return {topic: int(found[topic]["max.message.bytes"]["value"]) for topic in topics}


def take_out_others(settings: Kafka, group_id: str, member_id: str) -> int:
    """Take every member but this one out of a group; how many. Raises RetryLater or StopService."""
    with errors_sorted():
        admin = KafkaAdminClient(**connection(settings))
        try:
            members = admin.describe_groups([group_id])[group_id]["members"]
            others = [one["member_id"] for one in members if one["member_id"] != member_id]
            if others:
                gone = [MemberToRemove(member_id=other) for other in others]
                admin.remove_group_members(group_id, gone)
        finally:
            admin.close()
    return len(others)


@contextmanager
def errors_sorted() -> Iterator[None]:
    """Turn kafka-python's exceptions into ours."""
    try:
        yield
    except (AuthorizationError, KafkaConfigurationError) as error:
        raise StopService(f"Kafka: {type(error).__name__}: {error}") from None
    except (KafkaError, OSError) as error:
        raise RetryLater(f"Kafka: {type(error).__name__}: {error}"[:300]) from None


def _ms(duration: timedelta) -> int:
    return int(duration.total_seconds() * 1000)
