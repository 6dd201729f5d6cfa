"""One database a module, emptied after each test: to make one takes longer than most tests here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stream import schema
from stream.database import Client, connect
from stream.settings import ClickHouse


@pytest.fixture(scope="module")
def clickhouse_settings(clickhouse_path: Path) -> Iterator[ClickHouse]:
    settings = ClickHouse(path=clickhouse_path, database="deliveries")
    client = connect(settings)
    schema.apply(client, schema.Target(settings.database, retention_days=400))
    yield settings
    client.command(f"DROP DATABASE {settings.database}")
    client.close()


@pytest.fixture
def client(clickhouse_settings: ClickHouse) -> Iterator[Client]:
    client = connect(clickhouse_settings)
    yield client
    for table in ("alerts", "deliveries"):
        client.command(f"TRUNCATE TABLE {table}")
    client.close()
