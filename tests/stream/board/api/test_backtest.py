"""`POST backtest`: rules over stored history, from text that strangers could have written."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from stream.board import BoardContext, create_app
from stream.board.api import backtests
from stream.board.context import RulesInForce
from stream.database import Client
from stream.errors import UsageError
from stream.rules_text import rules_in
from tests.stream.board.api.conftest import NOW, never_old
from tests.stream.board.conftest import Seed

DAY = timedelta(days=1)
CALM = "rules:\n  - {name: calm, granularity: 5m, minimum: {negative: 900}, receivers: [nobody]}\n"

# Two days of everyday talk of one brand, then two hours in which it is all complaints.
HISTORY = """
INSERT INTO window_scores (window_start, brand, topic, source, lang, mentions, negative, neutral,
    positive, score_sum, reach, negative_authors, computed_at)
SELECT minute, 'Acme', '', 'reddit', 'en', 4, bad, 4 - bad, 0, 0, 0,
    arrayReduce('uniqExactState', arrayMap(n -> concat(toString(number), '-', toString(n)),
        range(toUInt8(bad)))), now64(6)
FROM (
    SELECT number, toStartOfMinute({now:DateTime('UTC')}) - toIntervalMinute(number) AS minute,
        if(number BETWEEN 60 AND 180, 4, number % 4 = 0) AS bad
    FROM numbers(2880))"""


@pytest.fixture(scope="module")
def web(client: Client, context: BoardContext) -> Iterator[TestClient]:
    client.command(HISTORY, parameters={"now": NOW})
    Seed(client, NOW).progress(NOW)
    never_old(client)
    yield TestClient(create_app(context), "http://localhost")


def test_two_sets_of_rules_are_told_side_by_side(web: TestClient) -> None:
    asked = {"from": (NOW - DAY).isoformat(), "to": NOW.isoformat(), "against": CALM}
    answer = web.post("/api/v1/backtest", json=asked)
    assert answer.status_code == 200, answer.text
    ours, calm = answer.json()["tried"]
    assert (ours["file"], ours["totals"]["alerts"]) == ("rules in force", 1)
    assert (ours["alerts"][0]["brand"], ours["alerts"][0]["same_as"]) == ("Acme", None)
    assert (calm["file"], calm["alerts"]) == ("against", [])
    assert answer.json()["picture"].startswith("<svg")
    (row,) = csv.DictReader(io.StringIO(answer.json()["csv"].removeprefix("\ufeff")))
    assert (row["file"], row["alert_id"]) == ("rules in force", ours["alerts"][0]["alert_id"])
    assert answer.headers["known-to"].endswith("Z")


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"rules": "rules: ["}, "rules:1: cannot be read as YAML"),
        ({"rules": "- a"}, "rules: holds no rules"),
        ({"rules": "rules: []"}, "rules: holds no rules"),
        ({"rules": "rules:\n- {name: a}\n- {name: b, granularity: 7m}"}, "rules:3: rules[1].gran"),
        ({"against": "rules:\n- name: a\n  sensitivty: 1"}, "against:3: rules[0].sensitivty"),
        ({"rules": "rules: &a [{name: x}]\nb: *a"}, "rules:2: a YAML alias"),
        ({"rules": "[" * 50_000}, "nested too deeply"),
        ({"rules": "x" * 50_001}, "rules: String should have at most 50000"),
        ({"rules": "rules: [1]"}, "rules:1: rules[0]"),
        ({"rules": "rules: !!python/object:os.system [x]"}, "rules:1: "),
        ({"from": "2100-01-01T00:00:00Z"}, "from: must lie between"),
        ({"from": (NOW + DAY).isoformat(), "to": (NOW + 2 * DAY).isoformat()}, "nothing is known"),
        ({"from": 1, "to": 0}, "from: must lie between"),
        ({"until": 1}, "until: no such parameter; there are from, to, rules, against"),
    ],
)
def test_what_cannot_be_tried_is_told_why(
    web: TestClient, asked: dict[str, Any], reason: str
) -> None:
    answer = web.post("/api/v1/backtest", json=asked)
    assert answer.status_code == 422
    assert reason in answer.json()["error"]


def test_no_secret_and_no_file_is_looked_for_in_rules_that_somebody_sent() -> None:
    told = "rules:\n- {name: a, receivers: [x], escalation: {after: 5m, receivers: [x]}}\n"
    secret = "receivers: [{name: x, url: 'https://x', secret_file: /etc/passwd, secret_env: HOME}]"
    rules = rules_in(told + secret, "rules")
    assert (rules.receivers, rules.rules[0].receivers, rules.rules[0].escalation) == ((), (), ())


def test_one_that_takes_too_long_is_ended_and_another_has_to_wait(
    web: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backtests, "_SECONDS", 0.0)
    ended = web.post("/api/v1/backtest", json={})
    assert (ended.status_code, "ask for a shorter time" in ended.text) == (422, True)
    with backtests._alone():
        waits = web.post("/api/v1/backtest", json={})
    assert (waits.status_code, waits.headers["retry-after"]) == (503, "5")


def test_without_rules_in_force_some_must_be_given(context: BoardContext, web: TestClient) -> None:
    app = create_app(replace(context, rules_in_force=RulesInForce))
    answer = TestClient(app, "http://localhost").post("/api/v1/backtest", json={})
    assert (answer.status_code, "there are none in force" in answer.text) == (422, True)


def test_rules_given_as_text_are_checked_like_a_file() -> None:
    with pytest.raises(UsageError, match=r"^here:2: rules\[0\]\.brand: no such field"):
        rules_in("rules:\n- {name: a, brand: b}", "here")
