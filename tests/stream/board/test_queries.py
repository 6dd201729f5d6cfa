"""What the board reads from the tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stream.board import queries

NOON = datetime(2026, 3, 4, 12, 10, 30, tzinfo=UTC)


@pytest.fixture
def at_noon(seed: Any) -> Any:
    seed.now = NOON
    return seed


def test_a_brands_hour_its_day_and_its_topics(at_noon: Any) -> None:
    seed = at_noon
    battery = {"mentions.topics": [["battery"]]}
    seed.store(
        seed.post("1", moods={"Acme": "negative"}, **battery),
        seed.post("2", moods={"Acme": "negative", "Globex": "positive"}),
        seed.post("3", moods={"Acme": "positive"}, created_at=NOON - timedelta(minutes=59)),
        seed.post("4", moods={"Acme": "neutral"}, created_at=NOON - timedelta(minutes=61)),
        seed.post("5", moods={"Acme": "positive"}, created_at=NOON - timedelta(hours=30)),
    )
    acme, silent, globex = queries.brands(seed.client, NOON, ["Acme", "Initech"])
    assert [acme["name"], silent["name"], globex["name"]] == ["Acme", "Initech", "Globex"]
    assert acme["hour"] == {
        "mentions": 3,
        "negative": 2,
        "neutral": 0,
        "positive": 1,
        "net": round((-0.88 * 2 + 0.87) / 3, 4),
    }
    assert acme["before"]["mentions"] == 1
    assert [slot["mentions"] for slot in acme["day"]][-3:] == [2, 0, 2]
    assert sum(slot["mentions"] for slot in acme["day"]) == 4
    assert (acme["day"][-1]["at"], len(acme["day"])) == ("2026-03-04T12:00:00.000Z", 48)
    assert acme["topics"] == [{"topic": "battery", "mentions": 1, "negative": 1}]
    assert (silent["hour"]["mentions"], silent["hour"]["net"]) == (0, None)


def test_the_stream_is_in_the_order_of_storing_and_holds_scored_posts_only(at_noon: Any) -> None:
    seed = at_noon
    seed.store(seed.post("first"), seed.post("unscored", "nobody", {}))
    seed.store(seed.post("older", created_at=NOON - timedelta(days=3)))
    seed.store(seed.post("gone"))
    seed.store(seed.post("gone", deleted=True))
    assert [p["key"] for p in queries.recent_posts(seed.client, 10)] == [
        "reddit:first",
        "reddit:older",
    ]
    assert [p["key"] for p in queries.recent_posts(seed.client, 1)] == ["reddit:older"]


def test_a_post_reads_as_it_was_written(at_noon: Any) -> None:
    seed = at_noon
    text = "🙂 Acme' OR 1=1 --\n{minutes:Array(DateTime)} \\ \x00 <b>Acme</b>"
    key = "x' OR '1'='1"
    seed.store(seed.post(key, text, url="javascript:alert(1)", rating=4.0, followers=2**40))
    (post,) = queries.posts_by_key(seed.client, [("reddit", key, NOON)])
    assert post["text"] == text
    assert [text[a:b] for a, b in post["marks"]] == ["Acme", "Acme"]
    assert (post["url"], post["rating"], post["followers"]) == ("", 4.0, 2**40)
    assert post["mentions"] == [{"brand": "Acme", "label": "positive", "score": 0.87, "topics": []}]


def test_changes_tell_of_rows_and_tombstones_since(at_noon: Any) -> None:
    seed = at_noon
    start = queries.server_now(seed.client)
    seed.store(seed.post("1"))
    seed.store(seed.post("1", deleted=True))
    found = queries.changes(seed.client, start - timedelta(seconds=1))
    assert {(change.key, change.is_deleted) for change in found} == {
        ("reddit:1", False),
        ("reddit:1", True),
    }
    assert queries.changes(seed.client, start + timedelta(hours=1)) == []


def test_an_incident_is_its_newest_transition_and_says_what_fired(
    at_noon: Any, evidence_posts: Any
) -> None:
    """The figures that ended it are not those that made it fire."""
    seed = at_noon
    telling, deleted = seed.post("telling"), seed.post("deleted")
    seed.store(telling, deleted, seed.post("deleted", deleted=True))
    named = {"posts": evidence_posts([telling, deleted])}
    seed.alert("a", named, step=1, observed=31.0)
    seed.alert("a", step=2, state="resolved", transition="resolved", observed=1.0, changed_at=NOON)
    seed.alert("b", opened_at=NOON - timedelta(days=9))
    seed.delivery("a", "failed", attempt=1, status_code=503)
    seed.delivery("a", "sent", attempt=2)
    still, past = queries.alerts(seed.client)
    assert (still["id"], still["open"], past["id"], past["open"]) == ("b", True, "a", False)
    assert (past["state"], past["observed"], past["expected"]) == ("resolved", 31.0, 4.0)
    assert [post["key"] for post in past["posts"]] == ["reddit:telling"]
    ((outcome, attempts),) = [(d["outcome"], d["attempts"]) for d in past["deliveries"]]
    assert (outcome, attempts) == ("sent", 2)


def test_no_alert_at_all(seed: Any) -> None:
    assert queries.alerts(seed.client) == []


def test_what_is_known_is_what_the_slowest_partition_has_read(at_noon: Any) -> None:
    seed = at_noon
    assert queries.stored(seed.client, "posts").data_to is None
    seed.progress(NOON, partitions=2, known=1)
    assert queries.stored(seed.client, "posts").data_to is None
    seed.progress(NOON - timedelta(minutes=5), partitions=2, known=2)
    seed.progress(NOON, partitions=2, known=1)
    seed.store(seed.post("1"), seed.post("2"))
    known = queries.stored(seed.client, "posts")
    assert known.data_to == NOON - timedelta(minutes=5)
    assert (known.posts, known.posts_per_second) == (2, 0.2)
    assert queries.stored(seed.client, "other").data_to is None
