"""Step 1's other way: what breaks the contract is kept, byte for byte, and never dropped."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from kafka.errors import KafkaTimeoutError, MessageSizeTooLargeError

from stream.database import Client
from stream.dead_letters import BadStreamGuard, DeadLetters
from stream.decode import Record
from stream.errors import RejectMessage, RetryLater, StopService
from stream.settings import Kafka
from tests.stream.consuming import Service, committed, dead_letters, eventually, post, stored

Start = Callable[..., Service]
Send = Callable[..., None]


def test_bad_messages_are_dead_lettered_byte_for_byte_and_the_rest_flows_on(
    start: Start,
    send: Send,
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
    assert set(headers) == {"error", "topic", "partition", "offset", "timestamp"}


class Failing:
    """A producer whose messages never arrive."""

    def send(self, _topic: str, **_message: Any) -> Any:
        raise OSError("no route to broker")

    def flush(self, timeout: float | None = None) -> None: ...


def test_if_the_dlq_cannot_be_written_nothing_past_the_bad_message_is_committed(
    start: Start, send: Send, kafka_settings: Kafka
) -> None:
    send(b"bad", post(1), key=b"k")
    service = start(dead_letters=DeadLetters(Failing(), "posts.dlq"))
    service.thread.join(30)
    assert isinstance(service.failure, StopService)
    assert "posts.dlq cannot be written" in str(service.failure)
    assert committed(kafka_settings) == 0


def test_a_mostly_bad_stream_stops_and_a_few_bad_messages_do_not() -> None:
    guard = BadStreamGuard(look_at=100)
    for _ in range(50):
        guard.check(bad=1, good=9)
    with pytest.raises(StopService, match="break the contract"):
        for _ in range(50):
            guard.check(bad=10, good=0)


def test_a_service_started_again_on_a_bad_stream_diverts_less_than_a_hundred_each_time() -> None:
    diverted = 0
    for _ in range(5):
        guard = BadStreamGuard()
        with pytest.raises(StopService, match="UNDERTONE_KAFKA__MOST_BAD=1"):
            for _ in range(50):
                guard.check(bad=30, good=0)
                diverted += 30
    assert diverted <= 5 * 99


def test_what_lies_there_already_can_be_let_through() -> None:
    guard = BadStreamGuard(most=1)
    for _ in range(50):
        guard.check(bad=100, good=0)


def test_an_upstream_that_is_all_bad_stops_the_consumer_and_little_is_diverted(
    start: Start, send: Send, kafka_settings: Kafka
) -> None:
    """T17: 100 % bad; at most 1,000 messages are diverted, and the rest stays in the topic."""
    send(*(b"bad %d" % number for number in range(1500)), key=b"k")
    service = start()
    service.thread.join(60)
    assert isinstance(service.failure, StopService)
    assert "100% of the last" in str(service.failure)
    assert len(dead_letters(kafka_settings)) == committed(kafka_settings) <= 1000


def test_a_message_too_large_for_the_dlq_goes_cut_with_its_size_and_hash() -> None:
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
    letters = DeadLetters(Small(), "dlq")
    letters.wait(letters.send([(record, RejectMessage("too_large", "1.2 MB"))]))
    headers = dict(taken[0]["headers"])
    assert len(taken[0]["value"]) == 512 * 1024
    assert headers["truncated"] == b"true" and headers["size"] == b"1200000"
    assert len(headers["sha256"]) == 64


def test_a_broker_that_does_not_take_a_dead_letter_is_looked_for_elsewhere() -> None:
    """It may have come back at another address, which a producer does not ask for by itself."""
    found: list[str] = []

    class Moved(Failing):
        is_done = False

        def send(self, topic: str, **message: Any) -> Any:
            return self

        def get(self, timeout: float) -> None:
            if len(found) < 2:
                raise KafkaTimeoutError("nobody there")

    record = Record("posts", 0, 1, datetime.now(UTC), b"k", b"x")
    letters = DeadLetters(Moved(), "dlq", find_brokers=lambda: not found.append("asked"))
    letters.wait(letters.send([(record, RejectMessage("not_json", "x"))]))
    assert found == ["asked", "asked"]


def test_a_dead_letter_waits_for_brokers_that_are_away_and_stops_nothing() -> None:
    """An outage is no DLQ that cannot be written: that one is only where a broker answers."""
    record = Record("posts", 0, 1, datetime.now(UTC), b"k", b"x")
    rejected = [(record, RejectMessage("not_json", "x"))]
    answers: list[bool] = []
    letters = DeadLetters(Failing(), "dlq", find_brokers=lambda: bool(answers))
    waiting = letters.send(rejected)
    for _ in range(2):
        with pytest.raises(RetryLater, match="no broker answers"):
            letters.wait(waiting)
    answers.append(True)
    with pytest.raises(StopService, match="cannot be written"):
        letters.wait(waiting)


def test_a_dead_letter_that_expired_while_its_batch_was_stored_is_sent_again() -> None:
    """The database may keep a batch waiting for longer than the producer does."""
    sent: list[bool] = []

    class Expired:
        is_done = True

        def get(self, _timeout: float) -> None:
            raise KafkaTimeoutError("10 s have passed since the batch was made")

    class Again(Failing):
        def send(self, _topic: str, **_message: Any) -> Any:
            sent.append(True)
            return Expired() if len(sent) == 1 else self

        def get(self, _timeout: float) -> None: ...

    record = Record("posts", 0, 1, datetime.now(UTC), b"k", b"x")
    letters = DeadLetters(Again(), "dlq")
    letters.wait(letters.send([(record, RejectMessage("not_json", "x"))]))
    assert len(sent) == 2
