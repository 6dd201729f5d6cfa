"""Fixtures of the service's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer

from stream.database import Client, connect
from stream.settings import ClickHouse, Kafka
from stream.store import Store
from tests.stream.calling import Call, calling
from tests.stream.consuming import Service


@pytest.fixture
def client(clickhouse_settings: ClickHouse) -> Iterator[Client]:
    client = connect(clickhouse_settings)
    yield client
    client.close()


@pytest.fixture
def store(client: Client, clickhouse_settings: ClickHouse) -> Store:
    return Store(client, clickhouse_settings)


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
def send(kafka_settings: Kafka) -> Iterator[Callable[..., None]]:
    producer = KafkaProducer(bootstrap_servers=kafka_settings.bootstrap_servers)

    def put(*values: bytes | None, key: bytes | None = None) -> None:
        for value in values:
            producer.send(kafka_settings.topic, key=key, value=value)
        producer.flush(10)

    yield put
    producer.close(timeout=5)


@pytest.fixture
def undertone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> Call:
    """Run a command in an empty directory; its exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    return calling(monkeypatch, capsys)


@pytest.fixture
def on_database(
    undertone: Call, clickhouse_settings: ClickHouse, monkeypatch: pytest.MonkeyPatch
) -> Call:
    """Run a command that finds the test's database."""
    monkeypatch.setenv("UNDERTONE_CLICKHOUSE__PATH", str(clickhouse_settings.path))
    monkeypatch.setenv("UNDERTONE_CLICKHOUSE__DATABASE", clickhouse_settings.database)
    return undertone
