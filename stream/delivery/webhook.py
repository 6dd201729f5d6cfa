"""One notice to one receiver: the payload, its signature (Standard Webhooks), and one attempt.

Whether to try again is decided here, when is decided by the outbox. The receiver's answer is not
kept: only its status counts.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import httpcore
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from stream import __version__
from stream.delivery.addresses import AddressRefused, GuardedBackend, Policy, endpoint, trusted
from stream.receivers import Receiver

Outcome = Literal["sent", "retry", "disabled", "gave_up"]

LARGEST = 20_000  # bytes of a payload, and read of an answer
TIMEOUT = 15.0  # seconds for the whole exchange

_OK, _REDIRECTS, _GONE = range(200, 300), range(300, 400), 410


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one request; `status_code` is 0 where there was no answer."""

    outcome: Outcome
    status_code: int
    reason: str
    retry_after: timedelta | None = None
    seconds: float = 0.0


def webhook_id(alert_id: str, step: int, transition: str, receiver: str) -> str:
    """The same at every repeat, so that a receiver can drop those it has."""
    text = "\x1f".join((alert_id, str(step), transition, receiver))
    return "msg_" + hashlib.sha256(text.encode()).hexdigest()[:32]


def endpoint_of(receiver: Receiver) -> str:
    """A name for the URL that gives nothing of it away."""
    return hashlib.sha256(receiver.url.get_secret_value().encode()).hexdigest()[:16]


def payload(row: dict[str, Any]) -> bytes:
    """The generic JSON of a row of `alerts`, below `LARGEST` bytes: the last posts go first."""
    evidence = json.loads(row["evidence"] or "{}")
    data = {name: value for name, value in row.items() if name not in {"evidence", "transition"}}
    body = {
        "type": f"alert.{row['transition']}",
        "timestamp": row["changed_at"],
        "data": data | {"group_key": f"{row['rule']}/{row['brand']}", "evidence": evidence},
    }
    encoded = _encode(body)
    while len(encoded) >= LARGEST and evidence:
        for name in ("posts", "terms"):
            if evidence.get(name):
                evidence[name].pop()
                break
        else:
            evidence.pop(max(evidence, key=lambda name: len(str(evidence[name]))))
        encoded = _encode(body)
    return encoded


def signed_headers(
    secrets: Sequence[SecretStr], webhook_id: str, now: datetime, body: bytes
) -> dict[str, str]:
    """The three headers of Standard Webhooks, with one signature for each secret."""
    at = now.astimezone(UTC)  # the library takes the clock's face for UTC, whatever the zone
    text = body.decode()
    signatures = [
        Webhook(secret.get_secret_value()).sign(webhook_id, at, text) for secret in secrets
    ]
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(math.floor(at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def send(
    receiver: Receiver, webhook_id: str, body: bytes, now: datetime, timeout: float = TIMEOUT
) -> Attempt:
    """One POST; never raises for what the receiver or the network does. `now` is the wall clock."""
    began = time.monotonic()
    attempt = _exchange(receiver, webhook_id, body, now, timeout)
    seconds = round(time.monotonic() - began, 3)
    return Attempt(
        attempt.outcome, attempt.status_code, attempt.reason, attempt.retry_after, seconds
    )


def _exchange(
    receiver: Receiver, webhook_id: str, body: bytes, now: datetime, timeout: float
) -> Attempt:
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"undertone/{__version__}",
        "Connection": "close",
        **signed_headers(receiver.secrets, webhook_id, now, body),
    }
    policy = Policy(receiver.allow_private, receiver.allowed_subnets)
    try:
        to = endpoint(receiver.url.get_secret_value())
        url = httpcore.URL(scheme=to.scheme, host=to.host, port=to.port, target=to.target)
        guard = GuardedBackend(policy, timeout, LARGEST)
        with (
            httpcore.ConnectionPool(ssl_context=trusted(), network_backend=guard) as pool,
            pool.stream("POST", url, headers=list(headers.items()), content=body) as answer,
        ):
            return judged(answer.status, dict(answer.headers), now)
    except AddressRefused as error:
        return Attempt("retry", 0, f"address refused: {error}")
    except (httpcore.TimeoutException, TimeoutError):
        return Attempt("retry", 0, f"no answer within {timeout:g} s")
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        text = (str(error).splitlines() or [""])[0]
        return Attempt("retry", 0, f"{type(error).__name__}: {text}"[:200])


def judged(status: int, headers: dict[bytes, bytes], now: datetime) -> Attempt:
    """What a status means. Everything but success and 410 is worth another try: it is but a day."""
    if status in _OK:
        return Attempt("sent", status, "")
    if status == _GONE:
        return Attempt("disabled", status, "HTTP 410: the receiver wants no more")
    reason = f"HTTP {status}"
    if status in _REDIRECTS:
        reason += ": redirects are not followed; give the receiver's final URL"
    lower = {name.lower(): value for name, value in headers.items()}
    return Attempt("retry", status, reason, _retry_after(lower.get(b"retry-after"), now))


def _retry_after(value: bytes | None, now: datetime) -> timedelta | None:
    """Seconds or an HTTP date, from now; None for what is neither."""
    if value is None:
        return None
    text = value.decode("ascii", "replace").strip()
    try:
        if text.isdigit():
            return timedelta(seconds=min(int(text), 10**6))
        at = parsedate_to_datetime(text)
        return max(timedelta(0), (at if at.tzinfo else at.replace(tzinfo=UTC)) - now)
    except (ValueError, OverflowError):
        return None


def _encode(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, default=_plain, separators=(",", ":")).encode()


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} has no place in a payload")
