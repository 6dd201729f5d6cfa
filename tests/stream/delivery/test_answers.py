"""What an answer means, and that its reason gives nothing away."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stream.delivery.answers import judged, redacted
from stream.receivers import Format, Receiver

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("code", "headers", "outcome", "retry_after"),
    [
        (200, {}, "sent", None),
        (204, {}, "sent", None),
        (410, {}, "disabled", None),
        (301, {"location": "http://elsewhere/"}, "retry", None),
        (400, {}, "retry", None),
        (404, {}, "retry", None),
        (408, {}, "retry", None),
        (422, {}, "retry", None),
        (429, {"Retry-After": "120"}, "retry", timedelta(seconds=120)),
        (503, {"retry-after": "Tue, 24 Nov 2026 12:01:00 GMT"}, "retry", timedelta(seconds=60)),
        (503, {"retry-after": "Tue, 24 Nov 2020 12:01:00 GMT"}, "retry", timedelta(0)),
        (503, {"retry-after": "soon"}, "retry", None),
        (500, {"retry-after": "9" * 40}, "retry", timedelta(seconds=10**6)),
    ],
)
def test_what_a_status_means(
    code: int, headers: dict[str, str], outcome: str, retry_after: timedelta | None
) -> None:
    found = judged(code, {k.encode(): v.encode() for k, v in headers.items()}, NOON)
    assert (found.outcome, found.status_code, found.retry_after) == (outcome, code, retry_after)


def answered(product: Format, status: int, body: Any) -> Any:
    written = body if isinstance(body, bytes) else json.dumps(body).encode()
    return judged(status, {}, NOON, product, written)


@pytest.mark.parametrize(
    ("product", "body"),
    [
        ("slack", b"ok"),
        ("teams", b""),
        ("teams", b"1"),
        ("feishu", {"code": 0, "msg": "success", "data": {}}),
        ("feishu", {"StatusCode": 0, "StatusMessage": "success"}),
        ("dingtalk", {"errcode": 0, "errmsg": "ok"}),
        ("wecom", {"errcode": 0, "errmsg": "ok"}),
    ],
)
def test_a_product_that_took_it_is_done(product: Format, body: Any) -> None:
    assert answered(product, 200, body).outcome == "sent"


@pytest.mark.parametrize(
    ("product", "body", "reason", "wait"),
    [
        ("feishu", {"code": 19021, "msg": "sign match fail"}, "19021: sign match fail", None),
        ("feishu", {"code": 11232, "msg": "frequency limited"}, "feishu says 11232", 60),
        ("dingtalk", {"errcode": 310000, "errmsg": "keywords not in content"}, "keywords", None),
        ("dingtalk", {"errcode": 130101, "errmsg": "send too fast"}, "send too fast", 600),
        ("wecom", {"errcode": 45009, "errmsg": "api freq out of limit"}, "wecom says 45009", 60),
        ("wecom", {"errcode": 93000, "errmsg": "invalid webhook url"}, "invalid webhook", None),
        ("teams", b"Webhook message delivery failed with error: HTTP error 429", "429", None),
        ("feishu", b"<html>maintenance</html>", "feishu says neither yes nor no", None),
        ("dingtalk", b"", "neither yes nor no", None),
        ("wecom", [], "neither yes nor no", None),
        ("wecom", b"[" * 10_000, "neither yes nor no", None),
        ("dingtalk", {"errcode": "a\nb", "errmsg": ["x\u001b[31m"]}, "says a b: ['x", None),
    ],
)
def test_an_answer_of_200_that_says_no_is_a_failure_and_its_reason_is_kept(
    product: Format, body: Any, reason: str, wait: int | None
) -> None:
    found = answered(product, 200, body)
    assert (found.outcome, found.status_code) == ("retry", 200)
    assert reason in found.reason and found.reason.isprintable()
    assert found.retry_after == (wait and timedelta(seconds=wait))


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (404, b"no_service", "disabled"),
        (404, b"channel_not_found", "disabled"),
        (410, b"channel_is_archived", "disabled"),
        (403, b"action_prohibited", "retry"),
        (400, b"invalid_payload", "retry"),
        (500, b"no_service_at_all", "retry"),
    ],
)
def test_a_slack_webhook_that_is_no_more_is_not_asked_again(
    status: int, body: bytes, outcome: str
) -> None:
    found = answered("slack", status, body)
    assert (found.outcome, found.reason) == (outcome, f"HTTP {status}: {body.decode()}")


def test_what_a_product_writes_is_cut_to_one_printable_line() -> None:
    found = answered("slack", 500, b"first\nsecond \x1b[31m\xff" + b"x" * 20_000)
    assert found.reason.startswith("HTTP 500: first second [31m")
    assert found.reason.isprintable() and len(found.reason) < 200


def test_no_key_of_the_url_and_no_secret_is_told() -> None:
    receiver = Receiver(
        name="r",
        format="dingtalk",
        url="https://oapi.example.com/robot/send?access_token=c4n4ry%2Btoken",
        secrets=["SECc4n4ry"],
    )
    text = "token c4n4ry%2Btoken or c4n4ry+token of SECc4n4ry at oapi.example.com"
    assert redacted(text, receiver) == "token … or … of … at oapi.example.com"
