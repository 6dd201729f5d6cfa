"""`undertone replay` on a database: what was recorded agrees, what is stored today is explained."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stream.alerting.counted_posts import Fingerprints, read_counted
from stream.alerting.coverage import Coverage
from stream.alerting.differences import compare
from stream.alerting.judge import AlertWatcher
from stream.alerting.recorded import read_recorded
from stream.alerting.replay import disagreements, find, judge_today, outdated
from stream.database import Client
from stream.detector.detect import DETECTOR_VERSION
from stream.errors import UsageError
from stream.rows import COLUMNS, TOMBSTONE_VERSION, Row
from stream.rules import Rule, Rules
from tests.stream.speaking import World, post, quiet

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RULE = Rule(name="mood", history="24h", warm_up="6h")
STORM = [post(NOON + i * MINUTE / 3, post_id=f"s{i}") for i in range(90)]


@pytest.fixture(scope="module")
def world(shared_world: World) -> World:
    """A crisis from noon on that grew and was told more than once."""
    world, client = shared_world, shared_world.client
    world.say([*quiet(NOON - timedelta(hours=14), NOON), *STORM], NOON + 30 * MINUTE)
    watching = AlertWatcher(client, Rules(rules=[RULE]), world.settings)
    for minute in (0, 6, 30):
        closed = NOON + minute * MINUTE
        watching.step(closed, Coverage(closed, timedelta(0), 0))
    return world


@pytest.fixture
def client(world: World) -> Client:
    return world.client


@pytest.fixture
def alert(client: Client) -> str:
    """The id of its alert."""
    return str(client.query("SELECT any(alert_id) FROM alerts WHERE recorded != ''").first_row[0])


def changed(row: Row, **columns: Any) -> Row:
    """The same post in a row of a newer version."""
    values = dict(zip(COLUMNS, row, strict=True))
    values = {**values, "version": values["version"] + (1 << 84)} | {
        name.replace("__", "."): value for name, value in columns.items()
    }
    return tuple(values.values())


def test_what_was_recorded_agrees_and_a_changed_count_is_named(client: Client) -> None:
    rows = client.query("SELECT alert_id, step, recorded FROM alerts FINAL").result_rows
    recorded = [(alert_id, step) for alert_id, step, text in rows if text]
    assert len(recorded) >= 2  # opened, and what came after
    for alert_id, step in recorded:
        stored = find(client, alert_id, step, 10)
        then = read_recorded(stored.recorded)
        assert disagreements(stored, then) == []
        assert then.posts.total == then.verdict.mentions
    fewer = then.model_copy(update={"negative": (0,) * len(then.negative)})
    named = " ".join(disagreements(stored, fewer))
    assert "observed: " in named and "score: " in named and "brand" not in named
    assert disagreements(replace(stored, expected=1.0), then) == [
        f"expected: 1.0 was told, the counts give {then.verdict.expected}"
    ]


def test_the_difference_to_today_is_told_post_by_post(
    world: World, client: Client, alert: str
) -> None:
    stored = find(client, alert, None, 10)
    then = read_recorded(stored.recorded)
    since, until = then.verdict.since, then.verdict.at
    assert judge_today(client, stored, then, 10).differences == ()

    inside = [row for row in STORM if since <= row[COLUMNS.index("created_at")] < until]
    kinder: dict[str, Any] = {"mentions__negative": [100], "mentions__positive": [9400]}
    same_words = inside[2][COLUMNS.index("version")] + 1
    world.say(
        [
            changed(inside[0], is_deleted=1, version=TOMBSTONE_VERSION),
            changed(inside[1], text="sorry, all is well", **kinder),
            changed(inside[2], version=same_words, generation=4, **kinder),
            *(post(until - 2 * MINUTE, post_id=f"late{n}") for n in range(3)),
        ],
        NOON + 40 * MINUTE,
    )
    said = dict(zip(COLUMNS, inside[3], strict=True))
    client.command(f"DELETE FROM posts WHERE post_id = '{said['post_id']}'")
    # Another post of that minute, or its windows would not be counted again.
    world.say([post(said["created_at"], "positive", post_id="kind")], NOON + 41 * MINUTE)

    today = judge_today(client, stored, then, 10)
    assert Counter(one.cause for one in today.differences) == {
        "late": 4, "deleted": 1, "edited": 1, "re-scored": 1, "erased": 1,
    }  # fmt: skip
    negative = sum(one.negative for one in today.differences)
    assert today.verdict.observed == then.verdict.observed + negative == then.verdict.observed - 1
    known = {one.cause: one.post_id for one in today.differences if one.cause != "late"}
    ids = [row[COLUMNS.index("post_id")] for row in inside[:3]]
    assert known == dict(zip(("deleted", "edited", "re-scored", "erased"), [*ids, ""], strict=True))
    assert disagreements(stored, then) == []  # whatever became of the posts


def test_a_sample_can_be_drawn_again(client: Client) -> None:
    """Of the posts with the lowest hashes none is missed and none is told twice."""
    window = (client, RULE, ("Acme", ""), NOON, NOON + 30 * MINUTE, 10)
    every, total = read_counted(*window, 1000)
    some, of_all = read_counted(*window, 7)
    assert total == of_all == len(every) > 7
    kept = Fingerprints.of(some, of_all)
    assert read_counted(*window, 1000, kept.reach) == (some, 7)
    assert list(compare(kept, every, {}, {}, NOON)) == []


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({}, []),
        ({"detector_version": "0"}, ["recorded by detector 0, this is"]),
        ({"rule": RULE.model_dump(mode="json") | {"sensitivity": 1.0}}, ["sensitivity was 1.0"]),
        ({"verdict": {"since": "2020-01-01T00:00:00+00:00"}}, ["posts before 2026-11-24 are not"]),
    ],
)
def test_what_has_changed_since_is_said(changed: dict[str, Any], says: list[str]) -> None:
    then = {
        "detector_version": DETECTOR_VERSION,
        "rule": RULE.model_dump(mode="json"),
        "verdict": {"since": NOON.isoformat()},
    }
    found = outdated({"recorded": then | changed}, RULE, NOON)
    assert len(found) == len(says) and all(map(str.__contains__, found, says))


def test_an_alert_is_found_by_the_beginning_of_its_id(client: Client, alert: str) -> None:
    whole = find(client, alert, None, 10).alert_id
    assert find(client, whole[:6], None, 10).transition == "opened"
    with pytest.raises(UsageError, match="no alert's id begins so"):
        find(client, "zz", None, 10)
    with pytest.raises(UsageError, match=r"--step 99: alert .* has"):
        find(client, whole, 99, 10)
    other = f"0{whole[1:]}" if whole[0] != "0" else f"1{whole[1:]}"
    client.insert("alerts", [(other, 1)], column_names=["alert_id", "step"])
    with pytest.raises(UsageError, match="2 alerts begin so"):
        find(client, "", None, 10)
    with pytest.raises(UsageError, match="nothing was recorded"):
        find(client, other, None, 10)
