"""The watcher: judges closed minutes only, tells each thing once, whatever is repeated."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stream.alerting.coverage import Coverage, coverage
from stream.alerting.incidents import Transition
from stream.alerting.judge import AlertWatcher
from stream.alerting.silences import Silence, write_silence
from stream.database import Client
from stream.errors import RetryLater
from stream.post import Author
from stream.receivers import Receiver
from stream.rows import Row
from stream.rules import Rule, Rules
from stream.settings import ClickHouse
from tests.stream.speaking import World, post, quiet

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RULE = Rule(name="mood", history="24h", warm_up="3h")


def after(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


@pytest.fixture
def world(client: Client, clickhouse_settings: ClickHouse) -> World:
    """Seven hours of everyday talk about Acme until noon."""
    world = World(client, clickhouse_settings)
    world.say(quiet(NOON - timedelta(hours=7), NOON), NOON)
    return world


def watcher(world: World, *rules: Rule) -> AlertWatcher:
    return AlertWatcher(world.client, rules_of(*rules or (RULE,)), world.settings)


def rules_of(*rules: Rule) -> Rules:
    team = Receiver(name="team", url="https://team.example/", secrets=["whsec_" + "c2VjcmV0" * 6])
    return Rules(rules=rules, receivers=[team])


def step(
    watching: AlertWatcher, closed_to: datetime, now: datetime | None = None
) -> list[Transition]:
    """The transitions told once everything is read to `closed_to`."""
    covered = Coverage(closed_to, timedelta(0), 0)
    return [written.row for written in watching.step(now or closed_to, covered)]


def names(transitions: list[Transition]) -> list[str]:
    return [transition.transition for transition in transitions]


def storm(begin: float, end: float, each: int = 3, **changed: Any) -> list[Row]:
    """`each` complaints a minute."""
    return [post(after(begin + i / each), **changed) for i in range(int((end - begin) * each))]


class TestCoverage:
    """Which minutes are closed (DESIGN §4)."""

    def test_a_minute_closes_ten_seconds_after_its_end(self, world: World) -> None:
        world.read_to(after(9), after(9))
        found = [
            coverage(world.client, world.settings, after(5) + timedelta(seconds=s)) for s in (9, 10)
        ]
        assert [one.closed_to for one in found] == [after(4), after(5)]

    def test_and_when_every_partition_was_read_past_it(self, world: World) -> None:
        world.read_to(after(9), after(3.5))
        found = coverage(world.client, world.settings, after(9))
        assert found == Coverage(after(3), timedelta(minutes=5.5), 0)

    def test_a_partition_that_never_told_leaves_all_unknown(self, world: World) -> None:
        assert coverage(world.client, world.settings, NOON) == Coverage(None, timedelta(0), 1)
        world.read_to(after(9), after(9), partitions=6)
        unknown = coverage(world.client, world.settings, after(9))
        assert unknown == Coverage(None, timedelta(0), 4)
        assert watcher(world).step(after(9), unknown) == []


def test_a_crisis_is_told_once_with_its_evidence_and_ends(world: World, client: Client) -> None:
    watching = watcher(world)
    assert step(watching, NOON) == []
    world.say(storm(0, 20), after(20))
    told = [one for minute in range(1, 21) for one in step(watching, after(minute))]
    assert names(told)[0] == "opened"
    assert set(names(told)) <= {"opened", "escalated", "updated"}
    first = told[0]
    assert after(2) <= first.opened_at <= after(8)
    assert (first.brand, first.topic, first.state, first.step) == ("Acme", "", "open", 1)
    assert first.observed > 4 * first.expected
    # The row of the database says the same.
    rows = client.query(
        "SELECT alert_id, transition, observed, opened_at, evidence FROM alerts FINAL ORDER BY step"
    ).result_rows
    assert [row[1] for row in rows] == names(told)
    assert rows[0][:4] == (first.alert_id, "opened", first.observed, first.opened_at)
    evidence = json.loads(rows[0][4])
    assert evidence["condition"] == first.reason
    assert datetime.fromisoformat(evidence["deciding_post"]["created_at"]) < first.opened_at
    assert evidence["authors"] >= 4

    # While nothing more is read it is unknown whether it goes on, so it does.
    assert step(watching, after(20), now=after(400)) == []

    world.say(quiet(after(20), after(150)), after(150))
    told = [one for minute in range(30, 151, 15) for one in step(watching, after(minute))]
    assert names(told)[-1] == "resolved"
    assert told[-1].alert_id == first.alert_id
    assert names(told).count("resolved") == 1


def test_a_restart_at_any_minute_ends_in_the_same_rows(world: World, client: Client) -> None:
    world.say([*storm(0, 20), *quiet(after(20), after(120))], after(120))
    watching = watcher(world)
    for minute in range(0, 121, 17):
        step(watching, after(minute))
        watching = watcher(world)
    step(watching, after(120))
    rows = client.query("SELECT transition, count() FROM alerts GROUP BY 1 ORDER BY 1").result_rows
    counted = {str(row[0]): row[1] for row in rows}
    assert (counted["opened"], counted["resolved"]) == (1, 1)
    before = client.query("SELECT count() FROM alerts").result_rows
    assert step(watcher(world), after(120)) == []
    assert client.query("SELECT count() FROM alerts").result_rows == before


def test_a_failed_write_tells_it_the_next_time(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.say(storm(0, 10), after(10))
    watching = watcher(world)

    def away(*_: Any, **__: Any) -> None:
        raise ConnectionError("gone")

    with monkeypatch.context() as broken:
        broken.setattr(client, "insert", away)
        with pytest.raises(RetryLater):
            step(watching, after(10))
    told = step(watching, after(10))
    assert names(told)[0] == "opened"
    assert step(watching, after(10)) == []


def test_late_posts_count_within_the_lateness(world: World) -> None:
    watching = watcher(world)
    for minute in (30, 60):
        assert step(watching, after(minute)) == []
    world.say(storm(1, 5, each=6), after(60))
    told = step(watching, after(61))
    assert names(told) == ["opened"]
    assert told[0].opened_at <= after(10)


def test_minutes_beyond_the_lateness_open_nothing(world: World) -> None:
    watching = watcher(world)
    step(watching, after(1))
    world.say(storm(0, 15), after(15))
    late = after(15) + world.settings.alerts.lateness + timedelta(hours=2)
    assert step(watching, after(100), now=late) == []
    assert step(watcher(world), late) == []


def test_a_rule_that_begins_before_anything_was_counted_warms_up(
    client: Client, clickhouse_settings: ClickHouse
) -> None:
    """The silence of an empty database is no past."""
    world = World(client, clickhouse_settings)
    watching = watcher(world)
    assert step(watching, NOON) == []
    world.say(storm(0, 20), after(20))
    assert [one for minute in range(1, 21) for one in step(watching, after(minute))] == []


def test_one_author_alone_is_no_crisis(world: World) -> None:
    troll = Author(id="troll", name="Troll", followers=1)
    world.say(storm(0, 10, author=troll), after(10))
    assert step(watcher(world), after(10)) == []


def test_a_burst_of_praise_is_no_crisis(world: World) -> None:
    world.say([*storm(0, 20, each=5, mood="positive"), *storm(0, 20, each=1)], after(20))
    assert step(watcher(world), after(20)) == []


def test_topics_and_named_brands_are_watched_where_the_rule_says(world: World) -> None:
    """Each series has its own incident; receivers are those of the rule."""
    world.say(
        [*storm(0, 15, topics=("battery",)), *storm(0, 15, brand="Bolt", topics=("battery",))],
        after(15),
    )
    rules = (
        Rule(name="topics", topics=["*"], brands=["Acme", "Nobody"], warm_up="3h"),
        Rule(name="bolt", brands=["Bolt"], topics=[""], warm_up="3h"),
    )
    told = step(watcher(world, *rules), after(15))
    opened = {(t.rule, t.brand, t.topic) for t in told if t.transition == "opened"}
    assert opened == {("topics", "Acme", "battery"), ("bolt", "Bolt", "")}
    assert len({t.alert_id for t in told}) == 2


def test_a_brand_and_its_topic_carry_one_group_key(world: World, client: Client) -> None:
    world.say([*storm(0, 15, topics=("battery",)), *storm(0, 15, brand="Bolt")], after(15))
    step(watcher(world, Rule(name="all", topics=["", "*"], warm_up="3h")), after(15))
    rows = client.query("SELECT brand, topic, group_key, alert_id FROM alerts FINAL").result_rows
    groups = {brand: {row[2] for row in rows if row[0] == brand} for brand in ("Acme", "Bolt")}
    assert {row[:2] for row in rows} >= {("Acme", ""), ("Acme", "battery"), ("Bolt", "")}
    assert len(groups["Acme"]) == len(groups["Bolt"]) == 1
    assert groups["Acme"] != groups["Bolt"]
    assert groups["Acme"] < {row[3] for row in rows}


def test_what_a_rule_watched_ends_when_the_rule_is_gone(world: World) -> None:
    """And a rule that stays goes on with what it has learnt and begun."""
    world.say([*storm(0, 30), *storm(0, 30, brand="Bolt")], after(30))
    acme, bolt = (Rule(name=n, brands=[n], warm_up="3h") for n in ("Acme", "Bolt"))
    watching = watcher(world, acme, bolt)
    assert {t.rule for t in step(watching, after(20)) if t.transition == "opened"} == {
        "Acme",
        "Bolt",
    }
    watching.use(rules_of(acme.model_copy(update={"sensitivity": 0.5})))
    told = step(watching, after(21))
    assert [(t.rule, t.transition, t.reason) for t in told if t.rule == "Bolt"] == [
        ("Bolt", "resolved", "rule_removed")
    ]
    assert "opened" not in names(told)
    assert "Bolt" not in {t.rule for t in step(watching, after(22))}


def test_a_silence_holds_back_and_its_end_tells(world: World, client: Client) -> None:
    """Nothing is lost meanwhile: what happened is in the table, and shown."""
    rule = Rule(name="mood", warm_up="3h", receivers=["team"])
    world.say(storm(0, 40), after(40))
    silence = Silence("s1", "mood", "Acme", "*", after(0), after(30), "Ann", "launch day")
    write_silence(client, silence)
    watching = watcher(world, rule)
    told = [one for minute in range(1, 41) for one in step(watching, after(minute))]
    held = [one for one in told if one.changed_at < after(30)]
    assert names(held)[:2] == ["opened", "silenced"]
    assert {one.receivers for one in held} == {()}
    assert (held[1].actor, held[1].comment, held[1].state) == ("Ann", "launch day", "silenced")
    late = [one for one in told if one.changed_at >= after(30)]
    assert names(late)[0] == "unsilenced"
    assert (late[0].state, late[0].receivers) == ("open", ("team",))
    assert late[0].changed_at == after(30)


def test_without_rules_nothing_is_read(world: World) -> None:
    assert (
        AlertWatcher(world.client, Rules(), world.settings).step(
            after(9), Coverage(after(9), timedelta(0), 0)
        )
        == []
    )
