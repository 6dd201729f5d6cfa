"""Acting on incidents over HTTP: who may, what it does, and what a wrong request is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from starlette.testclient import TestClient

from stream.alerting.alert_rows import write_transitions
from stream.board import BoardContext, create_app
from stream.database import Client
from stream.settings import ClickHouse
from tests.stream.alerting.test_acts import OPENED

ALERT = OPENED.alert_id


@pytest.fixture
def web(client: Client, clickhouse_settings: ClickHouse) -> TestClient:
    """A board that knows one incident of today; its reader does not run."""
    now = datetime.now(UTC).replace(microsecond=0)
    write_transitions(client, [(replace(OPENED, opened_at=now, changed_at=now), "{}", "")])
    return TestClient(create_app(BoardContext(clickhouse_settings)), "http://localhost")


def test_an_incident_is_listed_taken_commented_and_silenced(web: TestClient) -> None:
    (listed,) = web.get("/api/v1/incidents").json()
    assert (listed["alert_id"], listed["state"], listed["brand"]) == (ALERT, "open", "Acme")
    by = {"by": "Ann", "comment": "mine"}
    assert web.post("/api/v1/incidents/ab12/acknowledge", json=by).json()["state"] == "acknowledged"
    assert web.post("/api/v1/incidents/ab12/comment", json=by).status_code == 200
    life = web.get(f"/api/v1/incidents/{ALERT}").json()
    assert [row["transition"] for row in life["transitions"]] == [
        "opened",
        "acknowledged",
        "commented",
    ]
    made = web.post("/api/v1/silences", json={"by": "Ann", "lasts": "2h", "alert": "ab12"}).json()
    assert (made["brand"], made["topic"], made["actor"]) == ("Acme", "battery", "Ann")
    assert web.get("/api/v1/silences").json() == [made]
    assert web.post(f"/api/v1/silences/{made['silence_id']}/end", json={"by": "B"}).is_success
    assert web.get("/api/v1/silences").json() == []


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("incidents/ab12/acknowledge", {}, 422, "by: Field required"),
        ("incidents/ab12/acknowledge", {"by": ""}, 422, "--by"),
        ("incidents/ab12/acknowledge", {"by": "A", "who": "B"}, 422, "who: Extra"),
        ("incidents/ffff/acknowledge", {"by": "A"}, 422, "no such alert"),
        ("silences", {"by": "A", "lasts": "soon", "brand": "x"}, 422, "lasts: a duration looks"),
        ("silences", {"by": "A", "lasts": "1h"}, 422, "cover everything"),
        ("silences", [1], 422, "JSON object"),
        ("incidents/ab12/comment", {"by": "A", "comment": "x" * 21_000}, 422, "larger than"),
    ],
)
def test_a_wrong_request_is_told_what_is_wrong(
    web: TestClient, path: str, body: Any, status: int, reason: str
) -> None:
    answer = web.post(f"/api/v1/{path}", json=body)
    assert (answer.status_code, reason in answer.json()["error"]) == (status, True), answer.text


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"content-type": "text/plain"}, 415),  # what a form of another site may send
        ({"content-type": "application/json", "origin": "https://evil.example"}, 403),
        ({"content-type": "application/json", "origin": "null"}, 403),
        ({"content-type": "application/json", "origin": "http://localhost"}, 200),
    ],
)
def test_a_page_of_another_site_cannot_act(
    web: TestClient, headers: dict[str, str], status: int
) -> None:
    path = "/api/v1/incidents/ab12/acknowledge"
    assert web.post(path, content='{"by": "A"}', headers=headers).status_code == status


def test_a_board_that_others_can_reach_lets_nobody_act(clickhouse_settings: ClickHouse) -> None:
    app = create_app(BoardContext(clickhouse_settings, hosts=["0.0.0.0"]))
    answer = TestClient(app, "http://localhost").post("/api/v1/silences", json={})
    assert (answer.status_code, "this machine alone" in answer.text) == (403, True)
