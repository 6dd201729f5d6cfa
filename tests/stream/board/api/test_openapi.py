"""The document tells the truth: every endpoint is in it, and every answer is as it says."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from starlette.testclient import TestClient

from stream.alerting.alert_rows import write_transitions
from stream.board.api import ENDPOINTS
from stream.board.api.endpoints import Endpoint
from stream.board.api.openapi import document
from stream.database import Client
from tests.stream.alerting.test_acts import OPENED
from tests.stream.alerting.test_recorded import recorded
from tests.stream.board.api.conftest import NOW
from tests.stream.board.conftest import Seed

GETS = [one for one in ENDPOINTS if one.verb == "GET"]
EXAMPLES = {"brand": "Acme", "by": "source", "id": "ab12", "source": "twitter", "post_id": "1-1"}
HOSTILE = ["'", '"', "\\", "\x00", "%", "{x:String}", "?", "\u202e", "=1+1", "-- ", "日本", "1e400"]


def name(one: Endpoint) -> str:
    return f"{one.verb} {one.path}"


@pytest.fixture(scope="module")
def known(client: Client, told: Seed) -> None:
    """One of everything."""
    opened = replace(OPENED, opened_at=NOW, changed_at=NOW)
    write_transitions(client, [(opened, "{}", recorded().model_dump_json())])
    told.delivery(OPENED.alert_id)
    columns = ["silence_id", "brand", "topic", "rule", "starts_at", "ends_at"]
    row = ("5117", "Acme", "*", "*", NOW, NOW.replace(year=NOW.year + 1))
    client.insert("silences", [row], column_names=columns)


def test_it_is_a_document_whose_references_lead_somewhere(web: TestClient) -> None:
    found = web.get("/api/v1/openapi.json").json()
    assert found == json.loads(json.dumps(document(ENDPOINTS)))
    assert found["openapi"] == "3.1.0"
    operations = [one for path in found["paths"].values() for one in path.values()]
    assert len(operations) == len(ENDPOINTS)
    assert len({one["operationId"] for one in operations}) == len(ENDPOINTS)
    for reference in re.findall(r'"\$ref": "#/components/schemas/(\w+)"', json.dumps(found)):
        assert reference in found["components"]["schemas"]
    for path, verbs in found["paths"].items():
        for operation in verbs.values():
            places = [one["name"] for one in operation["parameters"] if one["in"] == "path"]
            assert places == re.findall(r"\{(\w+)\}", path)


@pytest.mark.parametrize("one", GETS, ids=name)
def test_an_answer_has_the_shape_that_is_told(web: TestClient, known: None, one: Endpoint) -> None:
    path = re.sub(r"\{(\w+)(:\w+)?\}", lambda place: EXAMPLES[place[1]], one.path)
    required = [field for field, about in one.asks.model_fields.items() if about.is_required()]
    answer = web.get(f"/api/v1/{path}", params={field: EXAMPLES[field] for field in required})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert ("known-to" in answer.headers) == one.of_range
    adapter = TypeAdapter(one.gives)
    told = json.loads(adapter.dump_json(adapter.validate_json(answer.content)))
    assert told == _times_alike(answer.json(), told)
    # No term that is new, and no evidence in the incident of the fixture.
    assert answer.json() or one.path in ("terms", "incidents/{id}/drivers")


def _times_alike(value: Any, told: Any) -> Any:
    """The value with times as `told` writes them: with or without a fraction of a second."""
    if isinstance(value, dict) and isinstance(told, dict):
        return {key: _times_alike(one, told.get(key)) for key, one in value.items()}
    if isinstance(value, list) and isinstance(told, list) and len(value) == len(told):
        return [_times_alike(one, other) for one, other in zip(value, told, strict=True)]
    if isinstance(value, str) and isinstance(told, str) and value.endswith("Z"):
        return told if value.rstrip("Z0.") == told.rstrip("Z0.") else value
    return value


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_no_parameter_breaks_anything(web: TestClient, known: None, data: st.DataObject) -> None:
    """Whatever is asked, the answer is there, not there, or says in one line what is wrong."""
    one = data.draw(st.sampled_from(GETS))
    fields = [field.alias or key for key, field in one.asks.model_fields.items()]
    texts = st.sampled_from(HOSTILE) | st.text(max_size=20)
    likely = texts | st.sampled_from(["Acme", "battery", "0", "60", "2026-11-27T00:00:00Z"])
    asked = {field: data.draw(likely) for field in fields if data.draw(st.booleans())}
    asked |= {"brand": "Acme"} if "brand" in fields and data.draw(st.booleans()) else {}
    path = re.sub(r"\{(\w+)(:\w+)?\}", lambda place: EXAMPLES[place[1]], one.path)
    answer = web.get(f"/api/v1/{path}", params=asked)
    assert answer.status_code in (200, 404, 422), (asked, answer.text)
    if answer.status_code != 200:
        assert "\n" not in answer.json()["error"]


@pytest.mark.parametrize("one", ENDPOINTS, ids=name)
def test_every_endpoint_stands_in_the_documentation(one: Endpoint) -> None:
    told = (Path(__file__).parents[4] / "docs" / "board.md").read_text(encoding="utf-8")
    path = one.path.replace("{id}", "ID").replace("{source}/{post_id:path}", "SOURCE/ID")
    assert re.search(rf"`{one.verb} {re.escape(path)}[`?]", told)


def test_rules_are_told_with_what_they_watch_and_without_addresses(web: TestClient) -> None:
    found = web.get("/api/v1/rules").json()
    (rule,) = found["rows"]
    assert (found["refused"], rule["name"], rule["rule"]["granularity"]) == (None, "five", 300)
    assert [(one["brand"], one["topic"], one["mentions"]) for one in rule["series"]] == [
        ("Acme", "", 22),
        ("Acme", "battery", 10),
        ("Globex", "", 1),
    ]
    assert rule["doubts"] == ["receivers: none; its alerts show on the board only"]


def test_health_tells_how_fresh_everything_is(web: TestClient, known: None) -> None:
    found = web.get("/api/v1/health").json()
    assert found["behind_seconds"] == 0
    assert found["partitions"] == [{"partition": 0, "read_to": found["now"], "next_offset": 1}]
    assert found["last_pass"]["windows"] > 0
    assert (found["posts"], found["dead_letters"], found["model"]) == (23, None, None)
    assert found["deliveries"] == {"open": 0, "failed": 0}
