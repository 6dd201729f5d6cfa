"""How often a consumer asks: a broker that holds no fetch back is not asked without end."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from kafka.consumer.fetcher import Fetcher

from stream import kafka
from stream.database import Client
from stream.settings import Kafka
from tests.stream.consuming import Service, eventually, post, stored

MESSAGES = 40


def test_messages_that_trickle_in_are_asked_for_a_few_times_each(
    start: Callable[..., Service],
    kafka_settings: Kafka,
    client: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The embedded broker answers an empty fetch at once: asked without a rest, a thousand times
    in the second that they take."""
    answered, handle = [], Fetcher._handle_fetch_response

    def counted(self: Fetcher, *given: Any) -> Any:
        answered.append(given)
        return handle(self, *given)

    monkeypatch.setattr(Fetcher, "_handle_fetch_response", counted)
    service = start()
    eventually(lambda: len(service.consumer._assignment) == kafka_settings.partitions)
    sender = kafka.producer(kafka_settings)
    answered.clear()
    for number in range(MESSAGES):
        sender.send(kafka_settings.topic, value=post(number))
        time.sleep(0.025)  # oftener than an idle consumer asks
    sender.close(timeout=10)
    eventually(lambda: stored(client) == MESSAGES)
    assert len(answered) <= 5 * MESSAGES
