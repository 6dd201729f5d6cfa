"""The expected band in the database: each step once, the final word after late posts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from stream.alerting.expectations import FIGURES, bands
from stream.alerting.judge import AlertWatcher, Coverage
from stream.alerting.minutes import read_minutes
from stream.database import Client
from stream.detector.folds import Fold
from stream.rules import Rule, Rules
from stream.settings import ClickHouse
from tests.stream.speaking import World, post, quiet

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
RULE = Rule(name="mood", history="24h", warm_up="6h")


@pytest.fixture
def world(client: Client, clickhouse_settings: ClickHouse) -> World:
    """Everyday talk about Acme until four hours past noon."""
    world = World(client, clickhouse_settings)
    world.say(quiet(NOON - 8 * HOUR, NOON + 4 * HOUR), NOON + 4 * HOUR)
    return world


def watch(world: World, rule: Rule, *closed: datetime) -> None:
    watching = AlertWatcher(world.client, Rules(rules=[rule]), world.settings)
    for time in closed:
        watching.step(time, Coverage(time, timedelta(0), 0))


def rows(client: Client, final: str = "FINAL") -> list[Any]:
    return list(
        client.query(
            f"SELECT brand, topic, minute, {', '.join(FIGURES)} "
            f"FROM expectations {final} ORDER BY brand, topic, minute"
        ).result_rows
    )


def test_each_minute_is_written_once_as_it_was_judged(world: World, client: Client) -> None:
    """A rule begins with the last day that it has; then each minute comes with its step."""
    watch(world, RULE, NOON, NOON + 5 * MINUTE, NOON + 70 * MINUTE)
    found = rows(client)
    first, end = NOON - 8 * HOUR, NOON + 70 * MINUTE
    assert [row[2] for row in found] == [first + n * MINUTE for n in range((end - first) // MINUTE)]
    assert len(rows(client, "")) == len(found)  # nothing came late, so nothing was rewritten
    minutes = read_minutes(client, RULE, first, end, 10)
    told = bands(Fold(RULE, first, first).judge(minutes))
    assert np.array([row[3:] for row in found], np.float32).T.tolist() == told[:, :, 0].tolist()


def test_late_posts_move_what_is_settled(world: World, client: Client) -> None:
    watch(world, RULE, *(NOON + n * HOUR for n in range(2)))
    before = {row[2]: row[3:] for row in rows(client)}
    at = NOON + 20 * MINUTE
    world.say([post(at) for _ in range(30)], NOON + 2 * HOUR)
    watch(world, RULE, NOON + 3 * HOUR + MINUTE)
    after = {row[2]: row[3:] for row in rows(client)}
    assert after[at] != before[at]
    assert {time: after[time] for time in before if time < at} == {
        time: band for time, band in before.items() if time < at
    }


def test_a_longer_step_stands_at_its_first_minute(world: World, client: Client) -> None:
    watch(world, RULE.model_copy(update={"granularity": HOUR}), NOON + 2 * HOUR)
    found = [row[2] for row in rows(client)]
    assert found == [NOON + n * HOUR for n in range(-8, 2)]


def test_series_silent_for_a_day_are_left_out(world: World, client: Client) -> None:
    world.say([post(NOON - 7 * HOUR, brand="Bolt")], NOON)
    closed = NOON - 7 * HOUR + timedelta(days=1, minutes=30)
    watch(world, RULE, NOON, closed, closed + 2 * HOUR)
    last = {row[0]: row[2] for row in rows(client)}
    assert last["Acme"] == closed + 2 * HOUR - MINUTE
    assert last["Bolt"] < closed + 2 * HOUR - HOUR
