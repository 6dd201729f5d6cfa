"""One database a module, emptied after each test: to make one takes longer than most tests here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stream.database import Client, connect
from stream.settings import ClickHouse
from tests.databases import database


@pytest.fixture(scope="module")
def clickhouse_settings(clickhouse_path: Path) -> Iterator[ClickHouse]:
    with database(clickhouse_path, "deliveries") as settings:
        yield settings


@pytest.fixture
def client(clickhouse_settings: ClickHouse) -> Iterator[Client]:
    client = connect(clickhouse_settings)
    yield client
    for table in ("alerts", "deliveries"):
        client.command(f"TRUNCATE TABLE {table}")
    client.close()
