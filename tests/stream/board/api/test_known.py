"""What is not known is said to be unknown: nobody reads, nobody counts, nobody answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from starlette.testclient import TestClient

from stream.board import BoardContext, create_app
from stream.board.api.clients import Clients
from stream.board.api.known import known_to
from stream.clock import Clock
from stream.database import Client
from stream.errors import RetryLater, UsageError
from stream.settings import ClickHouse
from tests.stream.board.api.conftest import MINUTE, NOW, THIS_MINUTE
from tests.stream.board.conftest import Seed


@pytest.fixture
def seed(client: Client) -> Iterator[Seed]:
    yield Seed(client, NOW)
    for table in ("progress", "passes"):
        client.command(f"TRUNCATE TABLE {table}")


def counted(client: Client, seconds_ago: float) -> None:
    """A pass began so long ago, by the server's clock."""
    client.command(
        "INSERT INTO passes (started_at) SELECT now64(6) - toIntervalMillisecond({ms:UInt32})",
        parameters={"ms": int(seconds_ago * 1000)},
    )


def test_nothing_is_known_before_all_partitions_were_read_and_windows_counted(
    seed: Seed, client: Client, context: BoardContext
) -> None:
    assert known_to(client, context, NOW) is None
    counted(client, 0)
    assert known_to(client, context, NOW) is None
    seed.progress(partitions=2, known=1)
    assert known_to(client, context, NOW) is None
    seed.progress(partitions=2, known=2)
    assert known_to(client, context, NOW) == THIS_MINUTE
    client.command("TRUNCATE TABLE passes")
    assert known_to(client, context, NOW) is None


@pytest.mark.parametrize(
    ("read_ago", "counted_ago", "known"),
    [
        (timedelta(0), 2, THIS_MINUTE),
        (timedelta(minutes=7), 2, THIS_MINUTE - 7 * MINUTE),  # a consumer that lags
        (timedelta(0), 600, THIS_MINUTE - 10 * MINUTE),  # a watcher that stands still
        (-timedelta(minutes=5), 0, THIS_MINUTE),  # nothing is known of the future
    ],
)
def test_who_stands_still_does_not_look_like_silence(
    seed: Seed,
    client: Client,
    context: BoardContext,
    read_ago: timedelta,
    counted_ago: float,
    known: datetime,
) -> None:
    seed.progress(NOW - read_ago)
    counted(client, counted_ago)
    assert known_to(client, context, NOW) == known


def test_a_minute_is_open_until_it_is_closed(
    seed: Seed, client: Client, context: BoardContext
) -> None:
    seed.progress(NOW)
    counted(client, 0)
    just_over = THIS_MINUTE + timedelta(seconds=9)  # closed at ten
    assert known_to(client, context, just_over) == THIS_MINUTE - MINUTE


def test_when_time_runs_fast_a_pass_is_old_sooner(
    seed: Seed, client: Client, context: BoardContext
) -> None:
    start = NOW - timedelta(hours=5)
    fast = Clock.scenario(start, 60, began=NOW, wall=lambda: NOW + MINUTE)
    seed.progress(fast.now())
    counted(client, 10)
    known = known_to(client, replace(context, clock=fast), fast.now())
    assert known is not None
    assert timedelta(minutes=10) <= fast.now() - known < timedelta(minutes=20)


def test_while_the_database_is_away_answers_say_so() -> None:
    away = ClickHouse(interface="http", port=1)
    web = TestClient(create_app(BoardContext(away)), "http://localhost")
    answer = web.get("/api/v1/posts")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert "ClickHouse" in answer.json()["error"]
    assert web.get("/api/v1/me").status_code == 200  # the page can still ask for the token


def test_a_connection_is_used_again_unless_it_failed(clickhouse_settings: ClickHouse) -> None:
    clients = Clients(clickhouse_settings)
    with clients.one() as first, clients.one() as second:
        assert first is not second  # each is used by one at a time
    with pytest.raises(UsageError), clients.one() as same:
        raise UsageError("from: must be before to")  # a wrong question is no failure
    with pytest.raises(RetryLater), clients.one() as failed:
        raise RetryLater("away")
    with clients.one() as left:
        assert same is failed is first
        assert left is second
    clients.close()
