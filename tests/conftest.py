"""Fixtures for every test: one embedded ClickHouse a session, a fresh database a test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from stream import schema
from stream.database import connect
from stream.settings import ClickHouse

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def clickhouse_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The one directory of embedded ClickHouse: chDB opens one path per process."""
    return tmp_path_factory.mktemp("clickhouse")


@pytest.fixture
def clickhouse_settings(clickhouse_path: Path) -> Iterator[ClickHouse]:
    """Settings of a fresh database with the schema applied; `connect()` them."""
    pytest.importorskip("chdb", reason="needs the extra 'embedded'")
    settings = ClickHouse(path=clickhouse_path, database=f"test_{next(_numbers)}")
    client = connect(settings)
    schema.apply(client, schema.Target(settings.database, retention_days=400))
    yield settings
    client.command(f"DROP DATABASE {settings.database}")
    client.close()
