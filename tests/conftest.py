"""Fixtures for every test: one embedded ClickHouse and one broker a session, fresh names a test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import structlog

from stream import kafka
from stream.database import connect
from stream.settings import ClickHouse, Kafka
from tests.databases import database

_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where models' 8-bit files are kept: nothing of the user's, and made once for all workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp().parent / "cache"))
        yield


@pytest.fixture(autouse=True)
def logs_as_before() -> Iterator[None]:
    """A command sets up the logs of the whole process, on the stderr of its test: soon closed."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def clickhouse_path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The one directory of embedded ClickHouse: chDB opens one path per process.

    A client held for the session keeps the engine up: starting it costs each test half a second.
    """
    pytest.importorskip("chdb", reason="needs the extra 'embedded'")
    path = tmp_path_factory.mktemp("clickhouse")
    held = connect(ClickHouse(path=path), "")
    yield path
    held.close()


@pytest.fixture
def clickhouse_settings(clickhouse_path: Path) -> Iterator[ClickHouse]:
    """Settings of a fresh database with the schema applied; `connect()` them."""
    with database(clickhouse_path, f"test_{next(_numbers)}") as settings:
        yield settings


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of one embedded broker for the session."""
    pytest.importorskip("noida_db", reason="needs the extra 'embedded'")
    from stream.embedded.broker import EmbeddedBroker

    with EmbeddedBroker(tmp_path_factory.mktemp("kafka")) as running:
        yield running.bootstrap_servers


@pytest.fixture
def kafka_settings(broker: str) -> Kafka:
    """Settings with fresh topics and a fresh group on the session's broker."""
    number = next(_numbers)
    settings = Kafka(
        most_fetched=1 << 30,  # as `undertone run` has it for its own broker
        bootstrap_servers=broker,
        topic=f"posts-{number}",
        dlq_topic=f"posts-{number}.dlq",
        group_id=f"group-{number}",
        partitions=3,
        batch_age=timedelta(milliseconds=100),
        session_timeout=timedelta(seconds=10),
        max_poll_interval=timedelta(seconds=10),  # see decision 007
    )
    kafka.create_topics(settings)
    return settings
