"""What is due, and when it is due again: a query over `alerts` and `deliveries`, and the waits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from stream.database import Client

# After each failed attempt, the wait until the next; after the last the receiver is given up.
# About a day in all.
WAITS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 30, 120, 600, 1800, 3600, 7200, 14400, 28800, 28800)
)
JITTER = 0.2
LONGEST_WAIT = timedelta(hours=8)  # whatever a Retry-After asks for
TOLD_WITHIN = timedelta(days=7)  # older transitions are history, not news

AT_ONCE = 4  # requests to one receiver
_SAID_TWICE = 2  # as often the whole notice is tried where it is refused for what it says
_REFUSES_CONTENT = {*range(200, 300), 400, 413, 422}

_FINAL = "('sent', 'disabled', 'gave_up')"

_DUE = f"""
SELECT a.alert_id, a.step, a.transition, a.receiver, toUInt32(d.attempts), toUInt32(d.asked),
    toUInt32(d.status)
FROM (
    SELECT alert_id, step, transition, changed_at, arrayJoin(arrayDistinct(receivers)) AS receiver
    FROM alerts FINAL WHERE written_at > {{oldest:DateTime64(3, 'UTC')}}
) AS a
LEFT JOIN (
    SELECT alert_id, step, transition, receiver, max(attempt) AS attempts,
        maxIf(attempt, outcome = 'retry_asked') AS asked,
        argMaxIf(status_code, attempt, outcome != 'retry_asked') AS status,
        argMax(next_attempt_at, (attempt, outcome = 'retry_asked')) AS next_at,
        maxIf(attempt, outcome IN {_FINAL}) > asked AS is_final
    FROM deliveries GROUP BY alert_id, step, transition, receiver
) AS d USING (alert_id, step, transition, receiver)
WHERE d.is_final = 0 AND (d.attempts = 0 OR d.next_at <= {{now:DateTime64(3, 'UTC')}})
ORDER BY a.changed_at, a.alert_id, a.step
LIMIT {AT_ONCE} BY a.receiver
SETTINGS max_execution_time = 20, join_use_nulls = 0"""

Key = tuple[str, int, str, str]  # alert, step, transition, receiver


@dataclass(frozen=True, slots=True)
class Due:
    """A notice to be sent: how often it was, how often when somebody asked for it last, and the
    status of the last attempt, 0 where there was no answer."""

    key: Key
    attempts: int
    asked: int
    last_status: int

    @property
    def attempt(self) -> int:
        return self.attempts + 1

    @property
    def tries(self) -> int:
        """Number of this attempt since somebody asked, if anybody did."""
        return self.attempt - self.asked

    @property
    def is_refused(self) -> bool:
        """Whether what strangers wrote may be what the receiver does not take."""
        return self.tries > _SAID_TWICE and self.last_status in _REFUSES_CONTENT


def due(client: Client, now: datetime) -> list[Due]:
    """What is to be sent now, the oldest first and at most `AT_ONCE` to a receiver."""
    values = {"now": now, "oldest": now - TOLD_WITHIN}
    rows = client.query(_DUE, parameters=values).result_rows
    return [Due((*row[:4],), *map(int, row[4:])) for row in rows]


def wait_after(attempt: int, message: str, asked: timedelta | None = None) -> timedelta | None:
    """How long to wait after failed attempt number `attempt` (from 1); None: give up.

    The jitter depends on message and attempt alone. A Retry-After may lengthen the wait, not
    shorten it.
    """
    if attempt > len(WAITS):
        return None
    digest = hashlib.sha256(f"{message}\x1f{attempt}".encode()).digest()
    spread = 1 + JITTER * (2 * int.from_bytes(digest[:4], "big") / 0xFFFFFFFF - 1)
    return max(WAITS[attempt - 1] * spread, min(asked or timedelta(0), LONGEST_WAIT))
