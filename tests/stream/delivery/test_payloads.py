"""What each product gets: as recorded, within its documented limits, whatever the evidence.

`RECORD_PAYLOADS=1 pytest tests/stream/delivery/test_payloads.py` writes the files anew.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.delivery.formats.generic import Payload
from stream.delivery.notice import Notice
from stream.delivery.render import FORMATS, encode, render
from stream.receivers import Format
from tests.stream.delivery.notices import BOARD, LARGEST, notice, receiver, resolved

RECORDED = Path(__file__).with_name("payloads")
PRODUCTS: tuple[Format, ...] = get_args(Format)


def nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in it."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value:
        if isinstance(inner, dict | list):
            yield from nodes(inner)


def largest() -> Notice:
    long = "漢🔥" * 60
    names = {"brand": long, "topic": long, "rule": long, "actor": long, "comment": long * 20}
    return notice(BOARD + "/" + "a" * 200, LARGEST, transition="acknowledged", **names)


def test_every_format_a_receiver_may_name_can_be_made() -> None:
    assert set(FORMATS) == set(PRODUCTS)


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_documents_tell_of_every_format(product: Format) -> None:
    page = (RECORDED.parents[3] / "docs" / "deliveries.md").read_text(encoding="utf-8")
    assert f"\n| `{product}`" in page


@pytest.mark.parametrize("product", PRODUCTS)
@pytest.mark.parametrize("name", ["opened", "resolved"])
def test_a_payload_is_as_recorded(product: Format, name: str) -> None:
    """Opened in English, resolved in Chinese."""
    told = notice() if name == "opened" else resolved()
    people = {"language": "zh", "time_zone": "Asia/Shanghai"} if name == "resolved" else {}
    body = render(told, receiver(product, **people))
    file = RECORDED / f"{product}-{name}.json"
    if os.environ.get("RECORD_PAYLOADS"):
        file.write_text(json.dumps(body, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    assert body == json.loads(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("product", PRODUCTS)
def test_the_largest_evidence_stays_within_the_bytes_a_product_takes(product: Format) -> None:
    documented = {"teams": 28 * 1024, "slack": 30_000}.get(product, 20_000)
    body = render(largest(), receiver(product, language="zh"))
    assert len(encode(body)) <= documented
    if product == "wecom":
        assert len(body["markdown"]["content"].encode()) <= 4096
    if product in {"feishu", "dingtalk"}:
        assert len(encode(body)) <= 20_000 - 150  # the signature comes on top


def test_slack_takes_the_largest_evidence() -> None:
    """50 blocks; 150 characters of a header; 3,000 of a text, and of a URL."""
    body = render(largest(), receiver("slack"))
    assert len(body["blocks"]) <= 50
    assert len(body["blocks"][0]["text"]["text"]) <= 150
    for node in nodes(body):
        assert len(node.get("url", "")) <= 3000
        if isinstance(node.get("text"), str):
            assert 0 < len(node["text"]) <= 3000


@pytest.mark.parametrize("product", PRODUCTS)
def test_an_alert_without_evidence_or_board_still_reads(product: Format) -> None:
    told = notice("", {}, transition="opened", kind="no_data", reason="source_silent")
    text = json.dumps(render(told, receiver(product)), ensure_ascii=False)
    assert "爱可美 Acme" in text
    assert "no data, so the mood is not known" in text
    assert "source silent" in text or product == "generic"
    assert BOARD not in text


def test_the_generic_payload_follows_its_schema() -> None:
    for told in (notice(), resolved(), largest(), notice("", {})):
        body = render(told, receiver("generic"))
        read = Payload.model_validate(body)
        assert read.data.alert_id == told.alert_id
        assert read.type == f"alert.{told.transition}"
    schema = Payload.model_json_schema()
    assert schema["properties"]["schema"]["const"] == "undertone.alert/1"
    assert set(schema["required"]) == {"schema", "type", "timestamp", "title", "text", "data"}


def test_what_a_newer_alert_knows_reaches_the_generic_receiver() -> None:
    body = render(notice(evidence={"summary": "s", "invented": [1]}), receiver("generic"))
    assert body["data"]["evidence"] == {"summary": "s", "invented": [1]}


def test_alertmanager_receivers_can_tell_alerts_apart_and_see_them_end() -> None:
    first = render(notice(), receiver("alertmanager"))
    last = render(resolved(), receiver("alertmanager"))
    other = render(notice(alert_id="b" * 32), receiver("alertmanager"))
    assert first["groupKey"] == last["groupKey"] != other["groupKey"]
    assert [first["status"], last["status"]] == ["firing", "resolved"]
    (begun,), (ended,) = first["alerts"], last["alerts"]
    assert begun["fingerprint"] == ended["fingerprint"]
    assert begun["startsAt"] == ended["startsAt"] < ended["endsAt"]
    assert begun["endsAt"] == "0001-01-01T00:00:00Z"  # what Alertmanager says of what goes on


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["since", "minutes", "negative", "mentions", "expected", "sources", "terms", "posts", "summary"]
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(NAMES, JSON) | JSON, st.sampled_from(PRODUCTS), st.text(max_size=20))
def test_no_evidence_of_whatever_shape_holds_up_a_notice(
    evidence: Any, product: Format, name: str
) -> None:
    told = notice(evidence=evidence, transition=name, state=name, severity=name, brand=name)
    assert json.loads(encode(render(told, receiver(product))))
