"""What a receiver's answer means: arrived, try again, or nobody wants it any more. Pure.

A generic receiver says it by the status alone. The products also by what they write: some answer
200 to what they refuse, with a code of their own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import unquote

from stream.delivery.plain import one_line
from stream.receivers import Format, Receiver

Outcome = Literal["sent", "retry", "disabled", "gave_up", "retry_asked"]
"""What a row of `deliveries` records; the last is a person's wish, not an attempt."""

READ_BODY_OF: tuple[Format, ...] = ("slack", "teams", "feishu", "dingtalk", "wecom")

_OK, _REDIRECTS, _GONE = range(200, 300), range(300, 400), 410
_TOLD = 160  # characters of what a product writes
_TOKEN = 8  # characters; what is shorter in a URL is no secret

# Slack's words for a webhook or a channel that is no more.
_SLACK_GONE = {"no_service", "no_team", "team_disabled", "channel_not_found", "channel_is_archived"}
_CODE_NAMES: dict[Format, tuple[str, ...]] = {
    "feishu": ("code", "StatusCode"),
    "dingtalk": ("errcode",),
    "wecom": ("errcode",),
}
# Too many messages: DingTalk takes 20 a minute and then none for ten, WeCom 20 and Feishu 100.
_SLOW_DOWN: dict[tuple[Format, Any], timedelta] = {
    ("dingtalk", 130101): timedelta(minutes=10),
    ("feishu", 11232): timedelta(minutes=1),
    ("wecom", 45009): timedelta(minutes=1),
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """What came of one request; `status_code` is 0 where there was no answer."""

    outcome: Outcome
    status_code: int
    reason: str
    retry_after: timedelta | None = None
    seconds: float = 0.0


def judged(
    status: int,
    headers: Mapping[bytes, bytes],
    now: datetime,
    product: Format = "generic",
    body: bytes = b"",
) -> Attempt:
    """What an answer means. All but success and the end of it is worth another try: it is but a
    day. `body` is the beginning of what a product of `READ_BODY_OF` wrote.
    """
    if status in _OK:
        return _taken(status, product, body)
    told = one_line(body.decode("utf-8", "replace"), _TOLD)
    reason = f"HTTP {status}" + (f": {told}" if told else "")
    if status == _GONE and product not in READ_BODY_OF:
        return Attempt("disabled", status, "HTTP 410: the receiver wants no more")
    if status == _GONE or (product == "slack" and told in _SLACK_GONE):
        return Attempt("disabled", status, reason)
    if status in _REDIRECTS:
        reason = f"HTTP {status}: redirects are not followed; give the receiver's final URL"
    lower = {name.lower(): value for name, value in headers.items()}
    return Attempt("retry", status, reason, _retry_after(lower.get(b"retry-after"), now))


def redacted(text: str, receiver: Receiver) -> str:
    """The text without anything of the receiver's URL or secrets that could be a key to it."""
    keys = re.split(r"[/?&=#]+", receiver.url.get_secret_value())[2:]  # after scheme and host
    keys += [unquote(key) for key in keys]
    keys += [secret.get_secret_value() for secret in receiver.secrets]
    for key in sorted(filter(lambda key: len(key) >= _TOKEN, keys), key=len, reverse=True):
        text = text.replace(key, "…")
    return text


def _taken(status: int, product: Format, body: bytes) -> Attempt:
    """Whether a 2xx is one."""
    text = one_line(body.decode("utf-8", "replace"), _TOLD)
    if product == "teams" and "delivery failed" in text.lower():  # a retired connector says so
        return Attempt("retry", status, text)
    names = _CODE_NAMES.get(product)
    if names is None:
        return Attempt("sent", status, "")
    answer = _object(body)
    code = next((answer[name] for name in names if name in answer), None)
    if code == 0:
        return Attempt("sent", status, "")
    if code is None:
        return Attempt("retry", status, f"HTTP {status}, but {product} says neither yes nor no")
    why = answer.get("errmsg") or answer.get("msg") or answer.get("StatusMessage") or ""
    reason = f"{product} says {one_line(str(code), 20)}: {one_line(str(why), _TOLD)}"
    slower = _SLOW_DOWN.get((product, code)) if isinstance(code, int) else None
    return Attempt("retry", status, reason, slower)


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


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
