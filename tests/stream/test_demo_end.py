"""The demo sums up when all of it was read and judged, and not before."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

from stream.alerting.coverage import minute_of
from stream.database import Client
from stream.demo import Demo
from stream.settings import ClickHouse
from tests.stream.speaking import World

SCENARIO = Path(__file__).parents[2] / "config/demo"


def test_the_end_is_awaited_of_reading_and_of_judging(
    client: Client, clickhouse_settings: ClickHouse
) -> None:
    """On a busy machine the last messages are sent after their time, when the partitions were
    already read to their end."""
    world = World(client, clickhouse_settings)
    demo = Demo(world.settings, SCENARIO, stop=threading.Event())
    end = demo.clock.now() + demo._scenario.length
    late = end + timedelta(seconds=1)
    world.read_to(late, late)  # each up to offset 1
    last = minute_of(end) - timedelta(minutes=1)

    def judged_to(minute: object) -> None:
        row = ["r", "Acme", "", minute, 0.0, 1.0, 0.0]
        names = ["rule", "brand", "topic", "minute"]
        figures = ["expected_low", "expected_high", "anomaly_score"]
        client.insert("expectations", [row], column_names=names + figures)

    assert not demo._judged(client, {0: 1, 1: 1})
    judged_to(last - timedelta(minutes=1))
    assert not demo._judged(client, {0: 1, 1: 1})
    judged_to(last)
    assert demo._judged(client, {0: 1, 1: 1})
    assert not demo._judged(client, {0: 1, 1: 2})  # one more was sent
