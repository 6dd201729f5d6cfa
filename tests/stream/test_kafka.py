"""Clients of Kafka: what decides about loss is set by name, and errors say what to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from kafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError
from kafka.structs import TopicPartition

from stream import kafka, topics
from stream.errors import RetryLater, StopService
from stream.settings import Kafka

NOT_THE_LIBRARYS_CHOICE = {
    "enable_auto_commit": False,
    "auto_offset_reset": "earliest",
    "allow_auto_create_topics": False,
    "isolation_level": "read_committed",
    "check_crcs": True,
    "max_poll_records": 77,
    "max_poll_interval_ms": 120_000,
    "session_timeout_ms": 9_000,
    "heartbeat_interval_ms": 1_000,
    "max_partition_fetch_bytes": 1024 * 1024,
    "fetch_max_bytes": 16 * 1024 * 1024,
    "receive_message_max_bytes": 32 * 1024 * 1024,
    "request_timeout_ms": 30_000,
    "metadata_max_age_ms": 60_000,
    "client_dns_lookup": "use_all_dns_ips",
}


def test_no_option_that_matters_is_left_to_the_library(kafka_settings: Kafka) -> None:
    changes = {
        "batch_posts": 77,
        "most_fetched": 32 << 20,
        "max_poll_interval": timedelta(minutes=2),
        "session_timeout": timedelta(seconds=9),
    }
    client = kafka.consumer(kafka_settings.model_copy(update=changes))
    client.close(autocommit=False)
    assert {n: client.config[n] for n in NOT_THE_LIBRARYS_CHOICE} == NOT_THE_LIBRARYS_CHOICE
    look = kafka.reader(kafka_settings.model_copy(update=changes))
    look.close(autocommit=False)
    assert {n: look.config[n] for n in NOT_THE_LIBRARYS_CHOICE} == NOT_THE_LIBRARYS_CHOICE
    assert look.config["group_id"] is None  # it takes no partition from the service


def test_user_and_password_reach_the_brokers() -> None:
    settings = Kafka(
        bootstrap_servers="one:9093,two:9093",
        security_protocol="SASL_SSL",
        sasl_mechanism="SCRAM-SHA-512",
        sasl_username="undertone",
        sasl_password="canary",
    )
    options = kafka.connection(settings)
    assert options["bootstrap_servers"] == ["one:9093", "two:9093"]
    assert options["sasl_plain_username"] == "undertone"
    assert options["sasl_plain_password"] == "canary"
    assert "canary" not in repr(settings)


@pytest.mark.parametrize(
    ("error", "becomes", "says"),
    [
        (KafkaTimeoutError("no brokers"), RetryLater, "no brokers"),
        (ConnectionResetError("gone"), RetryLater, "gone"),
        (TopicAuthorizationFailedError("posts"), StopService, "posts"),
    ],
)
def test_an_error_says_whether_waiting_helps(
    error: Exception, becomes: type[Exception], says: str
) -> None:
    with pytest.raises(becomes, match=says), kafka.errors_sorted():
        raise error


@pytest.mark.parametrize("stamp", [-1, 0, 1_764_000_000_000_000, 2**60, 2**63 - 1])
def test_an_absurd_record_timestamp_stops_nobody(stamp: int) -> None:
    """Microseconds given as milliseconds are the usual case; what is kept fits every column."""
    message = SimpleNamespace(offset=0, timestamp=stamp, key=None, value=b"{}", headers=[])
    (record,) = topics.records({TopicPartition("posts", 0): [message]})
    assert datetime(1970, 1, 1, tzinfo=UTC) <= record.time <= datetime(2200, 1, 1, tzinfo=UTC)
