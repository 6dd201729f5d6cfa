"""One database for all worlds of a module: each world begins by emptying it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stream.database import Client
from stream.settings import ClickHouse
from tests.chaos.world import prepare


@pytest.fixture(scope="module")
def chaos_client(clickhouse_path: Path) -> Iterator[Client]:
    client = prepare(ClickHouse(path=clickhouse_path, database="chaos"))
    yield client
    client.command("DROP DATABASE chaos")
    client.close()
