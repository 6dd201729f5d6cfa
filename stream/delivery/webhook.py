"""One attempt: a signed request to one receiver, bounded in time and bytes whatever it does."""

from __future__ import annotations

import hashlib
import time
from dataclasses import replace
from datetime import datetime

import httpcore

from stream import __version__
from stream.delivery.addresses import AddressRefused, GuardedBackend, Policy, endpoint, trusted
from stream.delivery.answers import READ_BODY_OF, Attempt, judged, redacted
from stream.delivery.render import Body
from stream.delivery.signing import signed
from stream.receivers import Receiver

MOST_READ = 20_000  # bytes of an answer, its headers included
TIMEOUT = 15.0  # seconds for the whole exchange


def webhook_id(alert_id: str, step: int, transition: str, receiver: str) -> str:
    """The same at every repeat, so that a receiver can drop those it has."""
    text = "\x1f".join((alert_id, str(step), transition, receiver))
    return "msg_" + hashlib.sha256(text.encode()).hexdigest()[:32]


def endpoint_of(receiver: Receiver) -> str:
    """A name for the URL that gives nothing of it away."""
    return hashlib.sha256(receiver.url.get_secret_value().encode()).hexdigest()[:16]


def send(
    receiver: Receiver, webhook_id: str, body: Body, now: datetime, timeout: float = TIMEOUT
) -> Attempt:
    """One POST; never raises for what the receiver or the network does. `now` is the wall clock."""
    began = time.monotonic()
    attempt = _exchange(receiver, webhook_id, body, now, timeout)
    return replace(
        attempt,
        reason=redacted(attempt.reason, receiver),
        seconds=round(time.monotonic() - began, 3),
    )


def _exchange(
    receiver: Receiver, webhook_id: str, body: Body, now: datetime, timeout: float
) -> Attempt:
    policy = Policy(receiver.allow_private, receiver.allowed_subnets)
    request = signed(receiver, webhook_id, body, now)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"undertone/{__version__}",
        "Connection": "close",
        **request.headers,
    }
    try:
        to = endpoint(request.url)
        url = httpcore.URL(scheme=to.scheme, host=to.host, port=to.port, target=to.target)
        guard = GuardedBackend(policy, timeout, MOST_READ)
        with (
            httpcore.ConnectionPool(ssl_context=trusted(), network_backend=guard) as pool,
            pool.stream(
                "POST", url, headers=list(headers.items()), content=request.content
            ) as answer,
        ):
            told = _beginning(answer) if receiver.format in READ_BODY_OF else b""
            return judged(answer.status, dict(answer.headers), now, receiver.format, told)
    except AddressRefused as error:
        return Attempt("retry", 0, f"address refused: {error}")
    except (httpcore.TimeoutException, TimeoutError):
        return Attempt("retry", 0, f"no answer within {timeout:g} s")
    except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
        text = (str(error).splitlines() or [""])[0]
        return Attempt("retry", 0, f"{type(error).__name__}: {text}"[:200])


def _beginning(answer: httpcore.Response) -> bytes:
    """What the receiver wrote, as far as it is read; the guard ends what is too much."""
    found = b""
    try:
        for part in answer.iter_stream():
            found += part
    except httpcore.ReadError:
        pass
    return found
