"""What Prometheus Alertmanager sends to a webhook receiver (its version "4").

Each notice is a group of one alert. Two alerts never share a `groupKey`, so that a bridge which
keeps one incident a group does not close one of them with the other.
Source: https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from stream.delivery.notice import Notice
from stream.delivery.plain import without_markup
from stream.delivery.wording import message
from stream.receivers import Receiver

LARGEST = 20_000  # bytes; Alertmanager itself knows no limit

_NOT_ENDED = "0001-01-01T00:00:00Z"  # Go's zero time


def body(notice: Notice, receiver: Receiver) -> dict[str, Any]:
    """The payload. `alertname` is the rule.

    Whoever shows the annotations may take them for Markdown or HTML: posts are left out, and what
    else strangers wrote stands in look-alike characters.
    """
    told = message(notice, receiver.language, receiver.time_zone)
    over = notice.state == "resolved"
    status = "resolved" if over else "firing"
    labels = {
        "alertname": notice.rule,
        "alert_id": notice.alert_id,
        "brand": notice.brand,
        "kind": notice.kind,
        "severity": notice.severity,
    }
    if notice.topic:
        labels["topic"] = notice.topic
    annotations = {
        "summary": without_markup(told.title),
        "description": "\n".join(map(without_markup, told.lines())),
        "state": notice.state,
        "transition": notice.transition,
        "group_key": notice.group_key,
    }
    alert = {
        "status": status,
        "labels": labels,
        "annotations": annotations,
        "startsAt": _time(notice.opened_at),
        "endsAt": _time(notice.changed_at) if over else _NOT_ENDED,
        "generatorURL": notice.url,
        "fingerprint": notice.alert_id[:16],
    }
    group = {"alertname": notice.rule, "alert_id": notice.alert_id}
    return {
        "version": "4",
        "groupKey": _group_key(group),
        "truncatedAlerts": 0,
        "status": status,
        "receiver": receiver.name,
        "groupLabels": group,
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": notice.url,
        "alerts": [alert],
    }


def _group_key(labels: dict[str, str]) -> str:
    """As Alertmanager writes it: the route, here the topmost, and the group's labels."""
    pairs = (f"{name}={json.dumps(labels[name], ensure_ascii=False)}" for name in sorted(labels))
    return f"{{}}:{{{', '.join(pairs)}}}"


def _time(time: datetime) -> str:
    return time.isoformat().replace("+00:00", "Z")
