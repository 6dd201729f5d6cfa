"""What is still to be told: transitions × their receivers without a final attempt (DESIGN §4).

There is no queue to lose or to write twice: what is due is a query over `alerts` and `deliveries`.
An attempt is recorded after it was made, so a crash repeats a notice, under its old `webhook-id`,
and never loses one. Requests run in threads of their own; the database is used by the caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

import structlog

from stream.database import Client, errors_sorted
from stream.delivery.answers import Attempt, Outcome
from stream.delivery.due import Due, Key, due, wait_after
from stream.delivery.notice import COLUMNS, notice_of, without_strangers
from stream.delivery.render import render
from stream.delivery.webhook import endpoint_of, send, webhook_id
from stream.receivers import Receiver
from stream.rules import Rules

log = structlog.get_logger()

_MOST_AT_ONCE = 256  # in all: so many slow receivers there must be before others wait

_ROWS = f"""
SELECT {", ".join(COLUMNS)} FROM alerts FINAL
WHERE (alert_id, step, transition) IN {{keys:Array(Tuple(String, UInt32, String))}}
SETTINGS max_execution_time = 20"""

_DISABLED = """
SELECT receiver, endpoint FROM deliveries
WHERE outcome IN ('sent', 'disabled', 'retry_asked')
GROUP BY receiver, endpoint HAVING argMax(outcome, attempted_at) = 'disabled'
SETTINGS max_execution_time = 20"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row of `deliveries`: an attempt and what came of it. Times are of the wall clock."""

    alert_id: str
    step: int
    transition: str
    receiver: str
    endpoint: str
    webhook_id: str
    attempt: int
    outcome: Outcome
    status_code: int
    reason: str
    seconds: float
    next_attempt_at: datetime
    attempted_at: datetime


DELIVERY_COLUMNS = tuple(field.name for field in fields(Delivery))


def keep(client: Client, deliveries: Sequence[Delivery]) -> None:
    """Add rows to `deliveries`. Raises RetryLater."""
    rows = [[getattr(one, name) for name in DELIVERY_COLUMNS] for one in deliveries]
    with errors_sorted():
        client.insert("deliveries", rows, column_names=DELIVERY_COLUMNS)


@dataclass(frozen=True, slots=True)
class _Sending:
    """A request under way."""

    key: Key
    endpoint: str
    message: str
    attempt: int
    tries: int  # since somebody asked for it to be tried again, if anybody did
    began: datetime
    future: Future[Attempt]


class Outbox:
    """Sends what is due. For one thread. `public_url` is the board's, for links in notices."""

    def __init__(
        self,
        client: Client,
        rules: Rules,
        public_url: str = "",
        send: Callable[..., Attempt] = send,
    ) -> None:
        self._client = client
        self._public_url = public_url
        self._rules = rules
        self._send = send
        self._threads = ThreadPoolExecutor(_MOST_AT_ONCE, thread_name_prefix="webhook")
        self._under_way: dict[Key, _Sending] = {}
        self._unrecorded: list[Delivery] = []

    def follow(self, rules: Rules) -> None:
        """From now on the receivers are those of these rules."""
        self._rules = rules

    def deliver_due(self, now: datetime, patience: float = 0.5) -> list[Delivery]:
        """Start what is due, record what has ended; returns the attempts recorded.

        `now` is the wall clock: receivers live there. Waits at most `patience` seconds for new
        requests; slower ones are recorded by a later call. Raises RetryLater; what could not be
        recorded is recorded by the next call, before anything is sent.
        """
        recorded = self.settle()
        started = self._start(now)
        wait([sending.future for sending in started], timeout=patience)
        return recorded + self.settle()

    def settle(self) -> list[Delivery]:
        """Record what has ended and start nothing; returns the attempts recorded."""
        self._collect()
        return self._record()

    def close(self) -> None:
        """Wait for requests under way, which are bounded in time, and record them."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        try:
            self._collect()
            self._record()
        finally:
            self._client.close()

    def _start(self, now: datetime) -> list[_Sending]:
        with errors_sorted():
            found = [one for one in due(self._client, now) if one.key not in self._under_way]
            if not found:
                return []
            keys = sorted({one.key[:3] for one in found})
            rows = self._client.query(_ROWS, parameters={"keys": keys}).result_rows
            disabled = {(*row,) for row in self._client.query(_DISABLED).result_rows}
        told = {(*row[:3],): dict(zip(COLUMNS, row, strict=True)) for row in rows}
        started = [self._send_one(one, told[one.key[:3]], disabled, now) for one in found]
        self._under_way |= {sending.key: sending for sending in started}
        return started

    def _send_one(
        self, one: Due, row: dict[str, Any], disabled: set[Any], now: datetime
    ) -> _Sending:
        """Send, unless it is known already that nobody is there."""
        name = one.key[3]
        receiver = self._rules.receiver(name)
        message = webhook_id(*one.key)
        endpoint = endpoint_of(receiver) if receiver else ""
        future: Future[Attempt] = Future()
        if receiver is None:
            future.set_result(Attempt("gave_up", 0, "no receiver of this name is configured"))
        elif (name, endpoint) in disabled:
            future.set_result(Attempt("disabled", 0, "the endpoint answered 410 before"))
        else:
            future = self._threads.submit(self._tell, receiver, message, row, now, one.is_refused)
        return _Sending(one.key, endpoint, message, one.attempt, one.tries, now, future)

    def _tell(
        self,
        receiver: Receiver,
        message: str,
        row: dict[str, Any],
        now: datetime,
        is_refused: bool,
    ) -> Attempt:
        try:
            notice = notice_of(row, self._public_url)
            body = render(without_strangers(notice) if is_refused else notice, receiver)
        except Exception as error:  # our own fault in one notice must not silence all others
            log.exception("notice.not_made", alert_id=row["alert_id"], receiver=receiver.name)
            return Attempt("retry", 0, f"the notice could not be made: {type(error).__name__}")
        return self._send(receiver, message, body, now)

    def _collect(self) -> None:
        """Take what has ended off the list of what is under way."""
        for key, sending in list(self._under_way.items()):
            if sending.future.cancelled():
                del self._under_way[key]
            elif sending.future.done():
                del self._under_way[key]
                self._unrecorded.append(_delivery(sending, sending.future.result()))

    def _record(self) -> list[Delivery]:
        if not self._unrecorded:
            return []
        keep(self._client, self._unrecorded)
        recorded, self._unrecorded = self._unrecorded, []
        for one in recorded:
            log.info(
                f"webhook.{one.outcome if one.outcome != 'retry' else 'failed'}",
                receiver=one.receiver,
                alert_id=one.alert_id,
                transition=one.transition,
                attempt=one.attempt,
                status_code=one.status_code,
                reason=one.reason,
            )
        return recorded


def _delivery(sending: _Sending, attempt: Attempt) -> Delivery:
    """The row for what came of a request; a failure is final when no wait is left."""
    ended = sending.began + timedelta(seconds=attempt.seconds)
    outcome, next_at = attempt.outcome, ended
    if outcome == "retry":
        pause = wait_after(sending.tries, sending.message, attempt.retry_after)
        outcome, next_at = ("gave_up", ended) if pause is None else ("retry", ended + pause)
    return Delivery(
        *sending.key,
        endpoint=sending.endpoint,
        webhook_id=sending.message,
        attempt=sending.attempt,
        outcome=outcome,
        status_code=attempt.status_code,
        reason=attempt.reason,
        seconds=attempt.seconds,
        next_attempt_at=next_at,
        attempted_at=sending.began,
    )
