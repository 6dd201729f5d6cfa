"""Databases that last as long as a test or a module of tests."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stream import schema
from stream.database import connect
from stream.settings import ClickHouse


@contextmanager
def database(path: Path, name: str) -> Iterator[ClickHouse]:
    """Settings of a fresh database with the schema applied; `connect()` them."""
    settings = ClickHouse(path=path, database=name)
    client = connect(settings)
    schema.apply(client, schema.Target(name, retention_days=400))
    yield settings
    client.command(f"DROP DATABASE {name}")
    client.close()
