"""One post: its whole text, its way, and nothing of it once it is gone."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from starlette.testclient import TestClient

from stream.generations import Analysis, activate
from stream.rows import COLUMNS
from tests.stream.board.api.conftest import HOSTILE, MINUTE, NOW
from tests.stream.board.conftest import Seed

Get = Callable[..., Any]


@pytest.fixture(scope="module")
def way(get: Get, told: Seed) -> dict[str, Any]:
    """A negative post on Acme's battery, two minutes old, by its steps."""
    activate(told.client, Analysis("m" * 64, "c" * 64))
    holds = {"since": (NOW - 6 * MINUTE).isoformat()}
    over = {"state": "resolved", "transition": "resolved", "topic": "battery"}
    told.alert("holds", holds, topic="battery", opened_at=NOW - 4 * MINUTE)
    told.alert("ended after", holds, changed_at=NOW - MINUTE, **over)
    told.alert("ended before", holds, changed_at=NOW - 3 * MINUTE, **over)
    told.alert("began after", {"since": (NOW - MINUTE).isoformat()})
    told.alert("of another topic", holds, topic="price")
    told.alert("of another brand", holds, brand="Globex")
    told.alert("of no data", holds, kind="no_data")
    found: dict[str, Any] = get("posts/twitter/2-1")
    return found


def facts(way: dict[str, Any], step: str) -> Any:
    return next(one["facts"] for one in way["steps"] if one["step"] == step)


def test_the_steps_are_told_in_order(way: dict[str, Any]) -> None:
    steps = [one["step"] for one in way["steps"]]
    assert steps == ["received", "language", "matched", "scored", "stored", "counted"]
    assert facts(way, "received")["topic"] == "posts"
    assert facts(way, "language") == {"language": "zh"}
    assert facts(way, "matched")["brands"] == [
        {"brand": "Acme", "topics": ["battery"], "words": ["Acme"], "places": [[0, 4]]}
    ]
    (mention,) = facts(way, "scored")["mentions"]
    assert (mention["label"], mention["negative"], mention["estimated"]) == ("negative", 0.9, False)
    assert facts(way, "scored")["model_hash"] == "m" * 64
    assert [one["topic"] for one in facts(way, "counted")["windows"]] == ["", "battery"]
    assert facts(way, "counted")["windows"][0]["negative"] == 1
    assert all(one["at"] for one in way["steps"] if one["step"] in ("received", "stored"))


def test_incidents_are_those_of_its_brands_and_topics_that_stood_then(way: dict[str, Any]) -> None:
    assert {one["id"] for one in way["incidents"]} == {"holds", "ended after"}


def test_the_text_is_whole_and_any_id_is_found(get: Get, told: Seed) -> None:
    found = get("posts/weibo/" + quote("a/b?c#d", safe=""))
    assert found["post"]["text"] == f"Acme Globex {HOSTILE}"
    assert found["deleted"] is False
    long = "Acme " + "x" * 3000
    _arrive(told, told.post("long", long, created_at=NOW - timedelta(days=6)))
    assert get("posts/reddit/long")["post"]["text"] == long


def test_of_what_was_deleted_only_that_is_told(get: Get, told: Seed) -> None:
    at = NOW - timedelta(days=6, minutes=9)
    rows = [
        told.post("gone", "Acme my secret", created_at=at),
        told.post("gone", "", {}, created_at=at, deleted=True),
    ]
    _arrive(told, *rows)
    found = get("posts/reddit/gone")
    assert (found["post"], found["deleted"], found["incidents"]) == (None, True, [])
    assert [one["step"] for one in found["steps"]] == ["received", "deleted"]
    assert "secret" not in json.dumps(found)


def test_a_post_nobody_knows_is_not_found(web: TestClient) -> None:
    answer = web.get("/api/v1/posts/reddit/nothing")
    assert (answer.status_code, "no such post" in answer.json()["error"]) == (404, True)


def _arrive(told: Seed, *rows: tuple[Any, ...]) -> None:
    """Where no other test looks, so no window is counted."""
    told.keys(*rows)
    told.client.insert("posts", rows, column_names=COLUMNS)
