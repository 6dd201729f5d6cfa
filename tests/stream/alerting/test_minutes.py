"""A rule counts what it listens to, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from stream.alerting.minutes import count_authors, first_minute, read_minutes
from stream.database import Client
from stream.rules import Rule
from stream.settings import ClickHouse
from tests.stream.speaking import World, post

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
AT = NOON - timedelta(minutes=2)
SINCE = NOON - timedelta(minutes=3)


def test_a_rule_counts_its_sources_and_languages(
    client: Client, clickhouse_settings: ClickHouse
) -> None:
    world = World(client, clickhouse_settings)
    world.say(
        [
            post(AT, source="weibo", lang="zh", topics=("battery",)),
            post(AT, source="weibo", lang="en"),
            post(AT, "positive", source="reddit", lang="en"),
            post(AT, source="reddit", lang="en"),
        ],
        NOON,
    )
    for choice, negative, mentions in (
        ({}, 3, 4),
        ({"sources": ("weibo",)}, 2, 2),
        ({"languages": ("en",)}, 2, 3),
        ({"sources": ("weibo", "reddit"), "languages": ("zh",)}, 1, 1),
    ):
        rule = Rule(name="r", **choice)
        found = read_minutes(client, rule, SINCE, NOON, 20)
        assert found.counts["Acme", ""][:, 1].tolist() == [negative, mentions]
        assert count_authors(client, rule, ("Acme", ""), SINCE, NOON, 20) == negative
    nobody = read_minutes(client, Rule(name="r", sources=("'; --",)), SINCE, NOON, 20)
    assert nobody.counts == {}
    assert first_minute(client, SINCE, 20) == AT
    assert first_minute(client, NOON, 20) is None
