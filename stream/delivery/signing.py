"""How a request is signed: Standard Webhooks, or a bot's own way. `now` is the wall clock."""

from __future__ import annotations

import base64
import hashlib
import hmac
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote

from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from stream.delivery.render import Body, encode
from stream.receivers import Receiver


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent. The URL may hold a token."""

    url: str = field(repr=False)
    content: bytes
    headers: dict[str, str]


def signed(receiver: Receiver, webhook_id: str, body: Body, now: datetime) -> Request:
    """The body as its receiver wants it; each attempt has a signature of its own time."""
    url = receiver.url.get_secret_value()
    if receiver.format == "feishu" and receiver.secrets:
        seconds = str(int(now.timestamp()))
        body = {"timestamp": seconds, "sign": feishu_sign(receiver.secrets[0], seconds), **body}
    elif receiver.format == "dingtalk" and receiver.secrets:
        milliseconds = str(int(now.timestamp() * 1000))
        sign = quote(dingtalk_sign(receiver.secrets[0], milliseconds), safe="")
        url += f"{'&' if '?' in url else '?'}timestamp={milliseconds}&sign={sign}"
    content = encode(body)
    standard = receiver.secrets and receiver.format not in {"feishu", "dingtalk"}
    headers = standard_headers(receiver.secrets, webhook_id, now, content) if standard else {}
    return Request(url, content, headers)


def standard_headers(
    secrets: Sequence[SecretStr], webhook_id: str, now: datetime, content: bytes
) -> dict[str, str]:
    """The three headers of Standard Webhooks, with one signature for each secret."""
    at = now.astimezone(UTC)  # the library takes the clock's face for UTC, whatever the zone
    text = content.decode()
    signatures = [
        Webhook(secret.get_secret_value()).sign(webhook_id, at, text) for secret in secrets
    ]
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(math.floor(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def feishu_sign(secret: SecretStr, seconds: str) -> str:
    """HMAC-SHA256 of nothing, keyed by time and secret (open.feishu.cn, custom bot)."""
    key = f"{seconds}\n{secret.get_secret_value()}".encode()
    return base64.b64encode(hmac.new(key, b"", hashlib.sha256).digest()).decode()


def dingtalk_sign(secret: SecretStr, milliseconds: str) -> str:
    """HMAC-SHA256 of time and secret, keyed by the secret (open.dingtalk.com, custom robots)."""
    key = secret.get_secret_value()
    text = f"{milliseconds}\n{key}".encode()
    return base64.b64encode(hmac.new(key.encode(), text, hashlib.sha256).digest()).decode()
