"""Acting on incidents over HTTP: who may, what it does, and what a wrong request is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from stream.alerting.alert_rows import write_transitions
from stream.board import BoardContext, create_app
from stream.board.access import Access
from stream.database import Client
from tests.stream.alerting.test_acts import OPENED
from tests.stream.board.api.conftest import NOW
from tests.stream.board.conftest import Seed

ALERT = OPENED.alert_id


@pytest.fixture
def web(client: Client, told: Seed, context: BoardContext) -> Iterator[TestClient]:
    """A board that knows one incident of today; its reader does not run."""
    row = replace(OPENED, opened_at=NOW, changed_at=NOW)
    write_transitions(client, [(row, "{}", "")])
    yield TestClient(create_app(context), "http://localhost")
    for table in ("alerts", "silences", "deliveries"):
        client.command(f"TRUNCATE TABLE {table}")


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


def test_what_carries_an_incident_and_its_life_are_lists_of_their_own(
    web: TestClient, client: Client
) -> None:
    """So that every table of the page can be had as a file."""
    row = replace(OPENED, step=2, transition="updated", changed_at=NOW + timedelta(minutes=1))
    part = {"name": "=weibo", "negative": 9, "share": 0.9, "usual_share": None, "z": 5.5}
    evidence = {
        "source_shares": [part],
        "term_details": [{"term": "过热", "texts": 7, "usual_texts": 0, "z": 4.0}],
    }
    write_transitions(client, [(row, json.dumps(evidence), "")])
    rows = web.get("/api/v1/incidents/ab12/drivers").json()
    assert [(one["of"], one["name"], one["negative"], one["z"]) for one in rows] == [
        ("source", "=weibo", 9, 5.5),
        ("term", "过热", 7, 4.0),
    ]
    assert '"\'=weibo"' in web.get("/api/v1/incidents/ab12/drivers?format=csv").text
    life = web.get("/api/v1/incidents/ab12/transitions").json()
    assert [one["transition"] for one in life] == ["opened", "updated"]
    assert web.get("/api/v1/health/partitions?format=csv").status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("incidents/ab12/acknowledge", {}, 422, "by: who does it"),
        ("incidents/ab12/acknowledge", {"by": "\u202e"}, 422, "by: who does it"),
        (
            "incidents/ab12/acknowledge",
            {"by": "A", "who": "B"},
            422,
            "who: no such parameter; there are by, comment",
        ),
        ("incidents/ffff/acknowledge", {"by": "A"}, 404, "no such alert"),
        ("incidents/ab12/comment", {"by": "A", "comment": " "}, 422, "comment: is empty"),
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


def test_incidents_are_found_by_state_brand_topic_and_time(web: TestClient, client: Client) -> None:
    other = replace(OPENED, alert_id="cd34", brand="Bolt", topic="", state="resolved")
    ago = NOW - timedelta(days=3)
    rows = [
        replace(other, opened_at=ago, changed_at=ago),
        replace(other, opened_at=ago, changed_at=ago, transition="resolved", step=2),
    ]
    write_transitions(client, [(row, "{}", "") for row in rows])

    def found(**asked: Any) -> list[str]:
        named = {name.rstrip("_"): str(value) for name, value in asked.items()}
        return [one["brand"] for one in web.get("/api/v1/incidents", params=named).json()]

    assert found() == ["Acme", "Bolt"]
    assert found(state="resolved") == found(brand="Bolt") == ["Bolt"]
    assert found(state="open") == found(topic="battery") == ["Acme"]
    assert found(from_=NOW - timedelta(days=1)) == ["Acme"]
    assert found(from_=NOW - timedelta(days=4), to=NOW - timedelta(days=1)) == ["Bolt"]
    for wrong in ({"state": "on"}, {"from": str(NOW), "to": str(NOW)}, {"form": "csv"}):
        assert web.get("/api/v1/incidents", params=wrong).status_code == 422
    table = web.get("/api/v1/incidents?format=csv").text.splitlines()
    assert (len(table), table[0].startswith('\ufeff"state","alert_id"')) == (3, True)


def test_an_incident_comes_with_who_was_told_and_what_belongs_with_it(
    web: TestClient, client: Client, told: Seed
) -> None:
    """A post that is gone since is not shown from memory."""
    kept, gone = ({"source": "twitter", "post_id": name, "text": "x"} for name in ("1-1", "gone"))
    at = (NOW - timedelta(minutes=1)).isoformat()
    evidence = json.dumps({"posts": [one | {"created_at": at} for one in (kept, gone)]})
    brand = replace(OPENED, alert_id="cd34", topic="", group_key=OPENED.group_key or "ab12")
    mine = replace(OPENED, opened_at=NOW, changed_at=NOW, group_key=brand.group_key)
    write_transitions(client, [(brand, "{}", ""), (mine, evidence, "")])
    told.delivery(ALERT, "retry")
    found = web.get(f"/api/v1/incidents/{ALERT}").json()
    assert [post["post_id"] for post in found["evidence"]["posts"]] == ["1-1"]
    assert [post["key"] for post in found["posts"]] == ["twitter:1-1"]
    assert [(one["receiver"], one["outcome"]) for one in found["deliveries"]] == [
        ("marketing", "retry")
    ]
    assert [one["alert_id"] for one in found["related"]] == ["cd34"]


def test_whoever_signed_in_is_who_acts(
    client: Client, told: Seed, context: BoardContext, web: TestClient
) -> None:
    """A name in the request does not stand against it; the token alone names nobody."""
    access = Access(is_open=False, token="correct horse battery")
    app = create_app(replace(context, access=access))
    path = f"/api/v1/incidents/{ALERT}/comment"
    signed = TestClient(app, "http://localhost")
    assert signed.post(path, json={"comment": "x"}).status_code == 401
    signed.post("/login", json={"token": "correct horse battery", "name": "Ann"})
    assert signed.post(path, json={"by": "Bob", "comment": "x"}).status_code == 200
    bearer = {"Authorization": "Bearer correct horse battery"}
    program = TestClient(app, "http://localhost", headers=bearer)
    assert program.post(path, json={"comment": "x"}).status_code == 422
    assert program.post(path, json={"by": "cron", "comment": "x"}).status_code == 200
    actors = [row["actor"] for row in web.get(f"/api/v1/incidents/{ALERT}").json()["transitions"]]
    assert actors == ["", "Ann", "cron"]


def test_me_says_whether_to_sign_in(web: TestClient, context: BoardContext) -> None:
    told = {"name": None, "signed_in": False, "may_act": True, "needs_token": False}
    assert web.get("/api/v1/me").json() == told
    app = create_app(replace(context, access=Access(is_open=False, token="correct horse battery")))
    asked = TestClient(app, "http://localhost")
    stranger = told | {"may_act": False, "needs_token": True}
    assert asked.get("/api/v1/me").json() == stranger
    asked.post("/login", json={"token": "correct horse battery", "name": "Ann"})
    assert asked.get("/api/v1/me").json() == told | {"name": "Ann", "signed_in": True}
    asked.post("/logout", json={})
    assert asked.get("/api/v1/me").json() == stranger
