"""One HTTP front a module, and waiting for what another process does."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from clickhouse_connect.driver.client import Client

from stream.embedded.clickhouse import EmbeddedClickHouse
from tests.stream.embedded.asking import connect


def _eventually(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.01)


@pytest.fixture
def eventually() -> Callable[..., None]:
    """Wait until the condition holds; fail after `seconds`."""
    return _eventually


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedClickHouse]:
    with EmbeddedClickHouse(tmp_path_factory.mktemp("clickhouse")) as running:
        yield running


@pytest.fixture
def client(front: EmbeddedClickHouse) -> Iterator[Client]:
    """A client on a fresh database."""
    with connect(front) as admin:
        admin.command("DROP DATABASE IF EXISTS fresh")
        admin.command("CREATE DATABASE fresh")
    with connect(front, database="fresh") as made:
        yield made
