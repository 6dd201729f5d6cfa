"""One notice: signed so that others can check it, bounded whatever the receiver does."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from stream.delivery.answers import Attempt, judged
from stream.delivery.notice import notice_of
from stream.delivery.render import encode, render
from stream.delivery.signing import standard_headers
from stream.delivery.webhook import send, webhook_id
from tests.stream.hooks import OTHER_SECRET, SECRET, Answer, drip, flood, hook, listener, status

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def row(**evidence: Any) -> dict[str, Any]:
    return {
        "alert_id": "a" * 32,
        "step": 1,
        "transition": "opened",
        "rule": "mood",
        "brand": "爱可美 🔥",
        "topic": "",
        "state": "open",
        "severity": "high",
        "opened_at": NOON,
        "changed_at": NOON,
        "observed": 40.0,
        "expected": 3.5,
        "evidence": json.dumps(evidence),
    }


def told(**evidence: Any) -> dict[str, Any]:
    """The generic payload of a row with this evidence."""
    return render(notice_of(row(**evidence)), hook_free_receiver())


def test_the_reference_library_verifies_what_arrives() -> None:
    body = told(posts=[{"text": "烫手 🔥 <!channel> \u202e"}])
    with hook() as there:
        attempt = send(there.receiver(), "msg_1", body, datetime.now(UTC))
        assert (attempt.outcome, attempt.status_code) == ("sent", 204)
        [message] = there.verified()
    headers, _ = there.messages[0]
    assert message == body
    assert message["type"] == "alert.opened"
    assert message["timestamp"] == message["data"]["opened_at"] == "2026-11-24T12:00:00Z"
    assert message["data"]["group_key"] == "mood/爱可美 🔥"
    assert headers["webhook-id"] == "msg_1"
    assert headers["content-type"] == "application/json"


def test_during_a_rotation_both_secrets_verify() -> None:
    with hook() as there:
        send(there.receiver(secrets=[SECRET, OTHER_SECRET]), "msg_1", {}, datetime.now(UTC))
        assert there.verified(SECRET) == there.verified(OTHER_SECRET) == [{}]
        send(there.receiver(secrets=[OTHER_SECRET]), "msg_1", {}, datetime.now(UTC))
        with pytest.raises(WebhookVerificationError):
            there.verified(SECRET)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_a_signature_of_another_time_is_refused(minutes: int) -> None:
    receiver = hook_free_receiver()
    at = datetime.now(UTC) + timedelta(minutes=minutes)
    headers = standard_headers(receiver.secrets, "msg_1", at, b"{}")
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify("{}", headers)


def test_the_zone_of_the_clock_does_not_matter() -> None:
    beijing = datetime.now(UTC).astimezone(timezone(timedelta(hours=8)))
    headers = standard_headers(hook_free_receiver().secrets, "msg_1", beijing, b"{}")
    assert Webhook(SECRET).verify("{}", headers) == {}


def hook_free_receiver() -> Any:
    with hook() as there:
        return there.receiver()


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


def test_redirects_are_not_followed() -> None:
    with hook() as target:
        away = status(301, Location=f"http://127.0.0.1:{target.port}/")
        with hook(away) as there:
            attempt = send(there.receiver(), "msg_1", {}, datetime.now(UTC))
        assert attempt.outcome == "retry"
        assert "not followed" in attempt.reason
        assert target.messages == []


@pytest.mark.parametrize(
    ("answer", "outcome", "reason"),
    [
        (drip, "retry", "no answer within 0.4 s"),
        (flood(b"HTTP/1.1 200 OK\r\nX: "), "retry", "too long"),
        (flood(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n"), "sent", ""),
        (flood(b"what?"), "retry", "too long"),
        (lambda request: request.wfile.write(b"what?\r\n\r\n"), "retry", "ProtocolError"),
    ],
)
def test_time_and_bytes_are_bounded(answer: Answer, outcome: str, reason: str) -> None:
    with hook(answer) as there:
        attempt = send(there.receiver(), "msg_1", {}, datetime.now(UTC), timeout=0.4)
    assert attempt.outcome == outcome
    assert reason in attempt.reason


def test_nobody_there_is_worth_another_try_and_the_url_is_not_told() -> None:
    with listener() as (port, _):
        pass
    with hook() as there:
        receiver = there.receiver(url=f"http://127.0.0.1:{port}/canary?token=canary")
    attempt = send(receiver, "msg_1", {}, datetime.now(UTC), timeout=2)
    assert (attempt.outcome, attempt.status_code) == ("retry", 0)
    assert "canary" not in attempt.reason
    assert SECRET not in str(attempt)


def test_a_payload_is_cut_to_what_receivers_take() -> None:
    posts = [{"text": "🔥" * 280, "post_id": str(number)} for number in range(40)]
    body = told(posts=posts, terms=["过热"], summary="40 posts")
    assert len(encode(body)) <= 20_000
    evidence = body["data"]["evidence"]
    assert [post["post_id"] for post in evidence["posts"]] == [
        str(n) for n in range(len(evidence["posts"]))
    ]
    assert len(evidence["posts"]) >= 10
    assert evidence["terms"] == ["过热"]
    body = told(summary="s", sources={f"source-{n}": n for n in range(5000)})
    assert len(encode(body)) <= 20_000
    assert body["data"]["evidence"] == {"summary": "s"}


def test_the_id_is_of_alert_step_transition_and_receiver() -> None:
    ids = {
        webhook_id("a", 1, "opened", "r"),
        webhook_id("a", 2, "opened", "r"),
        webhook_id("a", 1, "resolved", "r"),
        webhook_id("a", 1, "opened", "s"),
        webhook_id("b", 1, "opened", "r"),
    }
    assert len(ids) == 5
    assert webhook_id("a", 1, "opened", "r") in ids
    assert all("." not in one for one in ids)
    assert Attempt("sent", 200, "").seconds == 0
