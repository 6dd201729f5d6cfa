"""Every attempt as it was kept, and the wish that one be made again.

`deliveries` is only ever added to: to ask again is a row of its own, with the outcome
`retry_asked`, which makes the notice due and begins its waits anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stream.database import Client, errors_sorted
from stream.delivery.due import TOLD_WITHIN
from stream.delivery.outbox import DELIVERY_COLUMNS, Delivery, keep
from stream.errors import UsageError
from stream.time_zones import stamp

MOST_LISTED = 1_000_000
_SHORTEST_ID = 4  # characters; fewer could mean anything

# Which notices are meant; '' means any.
_MEANT = """
startsWith(alert_id, {alert:String})
    AND ({receiver:String} = '' OR receiver = {receiver:String})"""

_NOTICE = "alert_id, step, transition, receiver"

_LISTED = f"""
SELECT {", ".join(DELIVERY_COLUMNS)} FROM deliveries
WHERE {_MEANT} AND ({{failed:UInt8}} = 0 OR ({_NOTICE}) NOT IN (
    SELECT {_NOTICE} FROM deliveries WHERE {_MEANT} AND outcome = 'sent'))
ORDER BY attempted_at DESC, {_NOTICE}, attempt DESC, outcome
LIMIT {{limit:UInt32}}
SETTINGS max_execution_time = 20"""

_MEANT_ALERTS = f"""
SELECT DISTINCT alert_id FROM deliveries WHERE {_MEANT} LIMIT 1000
SETTINGS max_execution_time = 20"""

# The last attempt of each notice that has not arrived, and whether its alert is still news.
_NOT_ARRIVED = f"""
SELECT {_NOTICE}, last.1, last.2, last.3, ({_NOTICE.removesuffix(", receiver")}) IN (
    SELECT alert_id, step, transition FROM alerts FINAL
    WHERE written_at > {{oldest:DateTime64(3, 'UTC')}})
FROM (
    SELECT {_NOTICE}, countIf(outcome = 'sent') AS arrived,
        argMax((endpoint, webhook_id, attempt, outcome), (attempt, outcome = 'retry_asked')) AS last
    FROM deliveries WHERE {_MEANT} GROUP BY {_NOTICE}
)
WHERE arrived = 0 AND last.4 != 'retry_asked'
ORDER BY {_NOTICE}
SETTINGS max_execution_time = 20"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: notices that are due now, and those too old to be news."""

    again: int
    too_old: int


def attempts(
    client: Client, *, alert: str = "", receiver: str = "", failed: bool = False, limit: int = 100
) -> list[Delivery]:
    """The latest attempts, the newest first. `failed`: only of notices that have not arrived.

    `alert` is an id or its first digits; empty, like `receiver`, it means any. Raises RetryLater.
    """
    values = {"alert": alert, "receiver": receiver, "failed": int(failed), "limit": limit}
    with errors_sorted():
        return [Delivery(*row) for row in client.query(_LISTED, parameters=values).result_rows]


def ask_again(
    client: Client, *, by: str, now: datetime, alert: str = "", receiver: str = ""
) -> Asked:
    """Make due what has not arrived, whether given up, disabled or waiting for its next attempt.

    `alert` is an id or its first digits; empty, like `receiver`, it means any. `by` is kept as the
    reason; `now` is the wall clock. Raises UsageError where nothing was ever sent of what is
    meant, or several alerts are, and RetryLater.
    """
    values = {"alert": alert, "receiver": receiver, "oldest": now - TOLD_WITHIN}
    with errors_sorted():
        alerts = [row[0] for row in client.query(_MEANT_ALERTS, parameters=values).result_rows]
        _check(alert, receiver, alerts)
        found = client.query(_NOT_ARRIVED, parameters=values).result_rows
    wishes = [_wish(row, by, now) for row in found if row[-1]]
    if wishes:
        keep(client, wishes)
    return Asked(len(wishes), len(found) - len(wishes))


def as_plain(one: Delivery) -> dict[str, Any]:
    """An attempt for machines. `next_attempt_at` is null where none is due."""
    waits = one.outcome in {"retry", "retry_asked"}
    return {
        "attempted_at": stamp(one.attempted_at),
        "receiver": one.receiver,
        "alert_id": one.alert_id,
        "step": one.step,
        "transition": one.transition,
        "attempt": one.attempt,
        "outcome": one.outcome,
        "status_code": one.status_code,
        "reason": one.reason,
        "seconds": one.seconds,
        "next_attempt_at": stamp(one.next_attempt_at) if waits else None,
        "webhook_id": one.webhook_id,
    }


def _check(alert: str, receiver: str, alerts: Sequence[str]) -> None:
    """Whether it is clear what is meant, and there is any of it."""
    if not alert and not receiver:
        return
    meant = " ".join(
        filter(None, (alert and f"--alert {alert}", receiver and f"--receiver {receiver}"))
    )
    if 0 < len(alert) < _SHORTEST_ID:
        raise UsageError(f"--alert {alert}: give at least {_SHORTEST_ID} characters of its id")
    if not alerts:
        raise UsageError(f"{meant}: nothing was ever sent; see `undertone deliveries list`")
    if alert and len(alerts) > 1:
        raise UsageError(f"--alert {alert}: {len(alerts)} ids begin so; give more of it")


def _wish(row: Sequence[Any], by: str, now: datetime) -> Delivery:
    alert_id, step, transition, receiver, endpoint, webhook_id, attempt, _ = row
    return Delivery(
        alert_id=alert_id,
        step=step,
        transition=transition,
        receiver=receiver,
        endpoint=endpoint,
        webhook_id=webhook_id,
        attempt=attempt,
        outcome="retry_asked",
        status_code=0,
        reason=f"by {by}",
        seconds=0.0,
        next_attempt_at=now,
        attempted_at=now,
    )
