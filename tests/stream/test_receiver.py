"""The receiver as a customer would write it: believes only what is signed, and counts it once."""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta

import httpx
from standardwebhooks.webhooks import Webhook

from stream.receiver import Receiver

SECRET = "whsec_" + base64.b64encode(b"x" * 32).decode()


def post(receiver: Receiver, secret: str, at: datetime) -> int:
    body = '{"type": "alert.opened"}'
    signature = Webhook(secret).sign("msg_1", at, body)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
    }
    return httpx.post(receiver.url, content=body, headers=headers).status_code


def test_what_is_signed_is_taken_once_and_what_is_not_is_refused() -> None:
    now = datetime.now(UTC)
    taken: list[object] = []
    other = "whsec_" + base64.b64encode(b"y" * 32).decode()
    with Receiver(SECRET, taken.append) as receiver:
        assert post(receiver, SECRET, now) == 204
        assert post(receiver, SECRET, now) == 204
        assert post(receiver, other, now) == 401
        assert post(receiver, SECRET, now - timedelta(minutes=6)) == 401
        assert httpx.post(receiver.url, content=b"{}").status_code == 401
    assert taken == [{"type": "alert.opened"}]
    assert receiver.repeats == 1 and receiver.refused == 3
