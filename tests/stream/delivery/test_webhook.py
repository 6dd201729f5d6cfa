"""One notice: signed so that others can check it, bounded whatever the receiver does."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks.webhooks import WebhookVerificationError

from stream.delivery import addresses
from stream.delivery.answers import Attempt
from stream.delivery.notice import notice_of
from stream.delivery.render import encode, render
from stream.delivery.webhook import send, webhook_id
from tests.stream.hooks import (
    OTHER_SECRET,
    SECRET,
    Answer,
    drip,
    flood,
    hook,
    listener,
    status,
    written,
)

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


def hook_free_receiver() -> Any:
    with hook() as there:
        return there.receiver()


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


@pytest.mark.parametrize(
    ("head", "outcome", "reason"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", "retry", "feishu says neither yes nor no"),
        (b"HTTP/1.1 500 no\r\nContent-Length: 1000000000\r\n\r\n", "retry", "HTTP 500: xxx"),
        (b"HTTP/1.1 200 OK\r\nX: ", "retry", "too long"),
    ],
)
def test_of_an_endless_answer_at_most_20_kb_are_read(
    monkeypatch: pytest.MonkeyPatch, head: bytes, outcome: str, reason: str
) -> None:
    """Also of a product whose words count."""
    sizes: list[int] = []
    read = addresses._BoundedStream.read

    def counted(stream: Any, *rest: Any, **named: Any) -> bytes:
        data = read(stream, *rest, **named)
        sizes.append(len(data))
        return data

    monkeypatch.setattr(addresses._BoundedStream, "read", counted)
    with hook(flood(head)) as there:
        receiver = there.receiver(format="feishu", secrets=[])
        attempt = send(receiver, "msg_1", {}, datetime.now(UTC))
    assert (attempt.outcome, reason in attempt.reason) == (outcome, True)
    assert 4096 <= sum(sizes) <= 20_000


def test_a_product_that_refuses_with_200_is_tried_again_and_says_why() -> None:
    with hook(written(200, b'{"errcode":310000,"errmsg":"sign not match"}')) as there:
        receiver = there.receiver(format="dingtalk", secrets=["SEC1"], path="/send?access_token=t")
        attempt = send(receiver, "msg_1", {"msgtype": "markdown"}, datetime.now(UTC))
    assert (attempt.outcome, attempt.status_code) == ("retry", 200)
    assert attempt.reason == "dingtalk says 310000: sign not match"


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
