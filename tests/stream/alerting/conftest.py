"""Fixtures of the tests of alerts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from stream import schema
from stream.database import connect
from tests.databases import database
from tests.stream.speaking import World


@pytest.fixture(scope="module")
def shared_world(clickhouse_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    """One database for all tests of a module: whoever takes it says what is in it."""
    name = request.module.__name__.rpartition(".")[2]
    with database(clickhouse_path, name) as settings:
        client = connect(settings)
        yield World(client, settings)
        client.close()


@pytest.fixture
def emptied_world(shared_world: World) -> World:
    """The module's database, with nothing in it."""
    for step in schema.STEPS:
        shared_world.client.command(f"TRUNCATE TABLE {step.table}")
    return shared_world
