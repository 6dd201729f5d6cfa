"""From a notice to the bytes of a request, below what the product takes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from stream.delivery.formats import alertmanager, dingtalk, feishu, generic, slack, teams, wecom
from stream.delivery.notice import Notice, smaller
from stream.receivers import Format, Receiver

Body = dict[str, Any]


def encode(body: Body) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _length(body: Body) -> int:
    return len(encode(body))


@dataclass(frozen=True, slots=True)
class _Made:
    """How a format is made, and how large it may be, in bytes by its own measure."""

    body: Callable[[Notice, Receiver], Body]
    largest: int
    size: Callable[[Body], int] = _length


FORMATS: dict[Format, _Made] = {
    "generic": _Made(generic.body, generic.LARGEST),
    "alertmanager": _Made(alertmanager.body, alertmanager.LARGEST),
    "slack": _Made(slack.body, slack.LARGEST),
    "teams": _Made(teams.body, teams.LARGEST),
    "feishu": _Made(feishu.body, feishu.LARGEST),
    "dingtalk": _Made(dingtalk.body, dingtalk.LARGEST),
    "wecom": _Made(wecom.body, wecom.LARGEST, wecom.size),
}


def render(notice: Notice, receiver: Receiver) -> Body:
    """The notice in the receiver's format; where it is too large, with less evidence."""
    made = FORMATS[receiver.format]
    told: Notice | None = notice
    while told is not None:
        notice = told
        body = made.body(notice, receiver)
        if made.size(body) <= made.largest:
            return body
        told = smaller(notice)
    return body
